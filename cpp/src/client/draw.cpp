// The knocks of a profile's sequence: as written, or drawn now.
#include "client/draw.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "client/tokens/memory.hpp"
#include "crypto/crypto.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "values/service_names.hpp"

namespace knockwork {
namespace {

// The neighbours of the epoch in force help where they can: a secret need not reach them.
void add_neighbour(const Sequence& sequence, const Derivation& derivation, const Secrets& secrets,
                   Epoch epoch, std::vector<std::vector<Knock>>& turns) {
  try {
    turns.push_back(derive(secrets.key(derivation.host, epoch), sequence.name, derivation, epoch));
  } catch (const SystemError&) {
    return;
  }
}

// Names it, and tells nothing of it.
std::string name_of(const TokenKey& key) {
  const std::string_view bytes(reinterpret_cast<const char*>(key.bytes().data()), key.bytes().size());
  return crypto::to_hex(crypto::Hmac(bytes).of("name")).substr(0, 32);
}

}  // namespace

ProfileHost export_for(const Spec& spec, const std::string& sequence, const std::string& host,
                       const std::string& address) {
  ProfileHost exported = export_host(spec, host, address);
  std::vector<Sequence>& all = exported.sequences;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Sequence& each) { return each.name == sequence; });
  if (found == all.end()) {
    std::string names;
    for (const Sequence& each : all) names += (names.empty() ? "" : ", ") + each.name;
    throw SystemError(fmt::format("the declaration has no sequence {}: it has {}", sequence,
                                  names.empty() ? "none" : names));
  }
  Sequence one = *found;
  if (one.token) {
    Token& token = *one.token;
    token = {token.port, "", to_base64(TokenKeys().key(token, one.name, own_host_name())), "", token.period};
  } else if (one.derive) {
    one.knock = knocks_by_epoch(one, one.derive->host).front();
    one.derive.reset();
  }
  exported.sequences = {std::move(one)};
  return exported;
}

TokenSource token_source(const Sequence& sequence, const std::string& host) {
  const Token& token = *sequence.token;
  const TokenKey key = TokenKeys().key(token, sequence.name, spec::lower(host));
  auto drawer = std::make_shared<TokenDrawer>(key, token.period);
  return {token.port, token.period, key,
          [drawer](Window window, Losses losses) { return drawer->at(window, losses); },
          std::make_shared<TokenMemory>(name_of(key), token.period, token_memory_file())};
}

std::vector<std::vector<Knock>> knocks_by_epoch(const Sequence& sequence, const std::string& host) {
  if (!sequence.derive) return {sequence.knock};
  Derivation derivation = *sequence.derive;
  if (derivation.host.empty()) derivation.host = spec::lower(host);  // here it is never this host's own name
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
