// A script for machines without knockwork.
#include <fmt/format.h>

#include "client/export/knock_sh.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/export.hpp"

namespace knockwork {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char byte : text) result += byte == '\'' ? std::string("'\\''") : std::string(1, byte);
  return result + '\'';
}

// Where the script knocks: a pattern is no host.
std::string target_of(const ProfileHost& host) {
  if (!host.address.empty()) return host.address;
  const std::string& name = host.patterns.front();
  if (name.find_first_of("*?[") != std::string::npos) {
    throw SystemError("a script needs one host, and the name is a pattern: give its address with --address");
  }
  return name;
}

constexpr const char* kHead = R"(#!/bin/sh
# Knocks on {0}: knock.sh [SEQUENCE [HOST]], where SEQUENCE is {1}.
# It contains ports: give it mode 0700. It needs nc.
set -eu
host=${{2:-}}
[ -n "$host" ] || host={2}
# In the background, because nc waits for an answer. A knock must not overtake the one before.
udp() {{ printf x | nc -u -w1 "$host" "$1" >/dev/null 2>&1 & sleep 0.25; }}
tcp() {{ nc -z -w1 "$host" "$1" >/dev/null 2>&1 & sleep 0.25; }}
case ${{1:-{3}}} in
)";
constexpr const char* kTail = R"(*) echo "there is no such sequence" >&2 && exit 1 ;;
esac
wait
)";

std::string knocks_as_arguments(const Sequence& sequence) {
  std::string text;
  for (const Knock& knock : sequence.knock) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "; ", knock.protocol == Protocol::tcp ? "tcp" : "udp",
                        knock.port);
  }
  return text;
}

std::string script_of_knocks(const ProfileHost& host) {
  std::string names, cases;
  for (const Sequence& sequence : host.sequences) {
    names += (names.empty() ? "" : ", ") + sequence.name;
    cases += fmt::format("{}) {} ;;\n", quoted(sequence.name), knocks_as_arguments(sequence));
  }
  const std::string target = target_of(host);
  return fmt::format(kHead, target, names, quoted(target), host.sequences.front().name) + cases + kTail;
}

// The documented script, which reads these numbers from a file, with the numbers in it.
std::string script_of_token(const ProfileHost& host) {
  const Token& token = *host.sequences.front().token;
  if (token.period.milliseconds() % 1000 != 0) {
    throw SystemError("a script counts seconds: `period` must be a whole number of them");
  }
  const std::string_view script = knock_sh();
  const std::size_t body = script.find("number() {");
  return fmt::format(
             "#!/bin/sh\n# Sends one token to {0}, which opens {1} once: knock.sh [LOSSES [WINDOW]]\n"
             "# It contains a key: give it mode 0700. If nothing opens, wait for the next period, then try LOSSES 1, "
             "2 and 3.\n# It needs openssl and nc.\nset -eu\nset -- - \"$@\"\nread -r host port key period <<'END'\n"
             "{0} {2} {3} {4}\nEND\n",
             target_of(host), host.sequences.front().name, token.port.port, token.key,
             token.period.milliseconds() / 1000) +
         std::string(script.substr(body));
}

}  // namespace

Exported export_shell(const ProfileHost& host) {
  if (host.sequences.empty()) throw SystemError("the declaration has no sequence");
  bool token = false;
  for (const Sequence& sequence : host.sequences) token = token || sequence.token.has_value();
  if (token && host.sequences.size() > 1) {
    throw SystemError("a script with a token is for one sequence: choose it with --for NAME");
  }
  return {token ? script_of_token(host) : script_of_knocks(host), {}};
}

}  // namespace knockwork
