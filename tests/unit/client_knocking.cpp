// When and where the client knocks, on a wire that logs everything and keeps its own time.
#include <algorithm>
#include <limits>

#include "catch.hpp"
#include "fake_wire.hpp"
#include "knockwork/diagnostic.hpp"

namespace {

using namespace knockwork;
using std::chrono::milliseconds;
using Answer = Wire::Answer;

KnockTarget target() {
  KnockTarget target;
  target.host = target.address = "web1";
  target.sequence = "ssh";
  target.knocks = {{{Protocol::udp, 7000}, {Protocol::tcp, 8000}}};
  target.lockout = milliseconds(3000);
  target.step_timeout = milliseconds(1000);
  return target;
}

constexpr Service kSsh{Protocol::tcp, 22, 22};

// As often as it is asked to, with the same time between two knocks whatever answers.
Knocking at_most(int retries) {
  Knocking how;
  how.delay = milliseconds(50);
  how.retries = retries;
  return how;
}

Knocking once() { return at_most(0); }

// Without `resolve`.
Lines sent(const FakeWire& wire) {
  Lines lines;
  for (const std::string& line : wire.log) {
    if (line.find("192.0.2.1 ← ") != std::string::npos) lines.push_back(line);
  }
  return lines;
}

}  // namespace

TEST_CASE("client: knocks go to the first address that has a way, with delay and jitter between them") {
  FakeWire wire;
  wire.addresses = {"2001:db8::1", "192.0.2.1", "192.0.2.2"};
  wire.obstacles["2001:db8::1"] = "Network is unreachable";
  Knocking how = once();
  how.jitter = milliseconds(25);
  const Knocked knocked = knock(target(), how, wire);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← 7000/udp", "75: 192.0.2.1 ← 8000/tcp"});
  CHECK(knocked.outcome == Knocked::Outcome::sent);
  CHECK(knocked.address == "192.0.2.1");
  CHECK(knocked.rounds == 1);
}

TEST_CASE("client: a port that opens a moment later is waited for") {
  FakeWire wire;
  wire.answers = {Answer::refused, Answer::refused, Answer::open};
  const Knocked knocked = knock_open(target(), kSsh, once(), wire);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← 7000/udp", "50: 192.0.2.1 ← 8000/tcp",
                          "50: 192.0.2.1 ← connect 22: refused", "70: 192.0.2.1 ← connect 22: refused",
                          "110: 192.0.2.1 ← connect 22: open"});
  CHECK(knocked.outcome == Knocked::Outcome::open);
  CHECK(knocked.message.empty());
}

TEST_CASE("client: the last time that it may, it knocks when the lockout has passed since the last knock") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  Knocking how = at_most(1);
  how.timeout = milliseconds(400);
  const Knocked knocked = knock_open(target(), kSsh, how, wire);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← 7000/udp", "50: 192.0.2.1 ← 8000/tcp",
                          "50: 192.0.2.1 ← connect 22: silent", "3300: 192.0.2.1 ← 7000/udp",
                          "3350: 192.0.2.1 ← 8000/tcp", "3350: 192.0.2.1 ← connect 22: open"});
  CHECK(knocked.rounds == 2);
}

TEST_CASE("client: a time without answer longer than the lockout is not waited for twice") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  KnockTarget quick = target();
  quick.lockout = milliseconds(500);
  knock_open(quick, kSsh, at_most(1), wire);
  CHECK(wire.log[4] == "1900: 192.0.2.1 ← 7000/udp");  // 250 ms after the answer was given up
}

TEST_CASE("client: where nothing opens it knocks again soon, then less often, until its time is over") {
  FakeWire wire;
  KnockTarget unknown = target();
  unknown.lockout.reset();
  unknown.knocks = {{{Protocol::udp, 7000}}};
  Knocking how;
  how.delay = milliseconds(0);
  const Knocked knocked = knock_open(unknown, kSsh, how, wire);
  CHECK(sent(wire) == Lines{"0: 192.0.2.1 ← 7000/udp", "0: 192.0.2.1 ← connect 22: silent",
                            "1850: 192.0.2.1 ← 7000/udp", "1850: 192.0.2.1 ← connect 22: silent",
                            "5550: 192.0.2.1 ← 7000/udp", "5550: 192.0.2.1 ← connect 22: silent",
                            "11550: 192.0.2.1 ← 7000/udp", "11550: 192.0.2.1 ← connect 22: silent"});
  CHECK(knocked.outcome == Knocked::Outcome::unreachable);
  CHECK(wire.now() == milliseconds(15000));
}

TEST_CASE("client: its time is the one that is asked for, the lockout and 10 s where that is known") {
  FakeWire wire;
  Knocking how;
  how.within = milliseconds(2000);
  knock_open(target(), kSsh, how, wire);
  CHECK(wire.now() <= milliseconds(2000));
  FakeWire other;
  knock_open(target(), kSsh, Knocking(), other);
  CHECK(other.now() > milliseconds(10000));
  CHECK(other.now() < milliseconds(13500));
}

TEST_CASE("client: a lockout that it knows of does not end amid its knocks") {
  FakeWire wire;
  wire.answers = {Answer::refused};  // and silent from then on
  Knocking how;
  how.delay = milliseconds(0);
  how.timeout = milliseconds(400);
  KnockTarget single = target();
  single.knocks = {{{Protocol::udp, 7000}}};
  knock_open(single, kSsh, how, wire);
  Lines knocks;
  for (const std::string& line : sent(wire)) {
    if (line.find("connect") == std::string::npos) knocks.push_back(line.substr(0, line.find(':')));
  }
  CHECK(std::find(knocks.begin(), knocks.end(), "3250") != knocks.end());  // 3 s after the first, and 250 ms
}

TEST_CASE("client: a knock that cannot be sent ends the round, not the visit") {
  FakeWire wire;
  wire.lost = "Operation not permitted";
  wire.answers = {Answer::open};
  Knocking how = at_most(1);
  const Knocked knocked = knock_open(target(), kSsh, how, wire);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← 7000/udp", "3250: 192.0.2.1 ← 7000/udp",
                          "3300: 192.0.2.1 ← 8000/tcp", "3300: 192.0.2.1 ← connect 22: open"});
  CHECK(knocked.outcome == Knocked::Outcome::open);
}

TEST_CASE("client: every address with a way is tried, and the answer that says most is told") {
  FakeWire wire;
  wire.addresses = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
  wire.answers = {Answer::silent, Answer::refused, Answer::no_way};
  Knocking how = once();
  how.timeout = milliseconds(10);
  const Knocked knocked = knock_open(target(), kSsh, how, wire);
  CHECK(knocked.outcome == Knocked::Outcome::refused);
  CHECK(knocked.address == "192.0.2.2");
  CHECK(knocked.message ==
        "22/tcp of web1 (192.0.2.2) is still closed after knocking once: check that the knocks match its "
        "declaration, and that the service is listening");
}

TEST_CASE("client: a port that was refused is closed, though the last try had no time for an answer") {
  FakeWire wire;
  wire.answers = {Answer::refused, Answer::silent};
  CHECK(knock_open(target(), kSsh, once(), wire).outcome == Knocked::Outcome::refused);
}

TEST_CASE("client: a sequence that is not known sends nothing") {
  FakeWire wire;
  KnockTarget unknown = target();
  unknown.unknown = "there is no sequence for web1";
  unknown.knocks.clear();
  CHECK(knock(unknown, once(), wire).message == "there is no sequence for web1");
  CHECK(wire.log.empty());
}

TEST_CASE("client: as often as can be said") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  CHECK(knock_open(target(), kSsh, at_most(std::numeric_limits<int>::max()), wire).rounds == 2);
}

TEST_CASE("client: a host that nothing reaches is not knocked on again") {
  FakeWire wire;
  wire.answers = {Answer::no_way};
  Knocking how = at_most(9);
  const Knocked knocked = knock_open(target(), kSsh, how, wire);
  CHECK(knocked.outcome == Knocked::Outcome::unreachable);
  CHECK(knocked.message == "no route to web1 (192.0.2.1): no host");
  CHECK(knocked.rounds == 1);
}

TEST_CASE("client: an open port is not knocked for, where it is tried first") {
  FakeWire wire;
  wire.answers = {Answer::open};
  Knocking how = at_most(2);
  how.try_first = true;
  CHECK(connect(target(), kSsh, how, wire).knocked.rounds == 0);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← connect 22: open"});

  FakeWire shut;
  shut.answers = {Answer::refused, Answer::open};
  CHECK(connect(target(), kSsh, how, shut).knocked.rounds == 1);
  CHECK(shut.log == Lines{"resolve web1", "0: 192.0.2.1 ← connect 22: refused", "0: 192.0.2.1 ← 7000/udp",
                          "50: 192.0.2.1 ← 8000/tcp", "50: 192.0.2.1 ← connect 22: open"});
}

TEST_CASE("client: neighbouring epochs follow by turns, each in addition to the retries") {
  FakeWire wire;
  KnockTarget derived = target();
  derived.knocks = {{{Protocol::udp, 1041}}, {{Protocol::udp, 1042}}, {{Protocol::udp, 1040}}};
  wire.answers = {Answer::silent, Answer::silent, Answer::silent, Answer::open};
  Knocking how = at_most(1);
  how.timeout = milliseconds(100);
  const Knocked knocked = knock_open(derived, kSsh, how, wire);
  CHECK(knocked.rounds == 4);
  CHECK(wire.log[1] == "0: 192.0.2.1 ← 1041/udp");
  CHECK(wire.log[3] == "350: 192.0.2.1 ← 1041/udp");  // a packet may have been lost
  CHECK(wire.log[5] == "3600: 192.0.2.1 ← 1042/udp");
  CHECK(wire.log[7] == "6850: 192.0.2.1 ← 1040/udp");
}

TEST_CASE("client: what cannot work is refused before anything is sent") {
  FakeWire wire;
  Knocking how;
  how.delay = milliseconds(1000);
  CHECK_THROWS_WITH(knock(target(), how, wire),
                    "1000 ms between two knocks is too long: ssh expects the next within 1000 ms");
  CHECK(wire.log.empty());
}

TEST_CASE("client: a name that leads nowhere") {
  FakeWire wire;
  wire.addresses.clear();
  CHECK(knock(target(), once(), wire).message == "cannot find web1: Name or service not known");
  wire.addresses = {"192.0.2.1", "192.0.2.2"};
  wire.obstacles = {{"192.0.2.1", "Network is unreachable"}, {"192.0.2.2", "Permission denied"}};
  const Knocked knocked = knock_open(target(), kSsh, once(), wire);
  CHECK(knocked.message == "no route to web1 (192.0.2.1): Network is unreachable");
  CHECK(to_json(knocked) ==
        R"({"outcome":"unreachable","host":"web1","address":"192.0.2.1","addresses":["192.0.2.1"],)"
        R"("sequence":"ssh","rounds":0,)"
        R"("message":"no route to web1 (192.0.2.1): Network is unreachable"})");
}

TEST_CASE("client: progress tells of knocks and of waiting, never of a port") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  Knocking how = at_most(1);
  how.timeout = milliseconds(400);
  Lines said;
  knock_open(target(), kSsh, how, wire, [&](const Progress& now) {
    said.push_back(now.kind == Progress::Kind::waiting
                       ? fmt::format("wait {}", now.wait.count())
                       : fmt::format("{}: {} of {}", now.round, now.step, now.steps));
  });
  CHECK(said == Lines{"1: 1 of 2", "1: 2 of 2", "wait 2850", "2: 1 of 2", "2: 2 of 2"});
}

TEST_CASE("client: where the host answers a knock, the next goes at once") {
  FakeWire wire;
  wire.hears = true;
  knock(target(), Knocking(), wire);
  CHECK(sent(wire) == Lines{"0: 192.0.2.1 ← 7000/udp", "10: 192.0.2.1 ← 8000/tcp"});
  CHECK(wire.now() == milliseconds(20));  // of the last one too it is known that it arrived
}

TEST_CASE(
    "client: where nothing answers, a knock goes when the one before must have arrived, three times each") {
  FakeWire wire;
  knock(target(), Knocking(), wire);
  CHECK(sent(wire) == Lines{"0: 192.0.2.1 ← 7000/udp", "83: 192.0.2.1 ← 7000/udp",
                            "166: 192.0.2.1 ← 7000/udp", "249: 192.0.2.1 ← 8000/tcp",
                            "249: 192.0.2.1 ← 8000/tcp", "249: 192.0.2.1 ← 8000/tcp"});
}

TEST_CASE(
    "client: a knock that a host leaves unanswered which answers others is sent again, three times at most") {
  FakeWire wire;
  wire.hears = true;
  wire.unheard = {false, true, false};
  knock(target(), Knocking(), wire);
  CHECK(sent(wire) ==
        Lines{"0: 192.0.2.1 ← 7000/udp", "10: 192.0.2.1 ← 8000/tcp", "135: 192.0.2.1 ← 8000/tcp"});
  FakeWire limited;  // so many refusals a second
  limited.hears = true;
  limited.unheard = {false, true, true, true, true, true};
  KnockTarget longer = target();
  longer.knocks.front().push_back({Protocol::udp, 9000});
  knock(longer, Knocking(), limited);
  CHECK(sent(limited) == Lines{"0: 192.0.2.1 ← 7000/udp", "10: 192.0.2.1 ← 8000/tcp",
                               "135: 192.0.2.1 ← 8000/tcp", "260: 192.0.2.1 ← 8000/tcp",
                               "510: 192.0.2.1 ← 9000/udp", "510: 192.0.2.1 ← 9000/udp",
                               "510: 192.0.2.1 ← 9000/udp"});
}

TEST_CASE(
    "client: knocks by hand go once, whatever answers: another gate may take a copy for a wrong knock") {
  const KnockTarget by_hand = target_of_knocks("192.0.2.1", {"7000", "8000", "9000"});
  FakeWire wire;
  knock(by_hand, Knocking(), wire);
  CHECK(sent(wire) ==
        Lines{"0: 192.0.2.1 ← 7000/udp", "250: 192.0.2.1 ← 8000/udp", "500: 192.0.2.1 ← 9000/udp"});
  FakeWire answering;
  answering.hears = true;
  answering.unheard = {false, true};
  knock(by_hand, Knocking(), answering);
  CHECK(sent(answering) ==
        Lines{"0: 192.0.2.1 ← 7000/udp", "10: 192.0.2.1 ← 8000/udp", "260: 192.0.2.1 ← 9000/udp"});
}

TEST_CASE("client: a step or a sequence of little time is sent within it, once") {
  FakeWire wire;
  KnockTarget brief = target();
  brief.step_timeout = milliseconds(300);
  knock(brief, Knocking(), wire);
  CHECK(sent(wire) == Lines{"0: 192.0.2.1 ← 7000/udp", "150: 192.0.2.1 ← 8000/tcp"});
  FakeWire other;
  brief.step_timeout = milliseconds(5000);
  brief.sequence_timeout = milliseconds(400);
  knock(brief, Knocking(), other);
  CHECK(sent(other) == Lines{"0: 192.0.2.1 ← 7000/udp", "100: 192.0.2.1 ← 8000/tcp"});
}

TEST_CASE("client: both families are knocked on, each at one address, and the worse outcome counts") {
  FakeWire wire;
  wire.addresses = {"2001:db8::1", "192.0.2.1", "192.0.2.2"};
  Knocked knocked = knock_both(target(), std::nullopt, once(), wire);
  CHECK(knocked.addresses == Lines{"192.0.2.1", "2001:db8::1"});
  CHECK(to_text(knocked) == "web1 (192.0.2.1, 2001:db8::1): sent, not proved\n");
  wire.answers = {Answer::open, Answer::open};
  CHECK(to_text(knock_both(target(), kSsh, once(), wire)) == "web1 (192.0.2.1, 2001:db8::1): open\n");
  wire.addresses = {"2001:db8::1", "192.0.2.1"};
  wire.answers = {Answer::open};
  knocked = knock_both(target(), kSsh, once(), wire);
  CHECK(knocked.outcome == Knocked::Outcome::unreachable);
  CHECK(knocked.addresses == Lines{"2001:db8::1"});
  wire.addresses = {"192.0.2.1"};
  CHECK(knock_both(target(), std::nullopt, once(), wire).addresses == Lines{"192.0.2.1"});
}

TEST_CASE("client: it says how often it knocked, and whether that was proved") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  CHECK(to_text(knock_open(target(), kSsh, at_most(1), wire)) ==
        "web1 (192.0.2.1): open, after knocking 2 times\n");
  CHECK(to_text(knock(target(), once(), wire)) == "web1 (192.0.2.1): sent, not proved\n");
}
