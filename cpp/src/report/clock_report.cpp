// The clock and the epochs in words.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "knockwork/derive.hpp"
#include "report/in_json.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

std::string in_utc(UnixTime time) {
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(time.count() / 1000)));
}

std::string utc_to_the_millisecond(UnixTime time) {
  std::string text = utc(time);
  text.insert(text.size() - 1, fmt::format(".{:03}", time.count() % 1000));
  return text;
}

}  // namespace

std::string to_text(const ClockStatus& status) {
  std::string text = fmt::format("{}, {}\n", in_utc(status.now),
                                 status.synchronised ? "synchronized by NTP" : "not synchronized by NTP");
  if (status.off.count() != 0) {
    text += fmt::format("{} of the time that passed since an earlier apply by {}\n",
                        status.off.count() > 0 ? "ahead" : "behind",
                        to_string(Duration::milliseconds(std::abs(status.off.count()) / 1000 * 1000)));
  }
  for (const ClockStatus::Sequence& each : status.sequences) {
    text += fmt::format("{}: epoch {}, accepts {}", each.name, each.epoch, fmt::join(each.accepts, ", "));
    if (each.until.count() > 0) text += fmt::format("; the next begins {}", in_utc(each.until));
    text += '\n';
  }
  return text;
}

std::string to_json(const ClockStatus& status) {
  nlohmann::ordered_json sequences = nlohmann::ordered_json::array();
  for (const ClockStatus::Sequence& each : status.sequences) {
    nlohmann::ordered_json entry{{"name", each.name}, {"epoch", each.epoch}, {"accepts", each.accepts}};
    if (each.until.count() > 0) entry["until"] = utc(each.until);
    sequences.push_back(std::move(entry));
  }
  return json_text(nlohmann::ordered_json{{"time", utc_to_the_millisecond(status.now)},
                                          {"synchronized", status.synchronised},
                                          {"off_ms", status.off.count()},
                                          {"sequences", sequences}});
}

schema::Json clock_schema() {
  const schema::Json sequence =
      schema::object("", {{"name", schema::text("Its name.")},
                          {"epoch", schema::integer("The epoch in force.")},
                          {"accepts", schema::integers("The epochs that this host accepts now.")},
                          {"until", schema::time("When the next one begins. Absent without a `period`."),
                           schema::Key::Is::sometimes}});
  return schema::object(
      "This host's clock, and the epochs of its derived sequences.",
      {{"time", schema::time("The time.")},
       {"synchronized", schema::flag("Whether NTP keeps the clock.")},
       {"off_ms", schema::integer("How far a doubted clock is ahead, or behind if negative.")},
       {"sequences", schema::list("The derived sequences.", sequence)}});
}

}  // namespace knockwork
