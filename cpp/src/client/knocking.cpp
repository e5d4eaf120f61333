// Where to knock, what with, and what to make of the answers. Everything that
// happens goes through the Wire; pace.hpp and pauses.hpp say when it does.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "client/pauses.hpp"
#include "client/tokens/turns.hpp"
#include "client/wire/pace.hpp"
#include "client/wire/race.hpp"
#include "crypto/crypto.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/wire.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;
using Outcome = Knocked::Outcome;
using Purpose = Wire::Purpose;

// A port that opens by a daemon's doing needs a moment after the last knock.
constexpr milliseconds kGrace{1000};
constexpr milliseconds kFirstLook{20};
// After a token, so that its length says little.
constexpr milliseconds::rep kMostPadding = 496;

std::string times(int rounds) { return rounds == 1 ? "once" : fmt::format("{} times", rounds); }

class Attempt {
 public:
  Attempt(const KnockTarget& target, const Knocking& how, Wire& wire, const ShowProgress& show)
      : target_(target),
        how_(how),
        wire_(wire),
        show_(show),
        pace_(target, how, wire),
        pauses_(target, how, wire.now()) {
    knocked_.host = target.host;
    knocked_.sequence = target.sequence;
    check_pace();
  }

  Knocked send() {
    if (!target_.unknown.empty()) {
      fail(Outcome::unreachable, target_.unknown);
      return std::move(knocked_);
    }
    if (!find_ways()) return std::move(knocked_);
    knocked_.rounds = 1;
    const std::string why = knock_on(0);
    if (!why.empty()) fail(Outcome::unreachable, fmt::format("cannot knock on {}: {}", title(), why));
    return std::move(knocked_);
  }

  Connected open(Service service, Purpose purpose) {
    purpose_ = purpose;
    if (!find_ways()) return {std::move(knocked_), Socket()};
    if (how_.try_first && try_all(service, Knocks::left_out)) return finish();
    if (!target_.unknown.empty()) {
      fail(Outcome::unreachable, target_.unknown);
      return {std::move(knocked_), Socket()};
    }
    race_.emplace(wire_, how_.way, service);
    do {
      if (try_all(service, Knocks::sent)) return finish();
    } while (best_ != Wire::Answer::no_way && pause());  // no way: nobody heard it
    if (turns_) turns_->none_opened();
    explain(service);
    return {std::move(knocked_), Socket()};
  }

 private:
  enum class Knocks { sent, left_out };

  void check_pace() const {
    const milliseconds pause = pace_.longest();
    if (!target_.step_timeout || target_.knocks.front().size() < 2 || pause < *target_.step_timeout) {
      return;
    }
    throw SystemError(fmt::format("{} ms between two knocks is too long: {} expects the next within {} ms",
                                  pause.count(), target_.sequence, target_.step_timeout->count()));
  }

  // The addresses that this host has a way to.
  bool find_ways() {
    std::string why;
    const std::vector<Destination> all = wire_.resolve(target_.address, how_.way.family, why);
    if (all.empty()) {
      fail(Outcome::unreachable, fmt::format("cannot find {}: {}", target_.address, why));
      return false;
    }
    for (const Destination& each : all) {
      std::string obstacle = wire_.obstacle(each, how_.way);
      if (obstacle.empty()) {
        ways_.push_back(each);
      } else if (why.empty()) {
        says_of(each);
        why = std::move(obstacle);
      }
    }
    if (!ways_.empty()) {
      says_of(ways_.front());
      if (target_.token) turns_.emplace(*target_.token, ways_.size());
      return true;
    }
    fail(Outcome::unreachable, fmt::format("no route to {}: {}", title(), why));
    return false;
  }

  // Once with every way, until one leads in.
  bool try_all(Service service, Knocks knocks) {
    best_ = Wire::Answer::no_way;
    if (knocks == Knocks::sent) ++knocked_.rounds;
    for (std::size_t way = 0; way < ways_.size(); ++way) {
      const Destination& to = ways_[way];
      std::string why;
      if (knocks == Knocks::sent) why = knock_on(way);
      Wire::Tried tried{Wire::Answer::silent, Socket(), why};
      if (why.empty())
        tried = knocks == Knocks::left_out ? connect(to, service, how_.timeout)
                : turns_                   ? race(way)
                                           : wait_open(to, service);
      remember(to, tried);
      if (tried.answer != Wire::Answer::open) continue;
      if (knocks == Knocks::sent && turns_) says_of(ways_[opened_at_]);
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
    says_of(to);
  }

  void says_of(const Destination& to) {
    knocked_.address = to_string(to);
    knocked_.addresses = {knocked_.address};
  }

  std::string knock_on(std::size_t way) { return turns_ ? send_tokens(way) : send_knocks(ways_[way]); }

  std::string send_tokens(std::size_t way) {
    if (show_) show_({Progress::Kind::knocking, knocked_.rounds, 1, 1, {}});
    std::string why;
    for (const TokenBytes& token : turns_->next(knocked_.rounds, way, wire_.clock())) {
      const auto padding = static_cast<std::size_t>(wire_.random(milliseconds(kMostPadding)).count());
      const std::string datagram = std::string(token.begin(), token.end()) + crypto::random_bytes(padding);
      why = wire_.send(ways_[way], target_.token->port.port, datagram, how_.way).why;
    }
    unsent_ = why;
    return why;
  }

  std::string send_knocks(const Destination& to) {
    const std::vector<Knock>& knocks = target_.knocks[pauses_.turn(knocked_.rounds)];
    for (std::size_t step = 0; step < knocks.size(); ++step) {
      if (show_) {
        show_({Progress::Kind::knocking,
               knocked_.rounds,
               static_cast<int>(step) + 1,
               static_cast<int>(knocks.size()),
               {}});
      }
      const bool last = step + 1 == knocks.size();
      std::string why = pace_.send(to, knocks[step], last ? Pace::Place::last : Pace::Place::before_others);
      if (!why.empty()) return why;
    }
    return "";
  }

  Wire::Tried connect(const Destination& to, Service service, milliseconds timeout) {
    return wire_.connect(to, service.first, how_.way, timeout, purpose_);
  }

  // After a token. What opens may have been begun in an earlier round, and at another address.
  Wire::Tried race(std::size_t way) {
    races_.emplace_back(knocked_.rounds, way);
    Wire::Tried tried = race_->run(ways_[way], pauses_.patience(knocked_.rounds, wire_.now()));
    if (tried.answer != Wire::Answer::open) return tried;
    int round = 0;
    std::tie(round, opened_at_) = races_[static_cast<std::size_t>(race_->winner() - 1)];
    turns_->opened(round, opened_at_);
    if (purpose_ == Purpose::connection) wire_.keep(tried.socket);
    return tried;
  }

  Wire::Tried wait_open(const Destination& to, Service service) {
    const milliseconds start = wire_.now();
    const milliseconds patience = pauses_.patience(knocked_.rounds, start);
    const milliseconds grace = std::min(kGrace, patience);
    std::optional<Wire::Tried> refused;  // the last try may have no time for an answer: this one has one
    for (milliseconds pause = kFirstLook;; pause *= 2) {
      Wire::Tried tried = connect(to, service, patience - std::min(patience, wire_.now() - start));
      if (tried.answer == Wire::Answer::silent && refused) return std::move(*refused);
      if (tried.answer != Wire::Answer::refused || wire_.now() - start + pause > grace) return tried;
      refused = std::move(tried);
      wire_.sleep(pause);
    }
  }

  // Whether another round follows.
  bool pause() {
    const auto next = pauses_.after(knocked_.rounds, pace_.last(), wire_.now());
    if (!next) return false;
    const milliseconds wait = *next - wire_.now();
    if (wait <= milliseconds{}) return true;
    if (show_) show_({Progress::Kind::waiting, knocked_.rounds, 0, 0, wait});
    wire_.sleep(wait);
    return true;
  }

  Connected finish() {
    knocked_.outcome = Outcome::open;
    return {std::move(knocked_), std::move(socket_)};
  }

  void explain(Service service) {
    const std::string where = fmt::format("{} of {}", to_string(service), title());
    const std::string knocked = times(knocked_.rounds) + by_epoch();
    if (turns_ && best_ != Wire::Answer::no_way) {
      explain_tokens(where);
    } else if (best_ == Wire::Answer::refused) {
      fail(Outcome::refused,
           fmt::format(
               "{} is still closed after knocking {}: check that the knocks match its declaration, and that "
               "the service is listening",
               where, knocked));
    } else if (best_ == Wire::Answer::silent) {
      fail(Outcome::unreachable,
           fmt::format("{} does not answer after knocking {}: {}", where, knocked, why_));
    } else {
      fail(Outcome::unreachable, fmt::format("no route to {}: {}", title(), why_));
    }
  }

  // Nothing tells why a token opened nothing.
  void explain_tokens(const std::string& where) {
    const std::string sent = knocked_.rounds == 1 ? "a token" : fmt::format("{} tokens", knocked_.rounds);
    const std::string kept =
        target_.token->memory->trouble().empty()
            ? ""
            : fmt::format(" (what was sent is not remembered: {})", target_.token->memory->trouble());
    const bool refused = best_ == Wire::Answer::refused;
    if (!refused && !unsent_.empty()) {
      fail(Outcome::unreachable, fmt::format("cannot send a token to {}: {}", title(), unsent_));
      return;
    }
    fail(refused ? Outcome::refused : Outcome::unreachable,
         fmt::format(
             "{} {} after {}{}: the clocks of both hosts probably differ; otherwise UDP does not reach it, "
             "no unused token is currently valid (wait a few minutes), the key or the sequence was replaced, "
             "`from` excludes this address, or {}",
             where, refused ? "is still closed" : "does not answer", sent, kept,
             refused ? "the service is not listening" : "the host is down"));
  }

  // Two epochs behind nothing opens, and no answer tells it.
  std::string by_epoch() const {
    if (!target_.epoch) return "";
    return fmt::format(" with epoch {} of {} and its neighbours (compare with `knockwork epoch show` there)",
                       *target_.epoch, target_.sequence);
  }

  void fail(Outcome outcome, std::string message) {
    knocked_.outcome = outcome;
    knocked_.message = std::move(message);
  }

  std::string title() const {
    const bool named = target_.host != knocked_.address && !knocked_.address.empty();
    return named ? fmt::format("{} ({})", target_.host, knocked_.address) : target_.host;
  }

  const KnockTarget& target_;
  const Knocking& how_;
  Wire& wire_;
  const ShowProgress& show_;
  Pace pace_;
  Pauses pauses_;
  std::optional<TokenTurns> turns_;  // of tokens
  std::optional<Race> race_;
  std::vector<std::pair<int, std::size_t>> races_;  // round and address of each
  std::size_t opened_at_ = 0;
  Purpose purpose_ = Purpose::proof;
  Knocked knocked_;
  std::vector<Destination> ways_;
  Socket socket_;
  Wire::Answer best_ = Wire::Answer::no_way;
  std::string why_;
  std::string unsent_;  // why the last token was not sent
};

// Of two families: that which is worse off; where one has no way there, the other alone.
Knocked worse(Knocked one, Knocked other) {
  const auto has_none = [](const Knocked& each) {
    return each.rounds == 0 && each.outcome == Outcome::unreachable;
  };
  if (has_none(one) && has_none(other)) return one.address.empty() ? other : one;  // rather than no address
  if (has_none(other)) return one;
  if (has_none(one)) return other;
  if (other.outcome > one.outcome) std::swap(one, other);
  if (other.outcome == one.outcome) {
    one.addresses.insert(one.addresses.end(), other.addresses.begin(), other.addresses.end());
  }
  one.rounds = std::max(one.rounds, other.rounds);
  return one;
}

}  // namespace

Knocked knock(const KnockTarget& target, const Knocking& how, Wire& wire, const ShowProgress& show) {
  return Attempt(target, how, wire, show).send();
}

Knocked knock_open(const KnockTarget& target, Service service, const Knocking& how, Wire& wire,
                   const ShowProgress& show) {
  return Attempt(target, how, wire, show).open(service, Purpose::proof).knocked;
}

Knocked knock_both(const KnockTarget& target, std::optional<Service> service, const Knocking& how, Wire& wire,
                   const ShowProgress& show) {
  const auto by = [&](Family family) {
    Knocking one = how;
    one.way.family = family;
    return service ? knock_open(target, *service, one, wire, show) : knock(target, one, wire, show);
  };
  if (how.way.family != Family::any) return by(how.way.family);
  Knocked first = by(Family::ipv4);
  return worse(std::move(first), by(Family::ipv6));
}

Connected connect(const KnockTarget& target, Service service, const Knocking& how, Wire& wire,
                  const ShowProgress& show) {
  return Attempt(target, how, wire, show).open(service, Purpose::connection);
}

}  // namespace knockwork
