#include "journal/journal.hpp"

#include "catch.hpp"
#include "knockwork/log.hpp"

using namespace knockwork;

TEST_CASE("an entry of the journal is one datagram", "[journal]") {
  using journal::datagram;
  CHECK(datagram({}).empty());
  CHECK(datagram({{"MESSAGE", "apply"}, {"PRIORITY", "5"}}) == "MESSAGE=apply\nPRIORITY=5\n");
  using namespace std::string_literals;
  CHECK(datagram({{"MESSAGE", "two\nlines"}}) == "MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\n"s);
}

TEST_CASE("the log is read from what journalctl prints", "[journal]") {
  const std::vector<LogEntry> log = parse_log(
      R"({"__REALTIME_TIMESTAMP":"1769860800123456","KNOCKWORK_COMMAND":"apply","KNOCKWORK_WHO":"alice",)"
      R"("KNOCKWORK_VIA":"Ansible","KNOCKWORK_FROM":"192.0.2.9","KNOCKWORK_AFTER":"1a2b3c4d",)"
      R"("KNOCKWORK_CHANGE":["+ sequence ssh","~ setting log: none → grants"]})"
      "\n\nno JSON\n[]\n{\"MESSAGE\":\"somebody else's\"}\n"
      R"({"KNOCKWORK_COMMAND":"remove","KNOCKWORK_CHANGE":"- sequence ssh","KNOCKWORK_BEFORE":"1a2b3c4d"})");
  REQUIRE(log.size() == 2);
  CHECK(log.front() == LogEntry{std::chrono::milliseconds(1769860800123),
                                "apply",
                                "alice",
                                "Ansible",
                                "192.0.2.9",
                                "",
                                "1a2b3c4d",
                                {"+ sequence ssh", "~ setting log: none → grants"}});
  CHECK(to_json(log).find("\"time\":\"2026-01-31T12:00:00.123Z\"") != std::string::npos);
  CHECK(to_text(log).find(" apply by alice with Ansible from 192.0.2.9: no gate → 1a2b3c4d\n"
                          "  + sequence ssh\n  ~ setting log: none → grants\n") != std::string::npos);
  CHECK(to_text({log.back()}).ends_with(": 1a2b3c4d → no gate\n  - sequence ssh\n"));
}
