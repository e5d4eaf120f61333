#include "facade/new_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "derive/records/clock.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

// A sequence that is drawn from a secret file, and what of it is accepted now. The serial of a token is an
// epoch there.
struct Reader {
  std::string_view what;  // "knocks of epoch"
  std::string file, host;
  std::vector<Epoch> epochs;
};

std::vector<Reader> readers_in(const Spec& spec) {
  const Times now = clock_times(spec);
  std::vector<Reader> all;
  for (const Sequence& sequence : spec.sequences) {
    if (const auto& derive = sequence.derive) {
      all.push_back(
          {"knocks of epoch", derive->secret_file, host_of(*derive), accepted_epochs(*derive, now.times)});
    }
    if (const auto& token = sequence.token; token && token->key.empty()) {
      all.push_back({"tokens of serial",
                     token->secret_file,
                     token->host.empty() ? own_host_name() : token->host,
                     {token->serial}});
    }
  }
  return all;
}

// Nothing where the file has none yet.
std::optional<HostKey> key_of(const Secrets& secrets, const std::string& host, Epoch epoch) {
  try {
    return secrets.key(host, epoch);
  } catch (const SystemError&) {
    return std::nullopt;
  }
}

Epoch last_of(const std::vector<Reader>& all) {
  Epoch last = 0;
  for (const Reader& each : all) last = std::max(last, each.epochs.back());
  return last;
}

// Whoever knocks with an accepted epoch goes on to get in: a new secret is in force from a later one.
void refuse_other_keys(const std::vector<Reader>& all, const Secrets& now, const Secrets& next,
                       const std::string& file) {
  for (const Reader& each : all) {
    for (const Epoch epoch : each.epochs) {
      const auto before = key_of(now, each.host, epoch);
      if (!before || before == next.key(each.host, epoch)) continue;
      throw SystemError(fmt::format(
          "the new keys for {} would change the {} {}, which this host accepts: add the new secret to the old "
          "ones with `knockwork derive new-secret FILE --from-epoch {}`; nothing was changed",
          file, each.what, epoch, last_of(all) + 1));
    }
  }
}

}  // namespace

std::vector<std::string> check_new_keys(const Spec& spec, const Rotation::Keys& keys,
                                        const std::optional<std::string>& there) {
  const std::string file = keys.file.string();
  const Secrets next = Secrets::parse(keys.text, file);
  std::vector<Reader> all = readers_in(spec);
  // Keys may come to a host before the first sequence that is drawn from them.
  if (all.empty()) return {fmt::format("no sequence of this host reads {} yet", file)};
  std::erase_if(all, [&](const Reader& each) { return each.file != keys.file; });
  if (all.empty()) {
    throw SystemError(fmt::format(
        "no sequence of this host reads {}: set `secret_file` to the file that they read; nothing was changed",
        file));
  }
  if (there) refuse_other_keys(all, Secrets::parse(*there, file), next, file);
  return {};
}

NewKeys::NewKeys(const Rotation::Keys& keys, std::optional<std::string> there)
    : file_(keys.file), there_(std::move(there)) {
  write_secret_file(file_, keys.text, IfThere::replace);
}

NewKeys::~NewKeys() {
  if (kept_) return;
  try {
    if (there_) {
      write_secret_file(file_, *there_, IfThere::replace);
    } else {
      remove_file(file_);
    }
  } catch (const SystemError&) {  // what made it fail is told already
  }
}

}  // namespace knockwork
