#include "records/state.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "text/json_text.hpp"
#include "text/whole.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::int64_t kLatest = std::int64_t{1} << 50;  // milliseconds since the epoch

std::filesystem::path state_path() { return std::filesystem::path(kStateDirectory) / "state.json"; }

[[noreturn]] void refuse_damaged() {
  throw SystemError(fmt::format(
      "{} is damaged and was ignored: sources with a grant must knock again, and `once` sequences count as "
      "unspent",
      state_path().string()));
}

}  // namespace

std::string to_json(const Saved& saved) {
  json sets = json::object();
  for (const auto& [set, elements] : saved.sets) {
    for (const LiveElement& element : elements) {
      sets[set].push_back({element.key, element.timeout.count(), element.expires.count()});
      if (element.count) sets[set].back().push_back(*element.count);
    }
  }
  return json_text(json{{"knockwork", 1}, {"saved_at_ms", saved.at.count()}, {"sets", sets}}) + '\n';
}

Saved parse_saved(const std::string& text) {
  try {
    const json value = json::parse(text);
    const auto at = whole<std::int64_t>(value.at("saved_at_ms"));
    if (at < 0 || at > kLatest) refuse_damaged();
    Saved saved{milliseconds(at), {}};
    for (const auto& [set, elements] : value.at("sets").items()) {
      for (const json& element : elements) {
        LiveElement one{element.at(0).get<std::string>(), milliseconds(whole<std::int64_t>(element.at(1))),
                        milliseconds(whole<std::int64_t>(element.at(2)))};
        if (element.size() > 3) one.count = whole<std::uint64_t>(element.at(3));
        saved.sets[set].push_back(std::move(one));
      }
    }
    return saved;
  } catch (const json::exception&) {  // its text may quote the file
    refuse_damaged();
  }
}

void warn_of_refused(const Restored& restored, std::vector<std::string>& warnings) {
  if (restored.refused == 0) return;
  warnings.push_back(fmt::format("{}: {} of its entries {} not a source or sequence and {} ignored",
                                 state_path().string(), restored.refused,
                                 restored.refused == 1 ? "is" : "are", restored.refused == 1 ? "is" : "are"));
}

void write_saved(const Saved& saved) { write_file(state_path(), to_json(saved)); }

std::optional<Saved> read_saved() {
  const std::optional<std::string> text = read_file(state_path());
  return text ? std::optional(parse_saved(*text)) : std::nullopt;
}

std::optional<Saved> read_saved(std::vector<std::string>& warnings) {
  try {
    return read_saved();
  } catch (const SystemError& error) {
    warnings.emplace_back(error.what());
    return std::nullopt;
  }
}

}  // namespace knockwork
