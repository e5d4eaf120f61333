// The knocks of a profile's sequence: as written, or drawn now.
#include "client/draw.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char byte) { return static_cast<char>(std::tolower(byte)); });
  return text;
}

// The neighbours of the epoch in force help where they can: a secret need not reach them.
void add_neighbour(const Sequence& sequence, const Derivation& derivation, const Secrets& secrets,
                   Epoch epoch, std::vector<std::vector<Knock>>& turns) {
  try {
    turns.push_back(derive(secrets.key(derivation.host, epoch), sequence.name, derivation, epoch));
  } catch (const SystemError&) {
    return;
  }
}

}  // namespace

std::vector<std::vector<Knock>> knocks_by_epoch(const Sequence& sequence, const std::string& host) {
  if (!sequence.derive) return {sequence.knock};
  Derivation derivation = *sequence.derive;
  if (derivation.host.empty()) derivation.host = lower(host);  // here it is never this host's own name
  if (derivation.by_record()) {
    throw SystemError(fmt::format(
        "the profile has no epoch for {}, and the record of {} is not available on this machine: set "
        "`epoch`, as in the output of `knockwork export` there",
        sequence.name, host));
  }
  const Secrets secrets = read_secrets(derivation.secret_file);
  const std::vector<Epoch> epochs = tried_epochs(derivation, unix_time());
  std::vector<std::vector<Knock>> turns{
      derive(secrets.key(derivation.host, epochs.front()), sequence.name, derivation, epochs.front())};
  for (std::size_t at = 1; at < epochs.size(); ++at) {
    add_neighbour(sequence, derivation, secrets, epochs[at], turns);
  }
  return turns;
}

}  // namespace knockwork
