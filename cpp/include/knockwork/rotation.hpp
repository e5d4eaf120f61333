// Rotating the epochs of one host by hand or from a controller.
//
// A derivation with neither `period` nor `epoch` takes its epochs from the host's
// record. Publishing only ever adds an epoch, retiring only ever takes away older
// ones, and only where the newer one is there: so whatever is interrupted, whoever
// else rotates at the same time, no host refuses whom it has accepted before
// somebody came in by the new epoch (RFC 6781, 4.1.1.1: pre-publish).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/derive.hpp"
#include "knockwork/report.hpp"

namespace knockwork {

class Kernel;

// The epochs that this host accepts, ascending, at least one.
struct EpochRecord {
  std::vector<Epoch> accepts{0};
  bool operator==(const EpochRecord&) const = default;
};

struct Rotation {
  enum class Phase { publish, retire };
  struct Keys {
    std::filesystem::path file;
    std::string text;
  };
  Phase phase = Phase::publish;
  Epoch epoch = 0;                // the one to publish; with retire: the oldest that stays
  std::optional<Epoch> expected;  // where the fleet stood before; another record is refused
  Proof proof = Proof::none;      // of retire: who asks came in by the epoch that stays
  std::optional<Keys> keys;       // what a secret file is to hold from now on
};

// What the record becomes. Pure. Throws SystemError where that would go back, would retire what
// was not replaced, for an epoch that nothing could use, or where another rotation came in between. Epoch 0
// is that of a host installed anew: it is brought along, to the expected epoch as well.
EpochRecord after(const EpochRecord& record, const Rotation& rotation);

// The same for a check, in which an earlier phase of the same run published nothing.
EpochRecord foreseen(const EpochRecord& record, const Rotation& rotation);

// Whether a derivation leaves its epochs to the record. Pure.
bool needs_record(const Spec& spec);

// Such derivations get them. Pure.
Spec with_record(Spec spec, const EpochRecord& record);

// /var/lib/knockwork/epochs.json; {0} where there is none. Throws SystemError where it is damaged.
EpochRecord read_epoch_record();

// Changes the keys and the record and applies the declaration with them, or does none of it. Throws
// SystemError, and where other keys would change knocks or tokens that are accepted, or would be read by
// none; and for a declaration that was rolled back and is still the same.
Report rotate(const Spec& spec, const Rotation& rotation, Execution execution, Kernel& kernel,
              const Settings& given);

std::string to_json(const EpochRecord& record);
std::string to_text(const EpochRecord& record);  // "41, 42"

}  // namespace knockwork
