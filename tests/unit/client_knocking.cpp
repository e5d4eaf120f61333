// When and where the client knocks, on a wire that logs everything and keeps its own time.
#include <fmt/format.h>

#include <deque>
#include <map>

#include "catch.hpp"
#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/wire.hpp"

namespace {

using namespace knockwork;
using std::chrono::milliseconds;
using Answer = Wire::Answer;

class FakeWire final : public Wire {
 public:
  std::vector<std::string> log;
  std::vector<std::string> addresses{"192.0.2.1"};
  std::map<std::string, std::string> obstacles;  // by address
  std::deque<Answer> answers;                    // to connections, in turn; then silent
  std::string lost;                              // what the next knock fails with

  std::vector<Destination> resolve(const std::string& name, Family, std::string& why) override {
    log.push_back("resolve " + name);
    std::vector<Destination> all;
    for (const std::string& each : addresses) all.push_back({*parse_network(each), 0});
    if (all.empty()) why = "Name or service not known";
    return all;
  }

  std::string obstacle(const Destination& to, const Way&) override {
    const auto found = obstacles.find(to_string(to));
    return found == obstacles.end() ? "" : found->second;
  }

  std::string knock(const Destination& to, Knock knock, const Way&) override {
    note(fmt::format("{} ← {}", to_string(to), to_string(knock)));
    return std::exchange(lost, "");
  }

  Tried connect(const Destination& to, std::uint16_t port, const Way&, milliseconds timeout) override {
    const Answer answer = answers.empty() ? Answer::silent : answers.front();
    if (!answers.empty()) answers.pop_front();
    static constexpr const char* kWords[] = {"open", "refused", "silent", "no way"};
    note(fmt::format("{} ← connect {}: {}", to_string(to), port, kWords[static_cast<int>(answer)]));
    if (answer == Answer::silent) now_ += timeout;
    return {answer, Socket(), answer == Answer::silent ? "no answer" : "no host"};
  }

  milliseconds now() override { return now_; }
  void sleep(milliseconds time) override { now_ += time; }
  milliseconds random(milliseconds most) override { return most; }

 private:
  void note(const std::string& what) { log.push_back(fmt::format("{}: {}", now_.count(), what)); }
  milliseconds now_{0};
};

using Lines = std::vector<std::string>;

Entrance entrance() {
  Entrance entrance;
  entrance.host = entrance.address = "web1";
  entrance.sequence = "ssh";
  entrance.knocks = {{{Protocol::udp, 7000}, {Protocol::tcp, 8000}}};
  entrance.lockout = milliseconds(3000);
  entrance.step_timeout = milliseconds(1000);
  return entrance;
}

constexpr Service kSsh{Protocol::tcp, 22, 22};

Knocking once() {
  Knocking how;
  how.retries = 0;
  return how;
}

}  // namespace

TEST_CASE("client: knocks go to the first address that has a way, with delay and jitter between them") {
  FakeWire wire;
  wire.addresses = {"2001:db8::1", "192.0.2.1", "192.0.2.2"};
  wire.obstacles["2001:db8::1"] = "Network is unreachable";
  Knocking how;
  how.jitter = milliseconds(25);
  const Knocked knocked = knock(entrance(), how, wire);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← 7000/udp", "75: 192.0.2.1 ← 8000/tcp"});
  CHECK(knocked.outcome == Knocked::Outcome::sent);
  CHECK(knocked.address == "192.0.2.1");
  CHECK(knocked.rounds == 1);
}

TEST_CASE("client: a port that opens a moment later is waited for") {
  FakeWire wire;
  wire.answers = {Answer::refused, Answer::refused, Answer::open};
  const Knocked knocked = knock_open(entrance(), kSsh, once(), wire);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← 7000/udp", "50: 192.0.2.1 ← 8000/tcp",
                          "50: 192.0.2.1 ← connect 22: refused", "70: 192.0.2.1 ← connect 22: refused",
                          "110: 192.0.2.1 ← connect 22: open"});
  CHECK(knocked.outcome == Knocked::Outcome::open);
  CHECK(knocked.message.empty());
}

TEST_CASE("client: it knocks again when the lockout has passed since the last knock") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  Knocking how = once();
  how.retries = 1;
  how.timeout = milliseconds(400);
  const Knocked knocked = knock_open(entrance(), kSsh, how, wire);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← 7000/udp", "50: 192.0.2.1 ← 8000/tcp",
                          "50: 192.0.2.1 ← connect 22: silent", "3300: 192.0.2.1 ← 7000/udp",
                          "3350: 192.0.2.1 ← 8000/tcp", "3350: 192.0.2.1 ← connect 22: open"});
  CHECK(knocked.rounds == 2);
}

TEST_CASE("client: a time without answer longer than the lockout is not waited for twice") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  Knocking how = once();
  how.retries = 1;
  how.timeout = milliseconds(5000);
  knock_open(entrance(), kSsh, how, wire);
  CHECK(wire.log[4] == "5050: 192.0.2.1 ← 7000/udp");
}

TEST_CASE("client: a knock that cannot be sent ends the round, not the visit") {
  FakeWire wire;
  wire.lost = "Operation not permitted";
  wire.answers = {Answer::open};
  Knocking how = once();
  how.retries = 1;
  const Knocked knocked = knock_open(entrance(), kSsh, how, wire);
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
  const Knocked knocked = knock_open(entrance(), kSsh, how, wire);
  CHECK(knocked.outcome == Knocked::Outcome::refused);
  CHECK(knocked.address == "192.0.2.2");
  CHECK(
      knocked.message ==
      "22/tcp of web1 (192.0.2.2) stays closed, after knocking once: are the knocks those of its declaration, "
      "and does anything listen there?");
}

TEST_CASE("client: a host that nothing reaches is not knocked on again") {
  FakeWire wire;
  wire.answers = {Answer::no_way};
  Knocking how = once();
  how.retries = 9;
  const Knocked knocked = knock_open(entrance(), kSsh, how, wire);
  CHECK(knocked.outcome == Knocked::Outcome::unreachable);
  CHECK(knocked.message == "no way to web1 (192.0.2.1): no host");
  CHECK(knocked.rounds == 1);
}

TEST_CASE("client: an open port is not knocked for, where it is tried first") {
  FakeWire wire;
  wire.answers = {Answer::open};
  Knocking how;
  how.try_first = true;
  CHECK(connect(entrance(), kSsh, how, wire).knocked.rounds == 0);
  CHECK(wire.log == Lines{"resolve web1", "0: 192.0.2.1 ← connect 22: open"});

  FakeWire shut;
  shut.answers = {Answer::refused, Answer::open};
  CHECK(connect(entrance(), kSsh, how, shut).knocked.rounds == 1);
  CHECK(shut.log == Lines{"resolve web1", "0: 192.0.2.1 ← connect 22: refused", "0: 192.0.2.1 ← 7000/udp",
                          "50: 192.0.2.1 ← 8000/tcp", "50: 192.0.2.1 ← connect 22: open"});
}

TEST_CASE("client: neighbouring epochs follow by turns, each in addition to the retries") {
  FakeWire wire;
  Entrance derived = entrance();
  derived.knocks = {{{Protocol::udp, 1041}}, {{Protocol::udp, 1042}}, {{Protocol::udp, 1040}}};
  wire.answers = {Answer::silent, Answer::silent, Answer::silent, Answer::open};
  Knocking how = once();
  how.retries = 1;
  how.timeout = milliseconds(100);
  const Knocked knocked = knock_open(derived, kSsh, how, wire);
  CHECK(knocked.rounds == 4);
  CHECK(wire.log[1] == "0: 192.0.2.1 ← 1041/udp");
  CHECK(wire.log[3] == "3250: 192.0.2.1 ← 1042/udp");
  CHECK(wire.log[5] == "6500: 192.0.2.1 ← 1040/udp");
  CHECK(wire.log[7] == "9750: 192.0.2.1 ← 1041/udp");
}

TEST_CASE("client: what cannot work is refused before anything is sent") {
  FakeWire wire;
  Knocking how;
  how.delay = milliseconds(1000);
  CHECK_THROWS_WITH(knock(entrance(), how, wire),
                    "1000 ms between two knocks are too long: ssh expects the next within 1000 ms");
  CHECK(wire.log.empty());
}

TEST_CASE("client: a name that leads nowhere") {
  FakeWire wire;
  wire.addresses.clear();
  CHECK(knock(entrance(), once(), wire).message == "cannot find web1: Name or service not known");
  wire.addresses = {"192.0.2.1", "192.0.2.2"};
  wire.obstacles = {{"192.0.2.1", "Network is unreachable"}, {"192.0.2.2", "Permission denied"}};
  const Knocked knocked = knock_open(entrance(), kSsh, once(), wire);
  CHECK(knocked.message == "no way to web1 (192.0.2.1): Network is unreachable");
  CHECK(to_json(knocked) ==
        R"({"outcome":"unreachable","host":"web1","address":"192.0.2.1","sequence":"ssh","rounds":0,)"
        R"("message":"no way to web1 (192.0.2.1): Network is unreachable"})");
}

TEST_CASE("client: progress tells of knocks and of waiting, never of a port") {
  FakeWire wire;
  wire.answers = {Answer::silent, Answer::open};
  Knocking how = once();
  how.retries = 1;
  how.timeout = milliseconds(400);
  Lines said;
  knock_open(entrance(), kSsh, how, wire, [&](const Progress& now) {
    said.push_back(now.kind == Progress::Kind::waiting
                       ? fmt::format("wait {}", now.wait.count())
                       : fmt::format("{}: {} of {}", now.round, now.step, now.steps));
  });
  CHECK(said == Lines{"1: 1 of 2", "1: 2 of 2", "wait 2850", "2: 1 of 2", "2: 2 of 2"});
}
