// What the files that write reports as JSON share.
#pragma once

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string>

#include "host/clocks.hpp"
#include "knockwork/report.hpp"
#include "text/json_schema.hpp"

namespace knockwork {

inline std::string utc(std::chrono::milliseconds time) {  // RFC 3339
  const std::time_t second = time.count() / 1000;
  std::tm utc{};
  gmtime_r(&second, &utc);
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", utc);
}

template <typename Items, typename Show>
nlohmann::json list(const Items& items, Show show) {
  nlohmann::json values = nlohmann::json::array();
  for (const auto& item : items) values.push_back(show(item));
  return values;
}

inline nlohmann::json to_value(const Waiting& waiting) {
  return {{"id", waiting.id},
          {"since", utc(waiting.since)},
          {"deadline", utc(wall_clock() + waiting.remaining)},
          {"remaining_ms", waiting.remaining.count()}};
}

inline schema::Json waiting_schema() {
  return schema::object("The apply that waits for confirmation. Absent if none waits.",
                        {{"id", schema::text("What `knockwork confirm` takes.")},
                         {"since", schema::time("When it was applied.")},
                         {"deadline", schema::time("When it is rolled back.")},
                         {"remaining_ms", schema::integer("How long until then.")}});
}

}  // namespace knockwork
