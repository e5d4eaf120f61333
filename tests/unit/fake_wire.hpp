// A wire that logs everything and keeps its own time.
#pragma once

#include <fmt/format.h>

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "knockwork/wire.hpp"

namespace knockwork {

using std::chrono::milliseconds;
using Answer = Wire::Answer;
using Lines = std::vector<std::string>;

class FakeWire : public Wire {
 public:
  std::vector<std::string> log;
  std::vector<std::string> addresses{"192.0.2.1"};
  std::map<std::string, std::string> obstacles;  // by address
  std::deque<Answer> answers;                    // to connections, in turn; then silent
  std::string lost;                              // what the next knock fails with
  bool hears = false;                            // the host answers knocks, after 10 ms
  std::deque<bool> unheard;                      // those that are not answered all the same, in turn

  // Of tokens, whose text ends with the first full stop: whether they have opened by now, what a port that is
  // not open answers, and how long that takes.
  std::function<bool(const Destination&)> opens;
  Answer closed = Answer::refused;
  milliseconds round_trip{0};
  UnixTime began{1'800'000'000'000};
  Lines tokens;
  std::vector<std::size_t> sizes;
  int begun = 0;

  std::vector<Destination> resolve(const std::string& name, Family family, std::string& why) override {
    log.push_back("resolve " + name);
    std::vector<Destination> all;
    for (const std::string& each : addresses) {
      const Network network = *parse_network(each);
      if (family == Family::any || network.ipv6 == (family == Family::ipv6)) all.push_back({network, 0});
    }
    if (all.empty()) why = "Name or service not known";
    return all;
  }

  std::string obstacle(const Destination& to, const Way&) override {
    const auto found = obstacles.find(to_string(to));
    return found == obstacles.end() ? "" : found->second;
  }

  Sent knock(const Destination& to, Knock knock, const Way&) override {
    note(fmt::format("{} ← {}", to_string(to), to_string(knock)));
    return {Socket(), std::exchange(lost, "")};
  }

  bool answered(const std::vector<Socket>&, milliseconds most) override {
    bool heard = hears;
    if (!unheard.empty()) {
      heard = heard && !unheard.front();
      unheard.pop_front();
    }
    now_ += heard ? milliseconds(10) : most;
    return heard;
  }

  Sent send(const Destination& to, std::uint16_t port, const std::string& datagram, const Way&) override {
    sizes.push_back(datagram.size());
    tokens.push_back(datagram.substr(0, datagram.find('.')));
    note(fmt::format("{} ← {} {}", to_string(to), port, tokens.back()));
    return {Socket(), std::exchange(lost, "")};
  }

  Tried begin(const Destination& to, std::uint16_t port, const Way&) override {
    const Answer answer = opens && opens(to) ? Answer::open : closed;
    if (answer == Answer::no_way) return {answer, Socket(), "no host"};
    ++begun;
    if (answer == Answer::open) note(fmt::format("{} ← connect {}: open", to_string(to), port));
    under_way_.push_back({now_ + round_trip, answer});
    return {Answer::silent, Socket(), ""};
  }

  Heard hear(const std::vector<Socket>& begun, milliseconds most) override {
    under_way_.erase(under_way_.begin(), under_way_.end() - static_cast<std::ptrdiff_t>(begun.size()));
    for (std::size_t each = 0; each < under_way_.size(); ++each) {
      const auto [at, answer] = under_way_[each];
      if (answer == Answer::silent || at > now_ + most) continue;
      now_ = std::max(now_, at);
      under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(each));
      return {answer, each, answer == Answer::open ? "" : "Connection refused"};
    }
    now_ += most;
    return {Answer::silent, 0, "no answer"};
  }

  void keep(const Socket&) override { note("kept"); }
  UnixTime clock() override { return began + now_; }

  Tried connect(const Destination& to, std::uint16_t port, const Way&, milliseconds timeout,
                Purpose) override {
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
  std::deque<std::pair<milliseconds, Answer>> under_way_;  // the last of them are those that are asked for
};

}  // namespace knockwork
