// Single values: what each text means, and that printing and reading again agree.
#include <filesystem>
#include <string>
#include <vector>

#include "catch.hpp"
#include "knockwork/words.hpp"
#include "spec/check/port_owners.hpp"
#include "values/values.hpp"

using namespace knockwork;
using namespace knockwork::spec;

TEST_CASE("values: durations are read and printed in their shortest form") {
  struct {
    const char* text;
    std::int64_t ms;
    const char* printed;
  } const cases[] = {
      {"1s", 1000, "1s"},
      {"500ms", 500, "500ms"},
      {"100ms", 100, "100ms"},
      {"1m30s", 90000, "1m30s"},
      {"90s", 90000, "1m30s"},
      {"2h", 7200000, "2h"},
      {"1d", 86400000, "1d"},
      {"24h", 86400000, "1d"},
      {"1500ms", 1500, "1s500ms"},
      {"1s500ms", 1500, "1s500ms"},
      {"1d1h1m1s100ms", 90061100, "1d1h1m1s100ms"},
      {"30d", 2592000000, "30d"},
      {"4w2d", 2592000000, "30d"},
      {"1w", 604800000, "7d"},
      {"0005s", 5000, "5s"},
  };
  for (const auto& [text, ms, printed] : cases) {
    INFO(text);
    const auto duration = parse_duration(text);
    REQUIRE(duration);
    CHECK(duration->milliseconds() == ms);
    CHECK(to_string(*duration) == printed);
    CHECK(parse_duration(printed) == duration);
  }
  CHECK(to_string(Duration{}) == "0s");
}

TEST_CASE("values: a time of any length is written as a duration is") {
  using std::chrono::milliseconds;
  CHECK(parse_any_time("0s") == milliseconds(0));
  CHECK(parse_any_time("5ms") == milliseconds(5));
  CHECK(parse_any_time("1m30s") == milliseconds(90'000));
  CHECK(parse_any_time("1m30s")->count() == parse_duration("1m30s")->milliseconds());
  for (const char* text : {"", "0", "30", "1.5s", "-1s", "1s1m", "1s1s", "s"}) {
    INFO(text);
    REQUIRE_FALSE(parse_any_time(text));
    CHECK(parse_any_time(text).error().message == parse_duration(text).error().message);
  }
}

TEST_CASE("values: what takes a time has limits of its own") {
  using std::chrono::milliseconds;
  CHECK(parse_any_time("31d") == milliseconds(31LL * 86'400'000));
  CHECK(*parse_any_time("99999999999999999999w") > milliseconds(400LL * 86'400'000));
  CHECK_FALSE(parse_duration("99999999999999999999w"));
}

TEST_CASE("values: what is left of a time has two units at most") {
  using std::chrono::milliseconds;
  const std::vector<std::pair<std::int64_t, const char*>> cases{
      {0, "0s"},         {-5, "0s"},           {1, "1s"},          {59'001, "1m"},
      {90'000, "1m30s"}, {299'001, "5m"},      {300'000, "5m"},    {3'600'000, "1h"},
      {3'620'000, "1h"}, {5'400'000, "1h30m"}, {86'400'000, "1d"}, {90'061'000, "1d1h"}};
  for (const auto& [time, text] : cases) CHECK(time_left(milliseconds(time)) == text);
}

TEST_CASE("values: names and sources have one order, words a nearest one") {
  const std::vector<std::string_view> names{"a", "a1", "a01", "a2", "a10", "a10b", "b", "ssh#2", "ssh#10"};
  const std::vector<std::string_view> sources{"10.9.8.2", "10.9.8.10", "192.0.2.0/24", "::1",
                                              "fd00::9",  "fd00::a",   "of no address"};
  for (std::size_t one = 0; one < names.size(); ++one) {
    for (std::size_t other = 0; other < names.size(); ++other) {
      INFO(names[one] << " " << names[other]);
      const bool twins =
          names[one].substr(0, 1) == "a" && names[one].back() == '1' && names[other].back() == '1';
      if (!twins) CHECK(natural_less(names[one], names[other]) == (one < other));
    }
  }
  CHECK(natural_less("a01", "a1"));
  for (std::size_t one = 0; one < sources.size(); ++one) {
    for (std::size_t other = 0; other < sources.size(); ++other)
      CHECK(source_less(sources[one], sources[other]) == (one < other));
  }
  CHECK(nearest("aply", {"plan", "apply"}) == "apply");
  CHECK_FALSE(nearest("xyz", {"plan", "apply"}));
}

TEST_CASE("values: what is no duration is refused") {
  for (const char* text :
       {"",     "5",    "s",    "5 s",  " 5s",  "5s ",      "1s1m",  "1m1m",     "5S",
        "5.5s", "-5s",  "+5s",  "5sec", "0s",   "50ms",     "150ms", "30d100ms", "99999999999999999999s",
        "1w1w", "1d1w", "4w3d", "1:30", "5s\n", "\xc2\xb5s"}) {
    INFO(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("values: other tools' spellings mean the same") {
  for (const char* text : {"7000/tcp", "7000:tcp", "tcp/7000", "tcp:7000", "7000/TCP", "Tcp:7000"}) {
    INFO(text);
    CHECK(parse_knock(text) == Knock{Protocol::tcp, 7000});
    CHECK(parse_service(text) == Service{Protocol::tcp, 7000, 7000});
    CHECK(parse_guard(text) == std::vector<Knock>{{Protocol::tcp, 7000}});
    CHECK(parse_public(text)->service == Service{Protocol::tcp, 7000, 7000});
  }
  CHECK(parse_service("UDP:60000-61000") == Service{Protocol::udp, 60000, 61000});
  CHECK(parse_public("GRE") == parse_public("gre"));
  CHECK(parse_public("ICMP/Echo-Request") == parse_public("icmp/8"));
  for (const char* text : {"7000:", ":tcp", "7000::tcp", "7000/tcp/", "7000:tcp:udp", "tcp:udp", "7000 tcp",
                           "/tcp", "tcp/", "tcp:07000", "7000:sctp", "7000|tcp"}) {
    INFO(text);
    CHECK_FALSE(parse_knock(text));
    CHECK_FALSE(parse_service(text));
    CHECK_FALSE(parse_public(text));
  }
}

TEST_CASE("values: services by the names that this host knows") {
  if (!std::filesystem::exists("/etc/services")) return;  // then it knows none
  CHECK(parse_service("ssh") == Service{Protocol::tcp, 22, 22});
  for (const char* text : {"ssh/tcp", "SSH", "tcp:ssh", "ssh:TCP"}) {
    INFO(text);
    CHECK(parse_service(text) == Service{Protocol::tcp, 22, 22});
    CHECK(parse_public(text)->service == Service{Protocol::tcp, 22, 22});
  }
  CHECK(parse_knock("tftp") == Knock{Protocol::udp, 69});
  CHECK(parse_guard("domain") == std::vector<Knock>{{Protocol::tcp, 53}, {Protocol::udp, 53}});
  // Both protocols have it, none has it, the other one has it; a name is no end of a range.
  for (const char* text :
       {"domain", "no-such-service", "ssh/udp", "ssh-http/tcp", "22-http/tcp", "-ssh", "tcp"}) {
    INFO(text);
    CHECK_FALSE(parse_service(text));
  }
  const auto exact = [](const char* text) { return parse_service(text).error().exact; };
  CHECK(exact("domain") == "write 53/tcp or 53/udp");
  CHECK(exact("ssh/udp") == "write 22/tcp, or 22/udp");
  CHECK(parse_knock("ssh").error().exact == "write 22/tcp or 22/udp");  // as a port alone it would be udp
}

TEST_CASE("values: knocks, services and guards") {
  CHECK(parse_knock("7000") == Knock{Protocol::udp, 7000});
  CHECK(parse_knock("7000/tcp") == Knock{Protocol::tcp, 7000});
  CHECK(parse_knock("65535/udp") == Knock{Protocol::udp, 65535});
  CHECK(parse_service("22/tcp") == Service{Protocol::tcp, 22, 22});
  CHECK(parse_service("60000-61000/udp") == Service{Protocol::udp, 60000, 61000});
  CHECK(parse_service("22-22/tcp") == Service{Protocol::tcp, 22, 22});
  CHECK(parse_guard("7001") == std::vector<Knock>{{Protocol::tcp, 7001}, {Protocol::udp, 7001}});
  CHECK(parse_guard("7001/udp") == std::vector<Knock>{{Protocol::udp, 7001}});
  for (Knock knock : {Knock{Protocol::tcp, 1}, Knock{Protocol::udp, 65535}})
    CHECK(parse_knock(to_string(knock)) == knock);
  for (Service service : {Service{Protocol::tcp, 1, 65535}, Service{Protocol::udp, 53, 53}}) {
    CHECK(parse_service(to_string(service)) == service);
  }
}

TEST_CASE("values: what is no port is refused wherever a port stands, and a knock's fault never shows it") {
  for (const std::string& port : std::vector<std::string>{
           "", "0", "022", "0x16", "+22", "-22", "22.0", "2e1", "2_2", "65536", "4294967318",
           "18446744073709551638", " 22", "22 ", "no-such-service", "\xd9\xa2\xd9\xa2", "1-"}) {
    INFO(port);
    CHECK_FALSE(parse_service(port + "/tcp"));
    CHECK_FALSE(parse_guard(port));
    for (const std::string& text : {port, port + "/udp", port + "/UDP", "udp/" + port}) {
      const auto knock = parse_knock(text);
      REQUIRE_FALSE(knock);
      if (port.size() > 2)
        CHECK((knock.error().message + knock.error().remedy).find(port) == std::string::npos);
    }
  }
}

TEST_CASE("values: numbers and booleans are decimal and lower case only") {
  CHECK(parse_integer("16", 16, 64) == 16);
  CHECK(parse_integer("64", 16, 64) == 64);
  CHECK(parse_integer("0", 0, 1) == 0);
  for (const char* text : {"", "15", "65", "016", "0x10", "1e1", "+16", "-16", "16.0", "99999999999"}) {
    INFO(text);
    CHECK_FALSE(parse_integer(text, 16, 64));
  }
  CHECK(parse_boolean("true") == true);
  CHECK(parse_boolean("false") == false);
  CHECK(parse_boolean("yes") == true);
  CHECK(parse_boolean("no") == false);
  for (const char* text : {"True", "Yes", "NO", "on", "off", "y", "1", "0", ""})
    CHECK_FALSE(parse_boolean(text));
}

TEST_CASE("values: networks of both families, in their canonical form") {
  struct {
    const char* text;
    const char* printed;
  } const cases[] = {
      {"192.0.2.1", "192.0.2.1"},
      {"192.0.2.1/32", "192.0.2.1"},
      {"192.0.2.0/28", "192.0.2.0/28"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"2001:db8::/32", "2001:db8::/32"},
      {"2001:DB8:0:0::1", "2001:db8::1"},
      {"::/0", "::/0"},
      {"::1/128", "::1"},
      {"fe80::/10", "fe80::/10"},
      {"128.0.0.0/1", "128.0.0.0/1"},
      {"2001:db8:8000::/33", "2001:db8:8000::/33"},
  };
  for (const auto& [text, printed] : cases) {
    INFO(text);
    const auto network = parse_network(text);
    REQUIRE(network);
    CHECK(to_string(*network) == printed);
    CHECK(parse_network(printed) == network);
    CHECK(parse_declared_network(text) == *network);
  }
}

TEST_CASE("values: what is no network is refused") {
  for (const char* text : {"",
                           "/",
                           "/8",
                           "192.0.2.1/",
                           "192.0.2.1/33",
                           "192.0.2.1/08",
                           "192.0.2.1/-1",
                           "192.0.2.1/28",
                           "192.0.2",
                           "192.0.2.256",
                           "010.0.0.1",
                           "192.0.2.1 ",
                           "::1/129",
                           ":::",
                           "fe80::1%eth0",
                           "host",
                           "1.2.3.4/24/24",
                           "::1/64",
                           "192.0.2.1/1e1",
                           "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee"}) {
    INFO(text);
    CHECK_FALSE(parse_network(text));
    CHECK_FALSE(parse_declared_network(text));
  }
  CHECK_FALSE(parse_network(std::string_view("1.2.3.4\0", 8)));
}

TEST_CASE("values: containment") {
  struct {
    const char* network;
    const char* address;
    bool inside;
  } const cases[] = {
      {"192.0.2.0/28", "192.0.2.15", true},   {"192.0.2.0/28", "192.0.2.16", false},
      {"0.0.0.0/0", "203.0.113.9", true},     {"0.0.0.0/0", "::1", false},
      {"::/0", "2001:db8::1", true},          {"2001:db8::/33", "2001:db8:8000::", false},
      {"192.0.2.0/28", "192.0.2.0/29", true}, {"192.0.2.0/29", "192.0.2.0/28", false},
      {"192.0.2.1", "192.0.2.1", true},
  };
  for (const auto& [network, address, inside] : cases) {
    INFO(network << " and " << address);
    CHECK(contains(*parse_network(network), *parse_network(address)) == inside);
  }
}

TEST_CASE("values: names and interfaces") {
  for (const std::string& name :
       {std::string("ssh"), std::string("0"), std::string("a.b_c-d@e"), std::string(64, 'x')}) {
    CHECK(parse_name(name) == name);
  }
  for (const std::string& name :
       {std::string(), std::string("-a"), std::string(".a"), std::string("a b"), std::string("a\nb"),
        std::string("a\0b", 3), std::string("a\"b"), std::string("é"), std::string(65, 'x'),
        std::string(300, 'x'), std::string("a;b"), std::string("a{b")}) {
    INFO(name);
    CHECK_FALSE(parse_name(name));
  }
  for (const char* name :
       {"eth0", "br-lan", "wg0.5", "enp0s31f6", "fifteen-letters", "eth*", "fourteen-lette*", "log*"})
    CHECK(parse_interface(name));
  for (const char* name : {"",     ".",    "..", "a/b", "a b",   "sixteen-letters-", "eth**", "e*h", "*",
                           "eth+", "eth?", "l*", "lo*", "!eth0", "fifteen-letters*", "a\"",   "a\\", "a:1",
                           "lo",   "a\n"}) {
    INFO(name);
    CHECK_FALSE(parse_interface(name));
  }
}

TEST_CASE("values: the first to claim a port owns it") {
  PortOwners owners;
  CHECK_FALSE(owners.owner({Protocol::tcp, 1, 65535}));
  owners.add({Protocol::tcp, 100, 200}, 1);
  owners.add({Protocol::tcp, 50, 65535}, 2);
  owners.add({Protocol::tcp, 1, 65535}, 3);
  const auto owner = [&](std::uint16_t port) { return owners.owner({Protocol::tcp, port, port}); };
  CHECK(owner(1) == std::size_t{3});
  CHECK(owner(50) == std::size_t{2});
  CHECK(owner(150) == std::size_t{1});
  CHECK(owner(65535) == std::size_t{2});
  CHECK_FALSE(owners.owner({Protocol::udp, 1, 65535}));
  owners.add({Protocol::udp, 53, 53}, 4);
  CHECK(owners.owner({Protocol::udp, 1, 65535}) == std::size_t{4});
  CHECK_FALSE(owners.owner({Protocol::udp, 54, 65535}));
}
