// Reading a list of packets: what every word means, and every fault with its place.
#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "machine/script.hpp"

namespace {

using namespace knockwork;

Packet packet(int ms, const char* source, std::optional<Knock> target) {
  Packet made;
  made.time = Instant(ms);
  made.source = *parse_network(source);
  made.target = target;
  return made;
}

Packet portless(const char* source, std::uint8_t protocol, std::optional<std::uint8_t> icmp_type) {
  Packet made = packet(0, source, std::nullopt);
  made.protocol = protocol;
  made.icmp_type = icmp_type;
  return made;
}

const Knock kUdp{Protocol::udp, 7000}, kTcp{Protocol::tcp, 22}, kTokens{Protocol::udp, 41873};

// Two sequences that are opened by tokens, at different ports.
const Program kProgram = [] {
  Program program;
  for (const auto& [name, port] :
       {std::pair{"alice", kTokens}, std::pair{"bob", Knock{Protocol::udp, 41874}}}) {
    Track& track = program.tracks.emplace_back();
    track.name = name;
    track.token = true;
    track.edges = {{static_cast<EdgeId>(program.tracks.size()), port}};
  }
  return program;
}();

template <typename Change>
Packet with(Packet packet, Change change) {
  change(packet);
  return packet;
}

std::string faults(std::string_view script) {
  try {
    read_script(script, "packets", kProgram);
  } catch (const InvalidDeclaration& invalid) {
    return to_text(invalid.diagnostics());
  }
  return "none";
}

}  // namespace

TEST_CASE("a line is a packet", "[script]") {
  const Packet udp = packet(0, "192.0.2.7", kUdp), tcp = packet(0, "192.0.2.7", kTcp);
  const auto flags = [&](int value) {
    return with(tcp, [=](Packet& packet) { packet.flags = static_cast<std::uint8_t>(value); });
  };
  const auto state = [&](Conntrack value) {
    return with(udp, [=](Packet& packet) { packet.conntrack = value; });
  };
  const auto to = [&](DestinationType value) {
    return with(udp, [=](Packet& packet) { packet.destination = value; });
  };
  struct Case {
    const char* line;
    Packet packet;
    const char* text;
  };
  const std::vector<Case> cases{
      {"0 192.0.2.7 7000", udp, "7000"},
      {"0s 192.0.2.7 7000/udp", udp, "7000/udp"},
      {"0ms\t192.0.2.7   7000:udp # as knockd writes it", udp, "7000:udp"},
      {"+0 192.0.2.7 7000/udp#close", udp, "7000/udp"},
      {"  0 192.0.2.7 22/tcp", tcp, "22/tcp"},
      {"0 192.0.2.7 22:tcp", tcp, "22:tcp"},
      {"0 2001:db8::7 22/tcp", packet(0, "2001:db8::7", kTcp), "22/tcp"},
      {"1.5s 192.0.2.7 7000", packet(1500, "192.0.2.7", kUdp), "7000"},
      {"+200ms 192.0.2.7 7000", packet(200, "192.0.2.7", kUdp), "7000"},
      {"0.001s 192.0.2.7 7000", packet(1, "192.0.2.7", kUdp), "7000"},
      {"1m30.5s 192.0.2.7 7000", packet(90500, "192.0.2.7", kUdp), "7000"},
      {"1d2h 192.0.2.7 7000", packet(93600000, "192.0.2.7", kUdp), "7000"},
      {"0 192.0.2.7 22/tcp syn", flags(0x02), "22/tcp syn"},
      {"0 192.0.2.7 22/tcp ack", flags(0x10), "22/tcp ack"},
      {"0 192.0.2.7 22/tcp fin", flags(0x01), "22/tcp fin"},
      {"0 192.0.2.7 22/tcp rst", flags(0x04), "22/tcp rst"},
      {"0 192.0.2.7 22/tcp psh", flags(0x08), "22/tcp psh"},
      {"0 192.0.2.7 22/tcp urg", flags(0x20), "22/tcp urg"},
      {"0 192.0.2.7 22/tcp syn,ack", flags(0x12), "22/tcp syn,ack"},
      {"0 192.0.2.7 22/tcp syn|ack", flags(0x12), "22/tcp syn|ack"},
      {"0 192.0.2.7 22/tcp null", flags(0x00), "22/tcp null"},
      {"0 192.0.2.7 22/tcp xmas", flags(0x29), "22/tcp xmas"},
      {"0 192.0.2.7 7000 new", udp, "7000 new"},
      {"0 192.0.2.7 7000 untracked", state(Conntrack::untracked), "7000 untracked"},
      {"0 192.0.2.7 7000 established", state(Conntrack::established), "7000 established"},
      {"0 192.0.2.7 7000 related", state(Conntrack::related), "7000 related"},
      {"0 192.0.2.7 7000 invalid", state(Conntrack::invalid), "7000 invalid"},
      {"0 192.0.2.7 7000 local", udp, "7000 local"},
      {"0 192.0.2.7 7000 broadcast", to(DestinationType::broadcast), "7000 broadcast"},
      {"0 192.0.2.7 7000 multicast", to(DestinationType::multicast), "7000 multicast"},
      {"0 192.0.2.7 7000 anycast", to(DestinationType::anycast), "7000 anycast"},
      {"0 192.0.2.7 7000 unicast", to(DestinationType::routed), "7000 unicast"},
      {"0 192.0.2.7 7000 lo", with(udp, [](Packet& packet) { packet.ingress = Ingress::loopback; }),
       "7000 lo"},
      {"0 192.0.2.7 gre", portless("192.0.2.7", 47, {}), "gre"},
      {"0 192.0.2.7 something", packet(0, "192.0.2.7", std::nullopt), "something"},
      {"0 192.0.2.7 icmp", portless("192.0.2.7", 1, {}), "icmp"},
      {"0 192.0.2.7 icmp timestamp-request", portless("192.0.2.7", 1, 13), "icmp timestamp-request"},
      {"0 192.0.2.7 icmp time-exceeded", portless("192.0.2.7", 1, 11), "icmp time-exceeded"},
      {"0 192.0.2.7 icmp echo-request",
       with(portless("192.0.2.7", 1, 8), [](Packet& packet) { packet.ping = true; }), "icmp echo-request"},
      {"0 fe80::1 icmpv6 nd-neighbor-solicit",
       with(portless("fe80::1", 58, 135), [](Packet& packet) { packet.needed_by_ipv6 = true; }),
       "icmpv6 nd-neighbor-solicit"},
      {"0 fe80::1 546/udp dhcpv6",
       with(packet(0, "fe80::1", Knock{Protocol::udp, 546}),
            [](Packet& packet) { packet.needed_by_ipv6 = true; }),
       "546/udp dhcpv6"},
      {"0 192.0.2.7 22/tcp   ack invalid  anycast",
       with(flags(0x10),
            [](Packet& packet) {
              packet.conntrack = Conntrack::invalid;
              packet.destination = DestinationType::anycast;
            }),
       "22/tcp ack invalid anycast"},
  };
  for (const Case& one : cases) {
    INFO(one.line);
    CHECK(read_script(one.line, "packets", kProgram) == std::vector<ScriptedPacket>{{one.packet, one.text}});
  }
}

TEST_CASE("times add up from line to line; comments and empty lines are no packets", "[script]") {
  const std::vector<ScriptedPacket> packets = read_script(
      "# knocks\n\n1s 192.0.2.7 7000\n  # again\n+0.5s 192.0.2.7 7000\r\n+0 192.0.2.7 7000\n2s 192.0.2.7 "
      "7000",
      "packets", kProgram);
  std::vector<long> times;
  for (const ScriptedPacket& scripted : packets)
    times.push_back(static_cast<long>(scripted.packet.time.count()));
  CHECK(times == std::vector<long>{1000, 1500, 1500, 2000});
  CHECK(read_script("", "packets", kProgram).empty());
  CHECK(read_script("\n# nothing\n", "packets", kProgram).empty());
}

TEST_CASE("all faults of a script are told at once, each with its place", "[script]") {
  CHECK(faults("soon 192.0.2.7 7000\n"
               "1s 192.0.2.300 7000\n"
               "2s 192.0.2.7\n"
               "1s 192.0.2.7 70000/udp wat\n"
               "+1s é 7000/tcp wat syn|ack ack\n"
               "3s\n") == R"(packets:1:1: error: not a time
  soon 192.0.2.7 7000
  ^~~~
  help: begin the line with 1.5s or 1m30s since the start, or +200ms since the previous packet, as in: +1s 192.0.2.7 7000/udp; units: ms, s, m, h, d
packets:2:4: error: not an address
  1s 192.0.2.300 7000
     ^~~~~~~~~~~
  help: write one IPv4 or IPv6 address: 192.0.2.7 or 2001:db8::7
packets:3:4: error: a packet needs a port
  2s 192.0.2.7
     ^~~~~~~~~
  help: write it as: +1s 192.0.2.7 7000/udp
packets:4:1: error: time goes back
  1s 192.0.2.7 70000/udp wat
  ^~
  help: sort the packets by time
packets:4:14: error: not a port and protocol
  1s 192.0.2.7 70000/udp wat
               ^~~~~~~~~
  help: write 7000/udp or 22/tcp with a port from 1 to 65535, or the name of another protocol: icmp
packets:5:5: error: not an address
  +1s é 7000/tcp wat syn|ack ack
      ^
  help: write one IPv4 or IPv6 address: 192.0.2.7 or 2001:db8::7
packets:5:16: error: unknown word
  +1s é 7000/tcp wat syn|ack ack
                 ^~~
  help: use TCP flags (ack), a ct state (invalid), reply, a kind of destination (broadcast, unicast), its address (to=203.0.113.10), its interface (on=eth1), lo, unlisted, an ICMP type (packet-too-big), the connection it begins (connection=1), or a token (token=NAME)
packets:5:28: error: duplicate word for the TCP flags
  +1s é 7000/tcp wat syn|ack ack
                             ^~~
  help: join the flags: syn,ack
packets:6:1: error: a packet needs a source and a port
  3s
  ^~
  help: write it as: +1s 192.0.2.7 7000/udp
)");
}

TEST_CASE("a token is of a sequence, and new unless the script says which one it is", "[script]") {
  const auto sent = [](std::string_view script) {
    std::string text;
    for (const ScriptedPacket& one : read_script(script, "packets", kProgram)) {
      text += to_string(*one.packet.target);
      if (one.packet.token)
        text += ' ' + one.packet.token->sequence + ' ' + std::to_string(one.packet.token->number);
      text += '\n';
    }
    return text;
  };
  CHECK(sent("0 192.0.2.7 token=alice\n"
             "0 192.0.2.7 token=alice again invalid\n"
             "0 192.0.2.7 token=bob\n"
             "0 192.0.2.7 token=alice\n"
             "0 192.0.2.7 token=alice:5 to=192.0.2.1\n"
             "0 192.0.2.7 token=alice again\n"
             "0 192.0.2.7 token=alice\n"
             "0 192.0.2.7 7000 token=alice:1\n"
             "0 192.0.2.7 7000 again token=alice\n") == R"(41873/udp alice 1
41873/udp alice 1
41874/udp bob 1
41873/udp alice 2
41873/udp alice 5
41873/udp alice 5
41873/udp alice 6
7000/udp alice 1
7000/udp alice 1
)");
}

TEST_CASE("a token that cannot be sent is refused with what to write", "[script]") {
  CHECK(faults("0 192.0.2.7 token=carol\n"
               "0 192.0.2.7 7000/tcp token=alice\n"
               "0 192.0.2.7 icmp token=alice\n"
               "0 192.0.2.7 token=alice again\n"
               "0 192.0.2.7 token=alice:0\n"
               "0 192.0.2.7 token=alice:1 again\n"
               "0 192.0.2.7 7000 again\n"
               "0 192.0.2.7 token=alice token=bob\n"
               "0 192.0.2.7 token=bob again\n") == R"(packets:1:13: error: not a sequence that has tokens
  0 192.0.2.7 token=carol
              ^~~~~~~~~~~
  help: write one of: alice, bob
packets:2:22: error: only a UDP packet carries a token
  0 192.0.2.7 7000/tcp token=alice
                       ^~~~~~~~~~~
  help: leave the port out, or write it as 7000/udp
packets:3:18: error: only a UDP packet carries a token
  0 192.0.2.7 icmp token=alice
                   ^~~~~~~~~~~
  help: leave the port out, or write it as 7000/udp
packets:5:13: error: not the number of a token
  0 192.0.2.7 token=alice:0
              ^~~~~~~~~~~~~
  help: count from 1: token=alice:1
packets:6:27: error: the token has a number already
  0 192.0.2.7 token=alice:1 again
                            ^~~~~
  help: keep one of them
packets:7:18: error: no token that could be sent again
  0 192.0.2.7 7000 again
                   ^~~~~
  help: write it after a token: token=NAME again
packets:8:25: error: duplicate word for the token
  0 192.0.2.7 token=alice token=bob
                          ^~~~~~~~~
  help: keep one of them
packets:9:23: error: no token of this sequence was sent before
  0 192.0.2.7 token=bob again
                        ^~~~~
  help: remove the word
)");
  try {
    read_script("0 192.0.2.7 token=ssh\n", "packets", {});
    FAIL("was read");
  } catch (const InvalidDeclaration& invalid) {
    CHECK(invalid.diagnostics()[0].remedy == "only a sequence with `token` has them");
  }
}

TEST_CASE("a word must fit its packet", "[script]") {
  CHECK(faults("0 192.0.2.7 icmp ack\n"
               "0 192.0.2.7 icmpv6 packet-too-big\n"
               "0 192.0.2.7 7000 new invalid\n"
               "0 ::1 22/tcp ack new local lo dhcpv6 reply to=::2 lo lo lo\n") ==
        R"(packets:1:18: error: only TCP has flags
  0 192.0.2.7 icmp ack
                   ^~~
  help: remove the word, or write the port as 22/tcp
packets:2:20: error: an IPv6 message from an IPv4 address
  0 192.0.2.7 icmpv6 packet-too-big
                     ^~~~~~~~~~~~~~
  help: use an IPv6 source address, or remove the word
packets:3:22: error: duplicate word for the conntrack state
  0 192.0.2.7 7000 new invalid
                       ^~~~~~~
  help: keep one of them
packets:4:51: error: too many words
  0 ::1 22/tcp ack new local lo dhcpv6 reply to=::2 lo lo lo
                                                    ^~
  help: write one packet per line
)");
}

TEST_CASE("each malformed field is refused", "[script]") {
  struct Case {
    const char* line;
    const char* message;
    int column;
  };
  const std::vector<Case> cases{
      {"1 192.0.2.7 7000", "not a time", 1},
      {"1.s 192.0.2.7 7000", "not a time", 1},
      {".5s 192.0.2.7 7000", "not a time", 1},
      {"-1s 192.0.2.7 7000", "not a time", 1},
      {"+ 192.0.2.7 7000", "not a time", 1},
      {"1w 192.0.2.7 7000", "not a time", 1},
      {"0.0005s 192.0.2.7 7000", "not a time", 1},
      {"0.5ms 192.0.2.7 7000", "not a time", 1},
      {"1s1 192.0.2.7 7000", "not a time", 1},
      {"99999999999s 192.0.2.7 7000", "not a time", 1},
      {"3651d 192.0.2.7 7000", "not a time", 1},
      {"0 host.example 7000", "not an address", 3},
      {"0 192.0.2.0/24 7000", "not an address", 3},
      {"0 192.0.2.7/32 7000", "not an address", 3},
      {"0 192.0.2.7 0", "not a port and protocol", 13},
      {"0 192.0.2.7 022/tcp", "not a port and protocol", 13},
      {"0 192.0.2.7 65536/tcp", "not a port and protocol", 13},
      {"0 192.0.2.7 22/", "not a port and protocol", 13},
      {"0 192.0.2.7 22/sctp", "not a port and protocol", 13},
      {"0 192.0.2.7 /tcp", "not a port and protocol", 13},
      {"0 192.0.2.7 tcp", "not a port and protocol", 13},
      {"0 192.0.2.7 ICMP", "not a port and protocol", 13},
      {"0 192.0.2.7 7000-7002/udp", "not a port and protocol", 13},
      {"0 192.0.2.7 22/tcp syn,", "unknown word", 20},
      {"0 192.0.2.7 22/tcp SYN", "unknown word", 20},
      {"0 192.0.2.7 7000 8000", "unknown word", 18},
  };
  for (const Case& one : cases) {
    INFO(one.line);
    try {
      read_script(one.line, "packets", kProgram);
      FAIL_CHECK("was read");
    } catch (const InvalidDeclaration& invalid) {
      const Diagnostics& found = invalid.diagnostics();
      REQUIRE(found.size() == 1);
      CHECK(found[0].message == one.message);
      CHECK(found[0].column == one.column);
      CHECK(found[0].source == one.line);
      CHECK_FALSE(found[0].remedy.empty());
    }
  }
}

TEST_CASE("a line without a time is one error", "[script]") {
  for (const char* line :
       {"192.0.2.7 7000/udp", "192.0.2.7 7000/udp ack", "7000/udp", "nonsense", "::1 22/tcp syn x"}) {
    INFO(line);
    const std::string found = faults(line);
    CHECK(found.starts_with("packets:1:1: error: not a time\n"));
    CHECK(found.find("error: ", found.find("error: ") + 1) == std::string::npos);
  }
}

TEST_CASE("sums of times stay within ten years", "[script]") {
  CHECK(read_script("3650d 192.0.2.7 7000\n", "packets", kProgram).size() == 1);
  CHECK(faults("3650d 192.0.2.7 7000\n+1ms 192.0.2.7 7000\n") ==
        R"(packets:2:1: error: more than ten years after the start
  +1ms 192.0.2.7 7000
  ^~~~
  help: use earlier times
)");
}

TEST_CASE("what() of a bad script quotes none of it", "[script]") {
  try {
    read_script("0 192.0.2.7 7000 8000\n", "packets", kProgram);
    FAIL("was read");
  } catch (const InvalidDeclaration& invalid) {
    CHECK(std::string(invalid.what()).find("000") == std::string::npos);
  }
}
