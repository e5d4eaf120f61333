// Reading listings: what nftables prints, and what hands leave in it.
#include "catch.hpp"
#include "ruleset/ruleset.hpp"

using namespace knockwork;
using namespace std::chrono_literals;

TEST_CASE("listing: every kind of object") {
  const LiveTable table = parse_listing(R"(table inet knockwork {
	comment "knockwork 1"
	flags dormant
	set granted4 {
		type ipv4_addr . inet_proto . inet_service
		size 64	# count 2
		flags dynamic,timeout
		elements = { 10.1.1.1 . 6 . 22 timeout 1m expires 32s988ms,
			     10.1.1.2 . 6 . 22,
			     10.1.1.3 . 6 . 22 timeout 1m expires 1m6s }
	}

	map advance {
		type mark : verdict
		elements = { 0x00000003 comment "a, } : b" : goto open_1, 0x00000001 : goto within_1s }
	}

	set odd {
		type mark
		flags timeout
		timeout 1h
		gc-interval 10s
		comment "by hand"
	}

	counter hits {
		packets 0 bytes 0
	}

	ct helper ftp {
		type "ftp" protocol tcp
		l3proto inet
	}

	chain gate {
		comment "ours"
		type filter hook prerouting priority mangle; policy accept;
		icmpv6 type { nd-redirect, echo-request } accept comment "x { b, a } y"
		fib saddr . iif check exists accept
		fib daddr . iif check missing accept
		tcp flags & (fin | syn | rst | ack) != syn tcp flags & (fin | syn) == syn accept
		accept
	}
}
)");
  CHECK(table.ours);
  CHECK(table.extra == std::vector<std::string>{"flags dormant"});
  CHECK(table.ruleset.set("granted4")->size == 64);
  CHECK(table.ruleset.set("granted4")->elements == std::vector<Element>{{"10.1.1.2 . 6 . 22", "", ""}});
  CHECK(table.live.at("granted4") ==
        std::vector<LiveElement>{{"10.1.1.1 . 6 . 22", 60s, 32s + 988ms}, {"10.1.1.3 . 6 . 22", 66s, 66s}});
  CHECK(table.ruleset.set("advance")->is_map());
  CHECK(
      table.ruleset.set("advance")->elements ==
      std::vector<Element>{{"0x00000001", "goto within_1s", ""}, {"0x00000003", "goto open_1", "a, } : b"}});
  CHECK(table.ruleset.set("odd")->extra ==
        std::vector<std::string>{"timeout 1h", "gc-interval 10s", "comment \"by hand\""});
  CHECK(table.strangers == std::vector<Stranger>{{"counter", "hits"}, {"ct helper", "ftp"}});
  const Chain* gate = table.ruleset.chain("gate");
  REQUIRE(gate != nullptr);
  CHECK(gate->hook == "type filter hook prerouting priority mangle; policy accept;");
  CHECK(gate->extra == std::vector<std::string>{"comment \"ours\""});
  CHECK(gate->rules == std::vector<std::string>{
                           "icmpv6 type { echo-request, nd-redirect } accept comment \"x { b, a } y\"",
                           "fib saddr . iif oif exists accept", "fib daddr . iif oif missing accept",
                           "tcp flags != syn / fin,syn,rst,ack tcp flags syn / fin,syn accept", "accept"});
}

TEST_CASE("listing: a table of that name which is not ours") {
  CHECK_FALSE(parse_listing("table inet knockwork {\n}\n").ours);
  CHECK_FALSE(parse_listing("table inet knockwork {\n\tcomment \"mine\"\n}\n").ours);
}

TEST_CASE("listing: an element that comes twice stands for one that does not come") {
  const std::string head =
      "table inet knockwork {\n\tcomment \"knockwork 1\"\n\tmap advance {\n\t\ttype mark : verdict\n";
  const auto read = [&](const std::string& elements) {
    return parse_listing(head + "\t\telements = { " + elements + " }\n\t}\n}\n");
  };
  CHECK_FALSE(has_twice(read("0x00000003 : accept, 0x00000001 : accept, 0x00000002 : accept")));
  CHECK(has_twice(read("0x00000003 : accept, 0x00000001 : accept, 0x00000003 : accept")));
  CHECK_FALSE(has_twice(parse_listing(
      "table inet knockwork {\n\tcomment \"knockwork 1\"\n\tset strays4 {\n\t\ttype ipv4_addr\n"
      "\t\tflags dynamic,timeout\n\t\telements = { 10.0.0.1 timeout 5s expires 4s, 10.0.0.1 timeout 5s expires 3s }"
      "\n\t}\n}\n")));
}

TEST_CASE("listing: what is no listing is refused") {
  for (const char* text :
       {"", "table inet other {\n}\n", "table inet knockwork {\n", "table inet knockwork {\n\tchain a {\n",
        "table inet knockwork {\n\tset a {\n\t\tsize 99999999999999999999\n\t}\n}\n",
        "table inet knockwork {\n\tset a {\n\t\tsize x\n\t}\n}\n"}) {
    CHECK_THROWS_AS(parse_listing(text), UnknownListing);
  }
}

TEST_CASE("listing: times") {
  const std::vector<std::pair<std::chrono::milliseconds, std::string>> times{
      {0ms, "0s"},    {100ms, "100ms"}, {1500ms, "1s500ms"},
      {90s, "1m30s"}, {24h, "1d"},      {25h + 1s + 988ms, "1d1h1s988ms"}};
  for (const auto& [time, text] : times) {
    CHECK(nft_time(time) == text);
    CHECK(parse_nft_time(text) == time);
  }
  CHECK_FALSE(parse_nft_time("5").has_value());
  CHECK_FALSE(parse_nft_time("abc").has_value());
  CHECK_FALSE(parse_nft_time("99999999999999999999s").has_value());
  CHECK_FALSE(parse_nft_time("999999999999d").has_value());
  CHECK_FALSE(parse_nft_time("13000000d13000000d").has_value());
}

TEST_CASE("listing: commas of an expression are no separators") {
  const std::string rule =
      "add @claimed { @th,64,128 timeout 1m } add @used { @th,64,128 timeout 30m } meta priority vmap @openers";
  const LiveTable table =
      parse_listing("table inet knockwork {\n\tchain token_use {\n\t\t" + rule + "\n\t}\n}\n");
  CHECK(table.ruleset.chains.front().rules == std::vector<std::string>{rule});
}
