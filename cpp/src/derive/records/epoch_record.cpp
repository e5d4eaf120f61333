#include "derive/records/epoch_record.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"
#include "text/whole.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using nlohmann::json;

constexpr Epoch kNew = 0;          // of a host that was never rotated
constexpr std::size_t kMost = 16;  // as many as a declaration may accept

std::filesystem::path record_path() { return std::filesystem::path(kStateDirectory) / "epochs.json"; }

// No declaration and no profile could name it, and the record never goes back.
void refuse_beyond_last(Epoch epoch) {
  if (epoch <= spec::kLastEpoch) return;
  throw SystemError(
      fmt::format("epoch {} is too large: the last one is {}; nothing was changed", epoch, spec::kLastEpoch));
}

void refuse_unexpected(const EpochRecord& record, const Rotation& rotation) {
  if (!rotation.expected) return;
  const bool known = std::all_of(record.accepts.begin(), record.accepts.end(), [&](Epoch epoch) {
    return epoch == *rotation.expected || epoch == rotation.epoch || epoch == kNew;
  });
  if (known) return;
  throw SystemError(fmt::format(
      "this host accepts epoch {}, but {} was expected: another rotation ran in the meantime; nothing was "
      "changed",
      to_text(record), *rotation.expected));
}

EpochRecord published(EpochRecord record, Epoch epoch) {
  if (std::binary_search(record.accepts.begin(), record.accepts.end(), epoch)) return record;
  if (epoch < record.accepts.back()) {
    throw SystemError(
        fmt::format("this host already accepts epoch {}, and cannot go back to {}: publish {} or a later one",
                    to_text(record), epoch, record.accepts.back() + 1));
  }
  if (record.accepts.size() == kMost) {
    throw SystemError(
        fmt::format("this host accepts {} epochs, which is the maximum: retire those before {} first", kMost,
                    record.accepts.back()));
  }
  record.accepts.push_back(epoch);
  return record;
}

bool is_new(const EpochRecord& record) { return record.accepts == std::vector<Epoch>{kNew}; }

// The controller knocks by the expected epoch until it switches: a host installed anew must know that one
// too.
EpochRecord published(const EpochRecord& record, const Rotation& rotation) {
  const bool behind = is_new(record) && rotation.expected && *rotation.expected < rotation.epoch;
  return published(behind ? published(record, *rotation.expected) : record, rotation.epoch);
}

EpochRecord retired(EpochRecord record, Epoch epoch) {
  if (!std::binary_search(record.accepts.begin(), record.accepts.end(), epoch)) {
    if (epoch < record.accepts.front()) return record;  // it went long ago, with what was before it
    throw SystemError(
        fmt::format("this host accepts epoch {}, not {}: publish {} before you retire the previous one",
                    to_text(record), epoch, epoch));
  }
  std::erase_if(record.accepts, [epoch](Epoch each) { return each < epoch; });
  return record;
}

}  // namespace

EpochRecord after(const EpochRecord& record, const Rotation& rotation) {
  refuse_beyond_last(rotation.epoch);
  refuse_unexpected(record, rotation);
  return rotation.phase == Rotation::Phase::publish ? published(record, rotation)
                                                    : retired(record, rotation.epoch);
}

EpochRecord foreseen(const EpochRecord& record, const Rotation& rotation) {
  if (rotation.phase == Rotation::Phase::publish || rotation.epoch <= record.accepts.back())
    return after(record, rotation);
  Rotation publishing = rotation;
  publishing.phase = Rotation::Phase::publish;
  return after(after(record, publishing), rotation);
}

bool needs_record(const Spec& spec) {
  return std::any_of(spec.sequences.begin(), spec.sequences.end(), [](const Sequence& sequence) {
    return sequence.derive && sequence.derive->by_record();
  });
}

Spec with_record(Spec spec, const EpochRecord& record) {
  for (Sequence& sequence : spec.sequences) {
    if (!sequence.derive || !sequence.derive->by_record()) continue;
    sequence.derive->epoch = record.accepts.back();
    sequence.derive->accepts = record.accepts;
  }
  return spec;
}

std::string to_json(const EpochRecord& record) {
  return json_text(json{{"knockwork", 1}, {"accepts", record.accepts}}) + '\n';
}

std::string to_text(const EpochRecord& record) { return fmt::format("{}", fmt::join(record.accepts, ", ")); }

EpochRecord read_epoch_record() {
  const std::optional<std::string> text = read_file(record_path());
  if (!text) return {};
  try {
    const json value = json::parse(*text);
    EpochRecord record{{}};
    for (const json& epoch : value.at("accepts")) record.accepts.push_back(whole<Epoch>(epoch));
    if (!record.accepts.empty() && std::is_sorted(record.accepts.begin(), record.accepts.end()))
      return record;
  } catch (const json::exception&) {
  }
  throw SystemError(
      fmt::format("{} is damaged: write {{\"accepts\": [N]}} with the current epoch N of this host",
                  record_path().string()));
}

void write_epoch_record(const EpochRecord& record) { write_file(record_path(), to_json(record)); }

schema::Json epochs_schema() {
  return schema::object("The epochs that this host accepts.",
                        {{"knockwork", schema::integer("The version of this format: 1.")},
                         {"accepts", schema::integers("Their numbers, ascending.")}});
}

}  // namespace knockwork
