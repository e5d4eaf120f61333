#include "derive/records/clock.hpp"

#include <fmt/format.h>
#include <sys/timex.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "host/clocks.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/rotation.hpp"
#include "text/json_text.hpp"
#include "text/whole.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr milliseconds kLeastSlack{60'000};    // clocks are slewed, and leap seconds come
constexpr milliseconds kFreshness{3'600'000};  // of a record: an unchanged apply writes nothing

std::filesystem::path clock_path() { return std::filesystem::path(kStateDirectory) / "clock.json"; }

bool goes_by_clock(const Sequence& sequence) {
  return sequence.derive && sequence.derive->period > Duration{};
}

// The record is asked for only where it counts: others may read a declaration, but not it.
Spec recorded(const Spec& spec) { return needs_record(spec) ? with_record(spec, read_epoch_record()) : spec; }

// What a clock may be off without anybody being shut out.
milliseconds slack_of(const Spec& spec) {
  milliseconds least = milliseconds::max();
  for (const Sequence& sequence : spec.sequences) {
    if (goes_by_clock(sequence))
      least = std::min(least, milliseconds(sequence.derive->overlap.milliseconds()));
  }
  return std::max(least, kLeastSlack);
}

// Rotation goes on where there is no room for it.
void record(const ClockReading& reading, std::vector<std::string>& warnings) {
  try {
    write_file(clock_path(), to_json(reading));
  } catch (const SystemError& error) {
    warnings.push_back(fmt::format("a clock error would not be detected: {}", error.what()));
  }
}

std::string in_words(milliseconds span) {
  return to_string(Duration::milliseconds((span.count() + 500) / 1000 * 1000));
}

}  // namespace

ClockVerdict judge(const std::optional<ClockReading>& record, const ClockReading& now, milliseconds slack) {
  if (!record || (now.synchronised && !record->synchronised)) return {milliseconds{0}, now};
  const bool same_boot = record->boot == now.boot;
  // Since a record of an earlier boot at least this boot's time has passed.
  const milliseconds passed = same_boot ? now.uptime - record->uptime : now.uptime;
  const milliseconds counted = record->wall + passed;
  const milliseconds off = now.wall - counted;
  const bool behind = off < -slack;
  const bool ahead = off > slack && (same_boot || record->doubted);
  const bool stale = !same_boot || passed >= kFreshness;
  if (!behind && !ahead) {
    return {milliseconds{0}, stale || record->doubted || now.synchronised != record->synchronised
                                 ? std::optional(now)
                                 : std::nullopt};
  }
  ClockReading kept = now;
  kept.wall = counted;
  kept.synchronised = same_boot ? record->synchronised : now.synchronised;  // a boot begins without NTP
  kept.doubted = true;
  return {off, stale || !record->doubted ? std::optional(kept) : std::nullopt};
}

std::string to_json(const ClockReading& record) {
  return json_text(json{{"knockwork", 1},
                        {"unix_ms", record.wall.count()},
                        {"boot", record.boot},
                        {"uptime_ms", record.uptime.count()},
                        {"synchronised", record.synchronised},
                        {"doubted", record.doubted}}) +
         '\n';
}

std::optional<ClockReading> parse_reading(const std::string& text) try {
  const json value = json::parse(text);
  return ClockReading{UnixTime(whole<std::int64_t>(value.at("unix_ms"))), value.at("boot").get<std::string>(),
                      milliseconds(whole<std::int64_t>(value.at("uptime_ms"))),
                      value.at("synchronised").get<bool>(), value.at("doubted").get<bool>()};
} catch (const json::exception&) {
  return std::nullopt;
}

ClockReading read_clock() {
  ClockReading now;
  now.wall = unix_time();
  now.boot = boot_id();
  now.uptime = boot_clock();
  timex kept{};                         // modes 0: only asks
  const int state = ::adjtimex(&kept);  // fails where a sandbox does not let it be asked
  now.synchronised = state >= 0 && state != TIME_ERROR && (kept.status & STA_UNSYNC) == 0;
  return now;
}

Times clock_times(const Spec& spec) {
  const ClockReading now = read_clock();
  if (!std::any_of(spec.sequences.begin(), spec.sequences.end(), goes_by_clock)) return {{now.wall}, {}};
  std::optional<std::string> text;
  try {
    text = read_file(clock_path());
  } catch (const SystemError&) {  // only root may: there is nothing to compare with
  }
  Times result{{now.wall}, judge(text ? parse_reading(*text) : std::nullopt, now, slack_of(spec))};
  if (result.verdict.off != milliseconds{0}) result.times.push_back(now.wall - result.verdict.off);
  return result;
}

void trust_clock() { write_file(clock_path(), to_json(read_clock())); }

InForce resolved(const Spec& declared, Keep keep) {
  if (!has_derived(declared)) return {declared, {}};
  const Spec spec = recorded(declared);
  std::map<std::string, Secrets> files;
  const auto key_of = [&files](const Derivation& derivation, Epoch epoch) {
    auto file = files.find(derivation.secret_file);
    if (file == files.end())
      file = files.emplace(derivation.secret_file, read_secrets(derivation.secret_file)).first;
    return file->second.key(host_of(derivation), epoch);
  };
  const Times times = clock_times(spec);
  InForce result{resolve(spec, times.times, key_of), {}};
  // After what may fail: where nothing is applied, nothing is kept.
  if (keep == Keep::record && times.verdict.record) record(*times.verdict.record, result.warnings);
  const milliseconds off = times.verdict.off;
  if (off != milliseconds{0}) {
    result.warnings.push_back(fmt::format(
        "this host's clock is {} {} of the time that passed since an earlier apply: the sequences of both "
        "times are accepted. Set the clock, or run `knockwork derive trust-clock` if it is right now",
        in_words(milliseconds(std::abs(off.count()))), off.count() > 0 ? "ahead" : "behind"));
  }
  return result;
}

Spec in_force(const Spec& spec, std::optional<UnixTime> at) {
  if (!at || !has_derived(spec)) return resolved(spec, Keep::nothing).spec;
  return resolve(recorded(spec), {*at}, [](const Derivation& derivation, Epoch epoch) {
    return read_secrets(derivation.secret_file).key(host_of(derivation), epoch);
  });
}

ClockStatus clock_status(const Spec& declared) {
  const Spec spec = recorded(declared);
  const Times times = clock_times(spec);
  ClockStatus status;
  status.now = times.times.front();
  status.synchronised = read_clock().synchronised;
  status.off = times.verdict.off;
  for (const Sequence& sequence : spec.sequences) {
    if (!sequence.derive) continue;
    ClockStatus::Sequence& each = status.sequences.emplace_back();
    each.name = sequence.name;
    each.epoch = current_epoch(*sequence.derive, status.now);
    each.accepts = accepted_epochs(*sequence.derive, status.now);
    if (goes_by_clock(sequence)) {
      each.until =
          UnixTime(static_cast<std::int64_t>(each.epoch + 1) * sequence.derive->period.milliseconds());
    }
  }
  return status;
}

}  // namespace knockwork
