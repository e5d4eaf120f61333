// When to knock, where, how often, and what to make of the answers. Everything
// that happens goes through the Wire.
#include <fmt/format.h>

#include <algorithm>

#include "knockwork/diagnostic.hpp"
#include "knockwork/wire.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;
using Outcome = Knocked::Outcome;

// A port that opens by a daemon's doing needs a moment after the last knock.
constexpr milliseconds kGrace{1000};
constexpr milliseconds kFirstPause{20};
// Packets travel at different speeds: beyond the lockout itself.
constexpr milliseconds kMargin{250};

std::string times(int rounds) { return rounds == 1 ? "once" : fmt::format("{} times", rounds); }

class Visit {
 public:
  Visit(const Entrance& entrance, const Knocking& how, Wire& wire, const ShowProgress& show)
      : entrance_(entrance), how_(how), wire_(wire), show_(show) {
    knocked_.host = entrance.host;
    knocked_.sequence = entrance.sequence;
    check_pace();
  }

  Knocked send() {
    if (!find_ways()) return std::move(knocked_);
    knocked_.rounds = 1;
    const std::string why = knock_on(ways_.front());
    if (!why.empty()) fail(Outcome::unreachable, fmt::format("cannot knock on {}: {}", title(), why));
    return std::move(knocked_);
  }

  Connected open(Service service) {
    if (!find_ways()) return {std::move(knocked_), Socket()};
    if (how_.try_first && try_all(service, Knocks::left_out)) return finish();
    const int rounds = how_.retries + static_cast<int>(entrance_.knocks.size());
    for (int round = 1; round <= rounds; ++round) {
      if (round > 1) wait_lockout_out();
      if (try_all(service, Knocks::sent)) return finish();
      if (best_ == Wire::Answer::no_way) break;  // nobody heard it
    }
    explain(service);
    return {std::move(knocked_), Socket()};
  }

 private:
  enum class Knocks { sent, left_out };

  void check_pace() const {
    const milliseconds pause = how_.delay + how_.jitter;
    if (entrance_.step_timeout == milliseconds{} || entrance_.knocks.front().size() < 2 ||
        pause < entrance_.step_timeout) {
      return;
    }
    throw SystemError(fmt::format("{} ms between two knocks are too long: {} expects the next within {} ms",
                                  pause.count(), entrance_.sequence, entrance_.step_timeout.count()));
  }

  // The addresses that this host has a way to.
  bool find_ways() {
    std::string why;
    const std::vector<Destination> all = wire_.resolve(entrance_.address, how_.way.family, why);
    if (all.empty()) {
      fail(Outcome::unreachable, fmt::format("cannot find {}: {}", entrance_.address, why));
      return false;
    }
    for (const Destination& each : all) {
      std::string obstacle = wire_.obstacle(each, how_.way);
      if (obstacle.empty()) {
        ways_.push_back(each);
      } else if (why.empty()) {
        knocked_.address = to_string(each);
        why = std::move(obstacle);
      }
    }
    if (!ways_.empty()) {
      knocked_.address = to_string(ways_.front());
      return true;
    }
    fail(Outcome::unreachable, fmt::format("no way to {}: {}", title(), why));
    return false;
  }

  // Once with every way, until one leads in.
  bool try_all(Service service, Knocks knocks) {
    best_ = Wire::Answer::no_way;
    if (knocks == Knocks::sent) ++knocked_.rounds;
    for (const Destination& to : ways_) {
      std::string why;
      if (knocks == Knocks::sent) why = knock_on(to);
      Wire::Tried tried{Wire::Answer::silent, Socket(), why};
      if (why.empty())
        tried = knocks == Knocks::sent ? wait_open(to, service) : connect(to, service, how_.timeout);
      remember(to, tried);
      if (tried.answer != Wire::Answer::open) continue;
      socket_ = std::move(tried.socket);
      return true;
    }
    return false;
  }

  // The answer that says most stays: refused before silent before no way.
  void remember(const Destination& to, const Wire::Tried& tried) {
    const bool first = to == ways_.front();
    if (!first && tried.answer >= best_) return;
    best_ = tried.answer;
    why_ = tried.why;
    knocked_.address = to_string(to);
  }

  std::string knock_on(const Destination& to) {
    const auto& turns = entrance_.knocks;
    const auto& knocks = turns[static_cast<std::size_t>(std::max(knocked_.rounds - 1, 0)) % turns.size()];
    for (std::size_t step = 0; step < knocks.size(); ++step) {
      if (step > 0) wire_.sleep(how_.delay + wire_.random(how_.jitter));
      if (show_) {
        show_({Progress::Kind::knocking,
               std::max(knocked_.rounds, 1),
               static_cast<int>(step) + 1,
               static_cast<int>(knocks.size()),
               {}});
      }
      std::string why = wire_.knock(to, knocks[step], how_.way);
      last_knock_ = wire_.now();
      if (!why.empty()) return why;
    }
    return "";
  }

  Wire::Tried connect(const Destination& to, Service service, milliseconds timeout) {
    return wire_.connect(to, service.first, how_.way, timeout);
  }

  Wire::Tried wait_open(const Destination& to, Service service) {
    const milliseconds start = wire_.now();
    const milliseconds grace = std::min(kGrace, how_.timeout);
    for (milliseconds pause = kFirstPause;; pause *= 2) {
      Wire::Tried tried = connect(to, service, how_.timeout - std::min(how_.timeout, wire_.now() - start));
      if (tried.answer != Wire::Answer::refused || wire_.now() - start + pause > grace) return tried;
      wire_.sleep(pause);
    }
  }

  void wait_lockout_out() {
    const milliseconds wait = last_knock_ + entrance_.lockout + kMargin - wire_.now();
    if (wait <= milliseconds{}) return;
    if (show_) show_({Progress::Kind::waiting, knocked_.rounds, 0, 0, wait});
    wire_.sleep(wait);
  }

  Connected finish() {
    knocked_.outcome = Outcome::open;
    return {std::move(knocked_), std::move(socket_)};
  }

  void explain(Service service) {
    const std::string where = fmt::format("{} of {}", to_string(service), title());
    const std::string knocked = times(knocked_.rounds);
    if (best_ == Wire::Answer::refused) {
      fail(
          Outcome::refused,
          fmt::format("{} stays closed, after knocking {}: are the knocks those of its declaration, and does "
                      "anything listen there?",
                      where, knocked));
    } else if (best_ == Wire::Answer::silent) {
      fail(Outcome::unreachable,
           fmt::format("{} does not answer, after knocking {}: {}", where, knocked, why_));
    } else {
      fail(Outcome::unreachable, fmt::format("no way to {}: {}", title(), why_));
    }
  }

  void fail(Outcome outcome, std::string message) {
    knocked_.outcome = outcome;
    knocked_.message = std::move(message);
  }

  std::string title() const {
    const bool named = entrance_.host != knocked_.address && !knocked_.address.empty();
    return named ? fmt::format("{} ({})", entrance_.host, knocked_.address) : entrance_.host;
  }

  const Entrance& entrance_;
  const Knocking& how_;
  Wire& wire_;
  const ShowProgress& show_;
  Knocked knocked_;
  std::vector<Destination> ways_;
  Socket socket_;
  Wire::Answer best_ = Wire::Answer::no_way;
  std::string why_;
  milliseconds last_knock_{0};
};

}  // namespace

Knocked knock(const Entrance& entrance, const Knocking& how, Wire& wire, const ShowProgress& show) {
  return Visit(entrance, how, wire, show).send();
}

Knocked knock_open(const Entrance& entrance, Service service, const Knocking& how, Wire& wire,
                   const ShowProgress& show) {
  return Visit(entrance, how, wire, show).open(service).knocked;
}

Connected connect(const Entrance& entrance, Service service, const Knocking& how, Wire& wire,
                  const ShowProgress& show) {
  return Visit(entrance, how, wire, show).open(service);
}

}  // namespace knockwork
