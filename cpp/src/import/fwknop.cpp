// fwknop's access.conf, as fwknopd(8) describes it. A stanza becomes a sequence with a token: one packet
// that opens once. What keys it has stay where they are.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <limits>
#include <map>
#include <optional>

#include "host/clocks.hpp"
#include "import/compose.hpp"
#include "import/ledger.hpp"
#include "import/reasons.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/import.hpp"
#include "text/words.hpp"
#include "values/service_names.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

constexpr std::int64_t kLongestTime = 30LL * 24 * 3600;  // seconds

std::vector<std::string> list(std::string_view text) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.emplace_back(trimmed(text.substr(0, comma)));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

// "tcp/22".
std::optional<Service> service(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto parsed =
      spec::parse_service(fmt::format("{}/{}", text.substr(slash + 1), spec::lower(text.substr(0, slash))));
  return parsed ? std::optional(*parsed) : std::nullopt;
}

struct Setting {
  std::string key, value;
  int line = 0;
};

// Seconds since the epoch.
std::optional<std::int64_t> epoch(const std::string& text) {
  const auto seconds = spec::parse_integer(text, 1, std::numeric_limits<std::uint32_t>::max());
  return seconds ? std::optional<std::int64_t>(*seconds) : std::nullopt;
}

// Where "12/31/2027" begins, as fwknopd takes it: this host's time.
std::optional<std::int64_t> midnight(const std::string& text) {
  std::tm day{};
  const char* end = strptime(text.c_str(), "%m/%d/%Y", &day);
  if (end == nullptr || *end != '\0') return std::nullopt;
  day.tm_isdst = -1;
  const std::time_t time = std::mktime(&day);
  return time == -1 ? std::nullopt : std::optional<std::int64_t>(time);
}

// What a setting means where it needs nothing but a sentence.
enum class Grave { refuses, is_lost, is_unneeded };
struct Meaning {
  std::string_view key;  // or its beginning, with `*`
  Grave grave;
  const char* reason;
};

constexpr const char* kKeys =
    "keys cannot be carried over: tokens are derived from `secret_file`, and `knockwork export --for` prints a "
    "profile for each client";
constexpr const char* kCommands = "commands are not run";
constexpr const char* kCrypto = "tokens have no settings of that kind";
constexpr const char* kRewrites =
    "it rewrites addresses, which knockwork does not: declare services elsewhere with `to`";

constexpr Meaning kMeanings[] = {
    {"KEY", Grave::is_lost, kKeys},
    {"KEY_BASE64", Grave::is_lost, kKeys},
    {"HMAC_KEY", Grave::is_lost, kKeys},
    {"HMAC_KEY_BASE64", Grave::is_lost, kKeys},
    {"GPG_*", Grave::is_lost, kKeys},
    {"ENCRYPTION_MODE", Grave::is_unneeded, kCrypto},
    {"HMAC_DIGEST_TYPE", Grave::is_unneeded, kCrypto},
    {"MAX_FW_TIMEOUT", Grave::is_unneeded, "a client cannot ask for a time"},
    {"REQUIRE_SOURCE*", Grave::is_unneeded, "a token opens to the address that sends it, and to no other"},
    {"CMD_EXEC*", Grave::is_lost, kCommands},
    {"ENABLE_CMD_*", Grave::is_lost, kCommands},
    {"CMD_SUDO_*", Grave::is_lost, kCommands},
    {"CMD_CYCLE_*", Grave::refuses,
     "it runs commands to open and to close, and what these do cannot be known"},
    {"FORCE_*", Grave::refuses, kRewrites},
    {"FORWARD_ALL", Grave::refuses, kRewrites},
    {"DISABLE_DNAT", Grave::is_unneeded, "knockwork rewrites no addresses"},
};

const Meaning* meaning_of(const std::string& key) {
  for (const Meaning& meaning : kMeanings) {
    const bool prefix = meaning.key.ends_with('*');
    if (prefix ? key.starts_with(meaning.key.substr(0, meaning.key.size() - 1)) : key == meaning.key)
      return &meaning;
  }
  return nullptr;
}

// One stanza: SOURCE and what follows it.
class Stanza {
 public:
  Stanza(Ledger& ledger, Setting source, const Knock& port)
      : passage_(ledger, source.line), source_(std::move(source)) {
    Token token;
    token.port = port;
    token.secret_file = kDefaultSecretFile;
    sequence_.token = std::move(token);
  }

  void take(Setting setting) {
    Setting& before = settings_[setting.key];
    if (before.line != 0) {
      passage_.note(before.line, LineFate::unneeded, fmt::format("line {} replaces it", setting.line));
    }
    before = std::move(setting);
  }
  Passage& passage() { return passage_; }

  Draft draft(Names& names) {
    take_source();
    take_ports();
    take_time();
    take_name(names);
    take_last_day("ACCESS_EXPIRE", midnight);
    take_last_day("ACCESS_EXPIRE_EPOCH", epoch);
    for (const auto& [key, setting] : settings_) take_rest(setting);
    return {std::move(sequence_), std::move(passage_)};
  }

 private:
  std::optional<Setting> pull(const char* key) {
    const auto found = settings_.find(key);
    if (found == settings_.end()) return std::nullopt;
    Setting setting = found->second;
    settings_.erase(found);
    return setting;
  }

  void take_source() {
    passage_.note(source_.line, LineFate::translated);
    if (spec::lower(source_.value) == "any") return;
    for (const std::string& text : list(source_.value)) {
      const auto network = parse_network(text);
      if (!network)
        return passage_.refuse(source_.line, "not a list of addresses and of networks without host bits");
      sequence_.from.push_back(*network);
    }
  }

  void take_ports() {
    const auto open = pull("OPEN_PORTS");
    if (!open) {
      return passage_.refuse(
          source_.line,
          "without OPEN_PORTS a client may ask for any port: list the ports that you need in `opens`");
    }
    for (const std::string& text : list(open->value)) {
      const auto each = service(text);
      if (!each) return passage_.refuse(open->line, "not a list such as tcp/22, udp/51820");
      sequence_.opens.push_back(*each);
    }
    passage_.note(
        open->line, sequence_.opens.size() == 1 ? LineFate::translated : LineFate::changed,
        sequence_.opens.size() == 1 ? "" : "a token opens all of them, whichever a client asks for");
    take_restriction();
  }

  void take_restriction() {
    const auto restricted = pull("RESTRICT_PORTS");
    if (!restricted) return;
    for (const std::string& text : list(restricted->value)) {
      const auto each = service(text);
      const auto& opens = sequence_.opens;
      if (!each || std::find(opens.begin(), opens.end(), *each) != opens.end()) {
        return passage_.refuse(restricted->line, "it forbids what OPEN_PORTS allows");
      }
    }
    passage_.note(restricted->line, LineFate::unneeded, "a client cannot ask for ports");
  }

  void take_time() {
    const auto time = pull("FW_ACCESS_TIMEOUT");
    if (!time) return;  // 30 s here and there
    const auto seconds = spec::parse_integer(time->value, 1, kLongestTime);
    if (!seconds) return passage_.refuse(time->line, "not a number of seconds from 1 s to 30 days");
    sequence_.open_for = Duration::milliseconds(std::int64_t{*seconds} * 1000);
    passage_.note(time->line, LineFate::translated);
  }

  void take_name(Names& names) {
    const auto user = pull("REQUIRE_USERNAME");
    sequence_.name = names.free(user ? user->value : "fwknop");
    if (sequence_.name.empty()) sequence_.name = names.free("fwknop");
    if (!user) return;
    const bool same = sequence_.name == user->value;
    passage_.note(user->line, same ? LineFate::translated : LineFate::changed,
                  same ? "" : fmt::format("the sequence is named {}", sequence_.name));
  }

  // fwknopd answers nobody after it.
  template <typename Read>
  void take_last_day(const char* key, const Read& read) {
    const auto day = pull(key);
    if (!day) return;
    const std::optional<std::int64_t> time = read(day->value);
    if (!time) return passage_.refuse(day->line, "a last day that is not understood");
    if (*time <= std::chrono::floor<std::chrono::seconds>(wall_clock()).count()) {
      return passage_.refuse(day->line, "it has expired: its last day is over");
    }
    passage_.note(day->line, LineFate::lost, "a sequence has no last day: remove it then");
  }

  void take_rest(const Setting& setting) {
    if (setting.key == "DESTINATION") {
      if (spec::lower(setting.value) == "any") return passage_.note(setting.line, LineFate::translated);
      return passage_.refuse(setting.line,
                             "tokens that go to another address than this host's cannot be declared");
    }
    const Meaning* meaning = meaning_of(setting.key);
    if (meaning == nullptr) return passage_.note(setting.line, LineFate::lost, "a setting that is not known");
    const bool off = spec::lower(setting.value) == "n";
    if (meaning->grave == Grave::is_unneeded || (off && meaning->reason != kKeys)) {
      passage_.note(setting.line, LineFate::unneeded, off ? "" : meaning->reason);
    } else if (meaning->grave == Grave::refuses) {
      passage_.refuse(setting.line, meaning->reason);
    } else {
      passage_.note(setting.line, LineFate::lost, meaning->reason);
    }
  }

  Passage passage_;
  Setting source_;
  std::map<std::string, Setting> settings_;
  Sequence sequence_;
};

// "KEY value", "KEY: value;".
std::optional<Setting> setting(std::string_view text, int line) {
  const std::size_t end = text.find_first_of(" \t");
  if (end == std::string_view::npos) return std::nullopt;
  std::string key(text.substr(0, end));
  if (key.ends_with(':')) key.pop_back();
  const std::string_view value = trimmed(text.substr(end));
  return Setting{key, std::string(trimmed(value.substr(0, value.find(';')))), line};
}

std::vector<Stanza> stanzas(Ledger& ledger, const Knock& port) {
  std::vector<Stanza> found;
  for (int line = 1; line <= ledger.count(); ++line) {
    const std::string_view text = trimmed(ledger.text(line));
    if (text.empty() || text.front() == '#') {
      ledger.note(line, LineFate::unneeded);
      continue;
    }
    auto read = setting(text, line);
    if (text.front() == '%') {
      ledger.note(line, LineFate::lost, kIncluded);
    } else if (!read) {
      ledger.note(line, LineFate::lost, "a setting without a value");
    } else if (read->key == "SOURCE") {
      found.emplace_back(ledger, std::move(*read), port);
    } else if (found.empty()) {
      ledger.note(line, LineFate::lost, "a setting before the first SOURCE belongs to no section");
    } else {
      found.back().take(std::move(*read));
    }
  }
  return found;
}

}  // namespace

Imported import_fwknop(const ForeignFile& file, const std::string& token_port) {
  const auto port = spec::parse_token_port(token_port);
  if (!port) {
    throw SystemError(fmt::format("the token port: {}; {}", port.error().message, port.error().remedy));
  }
  Ledger ledger(file);
  Drafts drafts;
  Names names;
  for (Stanza& stanza : stanzas(ledger, *port)) drafts.sequences.push_back(stanza.draft(names));
  Imported made;
  compose(std::move(drafts), ledger.file(), made);
  if (!made.sequences.empty()) {
    made.remarks.emplace_back(
        fmt::format("tokens are derived from {}, which does not exist yet: `knockwork derive new-secret` and "
                    "`knockwork derive host-key` make it",
                    kDefaultSecretFile));
    made.remarks.emplace_back(
        "clients need knockwork, or docs/clients/knock.sh: fwknop's packets open nothing");
    made.remarks.emplace_back("all sequences share one token port; choose it with `--token-port`");
  }
  made.lines = std::move(ledger).close();
  return made;
}

}  // namespace knockwork
