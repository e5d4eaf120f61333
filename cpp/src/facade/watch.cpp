// Events of the kernel in a user's words.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "ruleset/ruleset.hpp"
#include "text/json_text.hpp"

namespace knockwork {
namespace {

// The sequences by their last edges; read again where a number is not known.
class Names {
 public:
  explicit Names(Kernel& kernel) : kernel_(kernel) { read(); }

  const std::string& of(std::uint32_t edge) {
    if (!names_.contains(edge)) {
      read();
      names_.try_emplace(edge, "a removed sequence");
    }
    return names_.at(edge);
  }

 private:
  void read() {
    const std::optional<LiveTable> live = kernel_.read();
    if (!live || !live->ours) return;
    for (const Track& track : decompile(live->ruleset)) names_[track.edges.back().id] = track.name;
  }

  Kernel& kernel_;
  std::map<std::uint32_t, std::string> names_;
};

}  // namespace

void watch(Kernel& kernel, Events& events, std::size_t count, const std::function<void(const Seen&)>& show) {
  Names names(kernel);
  while (true) {
    const Events::Batch batch = events.next();
    if (batch.lost)
      show({Seen::Kind::lost, batch.events.empty() ? Seen{}.at : batch.events.front().at, {}, {}});
    for (const Event& event : batch.events) {
      const bool grant = event.kind == Event::Kind::grant;
      show({grant ? Seen::Kind::grant : Seen::Kind::wrong, event.at, to_string(event.source),
            grant ? names.of(event.edge) : ""});
      if (count != 0 && --count == 0) return;
    }
  }
}

std::string log_of(Kernel& kernel) {
  const std::optional<LiveTable> live = kernel.read();
  return live && live->ours ? declared_log(live->ruleset) : "";
}

std::string to_text(const Seen& seen) {
  const std::time_t second = seen.at.count() / 1000;
  std::tm local{};
  localtime_r(&second, &local);
  const std::string time = fmt::format("{:%Y-%m-%d %H:%M:%S}", local);
  switch (seen.kind) {
    case Seen::Kind::grant:
      return fmt::format("{}  {:<40} granted by {}\n", time, seen.source, seen.sequence);
    case Seen::Kind::wrong:
      return fmt::format("{}  {:<40} wrong knock\n", time, seen.source);
    case Seen::Kind::lost:
      return "too many events at once: some were lost\n";
  }
  return {};
}

std::string to_json(const Seen& seen) {
  const std::time_t second = seen.at.count() / 1000;
  std::tm utc{};
  gmtime_r(&second, &utc);
  nlohmann::ordered_json value{
      {"event", seen.kind == Seen::Kind::grant   ? "grant"
                : seen.kind == Seen::Kind::wrong ? "wrong"
                                                 : "lost"},
      {"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc, seen.at.count() % 1000)}};  // RFC 3339
  if (!seen.source.empty()) value["source"] = seen.source;
  if (!seen.sequence.empty()) value["sequence"] = seen.sequence;
  return json_text(value) + '\n';
}

}  // namespace knockwork
