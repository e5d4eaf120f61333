// What is told of other firewalls from their listing.
#include "surroundings/surroundings.hpp"

#include <fmt/format.h>

#include "catch.hpp"
#include "records/kept_answers.hpp"
#include "records/stamp.hpp"
#include "ruleset/on_demand/answers.hpp"

namespace knockwork {
namespace {

std::string table(const std::string& policy, const std::string& rules, const std::string& name = "inet fw") {
  return fmt::format(
      "table {} {{\n\tchain input {{\n\t\ttype filter hook input priority filter + 10; policy {};\n{}\t}}\n}}\n",
      name, policy, rules);
}

Program gate() {
  Program program;
  Track track;
  track.name = "ssh";
  track.services = {{Protocol::tcp, 22, 22}};
  program.tracks = {track};
  return program;
}

std::vector<Answered> everywhere(Answer tcp, Answer udp) {
  return {{false, Protocol::tcp, tcp},
          {false, Protocol::udp, udp},
          {true, Protocol::tcp, tcp},
          {true, Protocol::udp, udp}};
}

std::vector<Answered> told(const std::string& listing) { return answers(parse_others(listing), gate()); }

const std::string kFirewalld =
    "\t\tct state { established, related } accept\n\t\tct status dnat accept\n\t\tiifname \"lo\" accept\n"
    "\t\ticmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept\n\t\ttcp dport 22 ct state new accept\n"
    "\t\tct state invalid drop\n";

}  // namespace

TEST_CASE("surroundings: nothing there, and nothing of others") {
  CHECK(told("").empty());
  CHECK(told(table("drop", "", "inet knockwork")).empty());
  CHECK(told(table("drop", "", "bridge fw")).empty());
  CHECK(told(table("accept", "\t\tip saddr @banned tcp dport 22 reject\n")).empty());  // fail2ban
}

TEST_CASE("surroundings: policy drop, and firewalld's shapes") {
  CHECK(told(table(
            "drop",
            "\t\tct state established,related accept\n\t\tiif \"lo\" accept\n\t\ttcp dport 22 accept\n")) ==
        everywhere(Answer::drop, Answer::drop));
  CHECK(told(table("accept", kFirewalld + "\t\tdrop\n")) == everywhere(Answer::drop, Answer::drop));
  CHECK(told(table("accept", kFirewalld + "\t\treject with icmpx admin-prohibited\n")) ==
        everywhere(Answer::prohibited, Answer::prohibited));
  CHECK(told(table("accept", kFirewalld + "\t\tmeta l4proto 6 reject with tcp reset\n\t\treject\n")) ==
        std::vector<Answered>{{false, Protocol::udp, Answer::unreachable},
                              {true, Protocol::udp, Answer::unreachable}});
}

TEST_CASE("surroundings: jumps, maps and zones") {
  const std::string zones =
      "table inet firewalld {\n\tchain filter_INPUT {\n\t\ttype filter hook input priority filter + 10; policy accept;\n"
      "\t\tct status dnat accept\n\t\tjump zones\n\t\treject with icmpx admin-prohibited\n\t}\n\n"
      "\tchain zones {\n\t\tiifname \"docker0\" goto trusted\n\t\tiifname vmap { \"eth0\" : goto public }\n"
      "\t\tgoto public\n\t}\n\n\tchain trusted {\n\t\taccept\n\t}\n\n"
      "\tchain public {\n\t\tjump public_allow\n\t\tmeta l4proto { 1, 58 } accept\n\t\tdrop\n\t}\n\n"
      "\tchain public_allow {\n\t\ttcp dport 22 accept\n\t}\n}\n";
  CHECK(told(zones) == everywhere(Answer::drop, Answer::drop));
}

TEST_CASE("surroundings: ufw as iptables makes it, of one family") {
  const std::string ufw =
      "table ip filter {\n\tchain allow {\n\t\ttcp dport 22 counter packets 0 bytes 0 accept\n"
      "\t\ttcp dport 23 ct state new xt match recent counter packets 0 bytes 0 jump limit\n\t}\n\n"
      "\tchain limit {\n\t\tcounter packets 0 bytes 0 reject\n\t}\n\n"
      "\tchain not-local {\n\t\tfib daddr type local counter packets 0 bytes 0 return\n"
      "\t\tlimit rate 3/minute burst 10 packets counter packets 0 bytes 0 jump limit\n"
      "\t\tcounter packets 0 bytes 0 drop\n\t}\n\n"
      "\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n"
      "\t\tiifname \"lo\" counter packets 0 bytes 0 accept\n\t\tcounter packets 0 bytes 0 jump not-local\n"
      "\t\tudp sport 67 udp dport 68 counter packets 0 bytes 0 accept\n"
      "\t\tcounter packets 0 bytes 0 jump allow\n"
      "\t\tlimit rate 3/minute burst 10 packets counter packets 0 bytes 0 log prefix \"[UFW accept] \"\n\t}\n}\n";
  CHECK(told(ufw) ==
        std::vector<Answered>{{false, Protocol::tcp, Answer::drop}, {false, Protocol::udp, Answer::drop}});
}

TEST_CASE("surroundings: bits, any of them, none of them, and all of them") {
  const std::vector<Answered> dropped = everywhere(Answer::drop, Answer::drop);
  const std::vector<Answered> connections{{false, Protocol::tcp, Answer::drop},
                                          {true, Protocol::tcp, Answer::drop}};
  const auto dropping = [](const std::string& match) {
    return told(table("accept", "\t\t" + match + " drop\n"));
  };
  CHECK(dropping("ct state ! established,related") == dropped);
  CHECK(dropping("ct state != established | related") == dropped);
  CHECK(dropping("ct state established,new") == dropped);
  CHECK(dropping("ct state established | new").empty());
  CHECK(dropping("ct state ! established,new").empty());
  CHECK(dropping("ct status ! dnat") == dropped);
  CHECK(dropping("tcp flags syn,ack") == connections);
  CHECK(dropping("tcp flags fin,rst").empty());
  CHECK(dropping("tcp flags { syn | ack, syn }") == connections);
  CHECK(dropping("tcp flags == 0x12").empty());
  CHECK(dropping("tcp flags ! syn").empty());
  CHECK(dropping("tcp flags ! fin,rst") == connections);
}

TEST_CASE("surroundings: what cannot be told is no guess") {
  const std::string odd = table("drop", "\t\tmeta skuid 0 accept\n");
  CHECK(told(odd).empty());
  REQUIRE(warnings(parse_others(odd), gate()).size() == 1);
  CHECK(warnings(parse_others(odd), gate()).front().find("inet fw input") != std::string::npos);
}

TEST_CASE("surroundings: where translated packets are let through, refused ones stand out") {
  const auto warned = [](const std::string& rules) {
    return warnings(parse_others(table("accept", rules)), gate());
  };
  REQUIRE(warned(kFirewalld + "\t\tdrop\n").size() == 1);
  CHECK(warned(kFirewalld + "\t\tdrop\n").front().ends_with("Set `refuse: drop`"));
  REQUIRE(warned(kFirewalld + "\t\treject with icmpx admin-prohibited\n").size() == 1);
  CHECK(warned("\t\ttcp dport 22 accept\n\t\tdrop\n").empty());
}

TEST_CASE("surroundings: what the gate answers by itself") {
  const auto given = [](const std::string& listing) { return imitated(parse_others(listing), gate()); };
  const std::vector<Answered> connections{{false, Protocol::tcp, Answer::drop},
                                          {true, Protocol::tcp, Answer::drop}};
  CHECK(given(table("accept", kFirewalld + "\t\tdrop\n")) == connections);
  CHECK(given(table("accept", kFirewalld + "\t\treject with icmpx admin-prohibited\n")) ==
        everywhere(Answer::prohibited, Answer::prohibited));
  CHECK(given(table("drop", "\t\ttcp dport 22 accept\n")).empty());  // sees a refused connection as any
  CHECK(given(table("drop", "\t\tmeta skuid 0 accept\n")).empty());
  Program silent = gate();
  silent.reject = false;
  CHECK(imitated(parse_others(table("accept", kFirewalld + "\t\tdrop\n")), silent).empty());
  CHECK(warnings(parse_others(table("accept", kFirewalld + "\t\tdrop\n")), gate(), connections).empty());
}

TEST_CASE("surroundings: what is answered is kept in a file, and a damaged one is nothing") {
  for (const std::vector<Answered>& all :
       {std::vector<Answered>(), everywhere(Answer::drop, Answer::prohibited),
        std::vector<Answered>{{true, Protocol::udp, Answer::unreachable}}}) {
    CHECK(parse_kept_answers(kept_answers_text(all)) == all);
  }
  CHECK(kept_answers_text({{false, Protocol::tcp, Answer::drop}}) == "ipv4 tcp drop\n");
  for (const char* text : {"ipv4 tcp drop", "ipv4 tcp drop\nipv4 tcp drop\n", "ipv4 tcp accept\n", "\n",
                           "ipv6 tcp drop\nipv4 tcp drop\n", "ipv4 tcp drop\nx"}) {
    INFO(text);
    CHECK(parse_kept_answers(text).empty());
  }
}

TEST_CASE("surroundings: answers are no part of what was declared") {
  const Ruleset plain = compile(gate());
  const Ruleset with = with_answers(plain, everywhere(Answer::drop, Answer::prohibited));
  REQUIRE(has_answers(with));
  CHECK(with.chain("answers")->rules.size() == 6);
  CHECK(without_answers(with) == plain);
  CHECK(with_answers(with, {}) == plain);
  CHECK(digest(with) == digest(plain));
}

TEST_CASE("surroundings: a firewall that refuses the service to everybody is named") {
  const auto warned = [](const std::string& rules) {
    return warnings(parse_others(table("drop", rules)), gate());
  };
  REQUIRE(warned("\t\ttcp dport 80 accept\n").size() == 1);
  CHECK(warned("\t\ttcp dport 80 accept\n")
            .front()
            .starts_with("the chain inet fw input refuses what ssh opens"));
  CHECK(warned("\t\tip saddr 192.0.2.1 tcp dport 22 accept\n").empty());
  CHECK(warned("\t\ttcp dport @allowed accept\n").empty());
  CHECK(warned("\t\ttcp dport 22 accept\n").empty());
}

TEST_CASE("surroundings: a service is refused before it is routed, and elsewhere by what forwards it") {
  const auto chain = [](const std::string& hook, const std::string& policy, const std::string& rules) {
    return fmt::format(
        "table ip fw {{\n\tchain {0} {{\n\t\ttype filter hook {0} priority raw; policy {1};\n{2}\t}}\n}}\n",
        hook, policy, rules);
  };
  const std::string gate6 = table("drop", "", "ip6 fw");
  const auto here = [&](const std::string& listing) {
    return warnings(parse_others(listing + gate6), gate()).size();
  };
  const auto elsewhere = [](const std::string& listing, const char* to) {
    Program program = gate();
    program.tracks.front().to = {*parse_network(to)};
    program.reject = false;
    return warnings(parse_others(listing), program);
  };
  CHECK(here(chain("prerouting", "accept", "\t\ttcp dport != 80 drop\n")) == 1);
  CHECK(here(chain("prerouting", "accept", "\t\ttcp dport != 22 drop\n")) == 0);
  CHECK(here(chain("prerouting", "accept", "\t\tfib saddr . mark . iif oif missing drop\n")) == 0);
  CHECK(here(chain("prerouting", "accept", "\t\ttcp dport != 80 drop\n") +
             "table ip nat {\n\tchain p {\n\t\ttcp dport 80 redirect to :22\n\t}\n}\n") == 0);
  const std::string forward = chain("forward", "drop", "\t\tct state established,related accept\n"),
                    input = table("drop", "", "ip host"), closed = forward + input;
  REQUIRE(elsewhere(closed, "203.0.113.10").size() == 1);
  CHECK(elsewhere(closed, "203.0.113.10")
            .front()
            .starts_with("the chain ip fw forward refuses what ssh opens"));
  CHECK(elsewhere(closed, "2001:db8::10").empty());
  CHECK(elsewhere(forward, "203.0.113.10").empty());  // which may be an address of this host
  CHECK(here(forward) == 0);
  for (const char* rule : {"ct status dnat accept", "ip daddr 203.0.113.10 tcp dport 22 accept",
                           "iifname \"eth0\" oifname \"lan\" accept", "fib daddr type unicast accept"}) {
    INFO(rule);
    CHECK(elsewhere(chain("forward", "drop", "\t\t" + std::string(rule) + "\n") + input, "203.0.113.10")
              .empty());
  }
}

TEST_CASE("surroundings: a range is refused only if all of its ports are") {
  const auto warned = [](const std::string& policy, const std::string& rules, Service service) {
    Program program = gate();
    program.tracks.front().services = {service};
    program.reject = false;  // then no other warning is of interest
    return warnings(parse_others(table(policy, rules)), program).size();
  };
  const Service all{Protocol::tcp, 1, 65535}, some{Protocol::tcp, 8000, 8100};
  CHECK(warned("drop", "\t\ttcp dport 22 accept\n", all) == 0);
  CHECK(warned("drop", "\t\ttcp dport { 80, 8050-8060 } accept\n", some) == 0);
  CHECK(warned("drop", "\t\ttcp dport 8100 accept\n", some) == 0);
  CHECK(warned("accept", "\t\ttcp dport 8000-8050 drop\n\t\ttcp dport 8052-65535 drop\n", some) == 0);
  CHECK(warned("accept", "\t\ttcp dport 8000-8050 drop\n\t\ttcp dport 8051-65535 drop\n", some) == 1);
  CHECK(warned("drop", "\t\ttcp dport 22 accept\n", some) == 1);
}

}  // namespace knockwork
