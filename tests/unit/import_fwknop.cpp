// fwknop's access.conf → sequences with tokens, and what became of each line.
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "knockwork/import.hpp"

using namespace knockwork;

namespace {

Imported import(const std::string& text) { return import_fwknop({"access.conf", text}, "41873/udp"); }

std::string reason_of(const Imported& imported, int line) {
  const ImportedLine& each = imported.lines.at(static_cast<std::size_t>(line - 1));
  return to_string(each.fate) + ": " + each.reason;
}

constexpr const char* kKeys =
    "lost: keys cannot be carried over: tokens are derived from `secret_file`, and `knockwork export --for` prints "
    "a profile for each client";

}  // namespace

TEST_CASE("import: a whole access.conf") {
  const Imported made = import(
      "# who may come in\n%include /etc/fwknop/more.conf\nSOURCE              ANY\nOPEN_PORTS  tcp/22\n"
      "REQUIRE_USERNAME alice\nREQUIRE_SOURCE_ADDRESS Y\nFW_ACCESS_TIMEOUT 60\nKEY_BASE64 c2VjcmV0c2VjcmV0\n"
      "HMAC_KEY_BASE64 bW9yZXNlY3JldHM=\nHMAC_DIGEST_TYPE SHA512\nENABLE_CMD_EXEC N\nACCESS_EXPIRE 12/31/2097\n\n"
      "SOURCE: 192.0.2.0/24, 198.51.100.7;\nOPEN_PORTS: tcp/80, udp/51820;\nKEY: hunter2;\nFROB: 1;\nDISABLE_DNAT");
  CHECK(made.declaration ==
        "# Imported from \"access.conf\". It contains ports: keep it readable by root only.\n"
        "knockwork: 1\nsequences:\n"
        "  - name: alice  # line 3\n"
        "    token: {port: 41873/udp, secret_file: /etc/knockwork/secret}\n"
        "    opens: [22/tcp]\n    open_for: 1m\n"
        "  - name: fwknop  # line 14\n"
        "    token: {port: 41873/udp, secret_file: /etc/knockwork/secret}\n"
        "    opens: [80/tcp, 51820/udp]\n"
        "    from: [\"192.0.2.0/24\", \"198.51.100.7\"]\n");
  const std::vector<std::pair<int, std::string>> reasons{
      {2, "lost: included files are not read: import each of them"},
      {7, "translated: "},
      {8, kKeys},
      {9, kKeys},
      {10, "unneeded: tokens have no settings of that kind"},
      {11, "unneeded: "},
      {12, "lost: a sequence has no last day: remove it then"},
      {15, "changed: a token opens all of them, whichever a client asks for"},
      {16, kKeys},
      {17, "lost: a setting that is not known"},
      {18, "lost: a setting without a value"}};
  for (const auto& [line, reason] : reasons) CHECK(reason_of(made, line) == reason);
  CHECK_THAT(to_text(made, SourceLines::hidden), !containing("hunter2") && !containing("c2Vjc"));
}

TEST_CASE("import: what keeps a stanza of access.conf from being translated") {
  struct Case {
    const char* line;
    const char* reason;
  };
  for (const Case& one : {
           Case{"FORCE_NAT 192.0.2.9 22",
                "it rewrites addresses, which knockwork does not: declare services elsewhere with `to`"},
           Case{"CMD_CYCLE_OPEN /root/open $IP",
                "it runs commands to open and to close, and what these do cannot be known"},
           Case{"DESTINATION 192.0.2.1",
                "tokens that go to another address than this host's cannot be declared"},
           Case{"RESTRICT_PORTS tcp/22", "it forbids what OPEN_PORTS allows"},
           Case{"FW_ACCESS_TIMEOUT 0", "not a number of seconds from 1 s to 30 days"},
           Case{"ACCESS_EXPIRE 12/31/2017", "it has expired: its last day is over"},
           Case{"ACCESS_EXPIRE_EPOCH 1500000000", "it has expired: its last day is over"},
           Case{"ACCESS_EXPIRE 2097-12-31", "a last day that is not understood"},
           Case{"ACCESS_EXPIRE_EPOCH soon", "a last day that is not understood"},
           Case{"OPEN_PORTS 22", "not a list such as tcp/22, udp/51820"},
       }) {
    INFO(one.line);
    const Imported made = import("SOURCE ANY\nOPEN_PORTS tcp/22\n" + std::string(one.line) + "\n");
    CHECK(made.sequences.empty());
    CHECK(reason_of(made, 3) == "lost: " + std::string(one.reason));
  }
  CHECK(reason_of(import("SOURCE ANY\nKEY x\n"), 1) ==
        "lost: without OPEN_PORTS a client may ask for any port: list the ports that you need in `opens`");
  CHECK(reason_of(import("SOURCE 192.0.2.7/24\nOPEN_PORTS tcp/22\n"), 1) ==
        "lost: not a list of addresses and of networks without host bits");
  CHECK(reason_of(import("OPEN_PORTS tcp/22\n"), 1) ==
        "lost: a setting before the first SOURCE belongs to no section");
}

TEST_CASE("import: the port for tokens") {
  CHECK_THROWS_WITH(import_fwknop({"a", ""}, "1/tcp"), containing("the token port: "));
  const Imported made = import_fwknop({"a", "SOURCE ANY\nOPEN_PORTS tcp/22\n"}, "7000/udp");
  CHECK_THAT(made.declaration, containing("{port: 7000/udp, "));
}
