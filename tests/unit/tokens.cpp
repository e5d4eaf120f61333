// Which tokens the table gets, and what counts as a loss. Real packets: tests/kernel/test_tokens.py.
#include <set>

#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "plan/plan.hpp"
#include "tokens/feed.hpp"

using namespace knockwork;

namespace {

constexpr std::int64_t kDay = 24LL * 3600 * 1000;
constexpr UnixTime kNoon{20'000 * kDay + kDay / 2};
constexpr UnixTime kMinute{60'000};
const std::string kKey = "67FLS4xYGmAUe7V/72dw/f3JgzFOCqWicMvys8lsbRw=";
const std::string kOther = "aORW+a4r5CrmVcS2raF1B7AmFMu5/Ml/+6VqXmVoCUI=";

TokenFeed alice(const std::string& key = kKey) {
  TokenFeed feed{"alice", 0x41840001, {}};
  feed.token.port = {Protocol::udp, 41873};
  feed.token.key = key;
  return feed;
}

TokenFeed bob() {
  TokenFeed feed = alice(kOther);
  feed.name = "bob";
  feed.edge = 0x41840002;
  return feed;
}

// By a clock that was set so far since the host started.
Moment by(UnixTime clock, std::chrono::milliseconds set = UnixTime{0}) {
  return {clock, clock - set - UnixTime{19'990 * kDay}};
}

Fed fed(const std::vector<TokenFeed>& wanted, const TokenRecord& record, const Moment& now,
        UsedTokens used = UsedTokens::remembered) {
  std::vector<std::string> warnings;
  return feed(wanted, record, used, now, NoKey::refused, warnings);
}
Fed fed(const std::vector<TokenFeed>& wanted, const TokenRecord& record, UnixTime now,
        UsedTokens used = UsedTokens::remembered) {
  return fed(wanted, record, by(now), used);
}

// The elements that a transaction puts into the map, without their times.
std::set<std::string> put(const Fed& fed) {
  std::set<std::string> all;
  for (const Action& action : fed.transaction.actions) {
    const auto* elements = std::get_if<FeedElements>(&action);
    if (elements == nullptr || elements->set != kTokens) continue;
    for (const std::string& element : elements->elements)
      CHECK(all.insert(element.substr(0, element.find(' '))).second);
  }
  return all;
}

bool empties(const Fed& fed) {
  for (const Action& action : fed.transaction.actions) {
    const auto* empty = std::get_if<EmptySet>(&action);
    if (empty != nullptr && empty->set == kTokens) return true;
  }
  return false;
}

// In seconds.
std::int64_t good_until(const Fed& fed) {
  for (const Action& action : fed.transaction.actions) {
    const auto* elements = std::get_if<FeedElements>(&action);
    if (elements == nullptr || elements->set != kGood) continue;
    const std::string& range = elements->elements.front();
    return std::stoll(range.substr(range.find('-') + 1));
  }
  return 0;
}

bool meet(const std::set<std::string>& left, const std::set<std::string>& right) {
  return std::any_of(left.begin(), left.end(), [&](const std::string& each) { return right.contains(each); });
}

}  // namespace

TEST_CASE("tokens: the first time all of them, and no loss") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  CHECK(first.kind == Fed::Kind::anew);
  CHECK(put(first).size() == 49);
  CHECK(first.record.lost == LostDays{});
  CHECK(first.record.sequences.at("alice").lost == LostDays{});
  CHECK(first.record.sequences.at("alice").loaded_to >= kNoon + 10 * kMinute);
}

TEST_CASE("tokens: nothing while enough are there, then only what follows") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  const Fed idle = fed({alice()}, first.record, kNoon + 4 * kMinute);
  CHECK(idle.kind == Fed::Kind::enough);
  CHECK(idle.transaction.empty());
  CHECK(idle.record == first.record);
  const Fed more = fed({alice()}, first.record, kNoon + 6 * kMinute);
  CHECK(more.kind == Fed::Kind::topped_up);
  CHECK_FALSE(empties(more));
  CHECK(put(more).size() == 24);
  CHECK_FALSE(meet(put(first), put(more)));
}

TEST_CASE("tokens: after a loss all of them are others") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  const Fed second = fed({alice()}, first.record, kNoon + kMinute, UsedTokens::forgotten);
  CHECK(second.kind == Fed::Kind::anew);
  CHECK(empties(second));
  CHECK_FALSE(meet(put(first), put(second)));
  CHECK(second.record.lost.on(20'000) == 1);
  CHECK(second.record.lost.on(20'001) == 0);
  CHECK(second.record.lost.on(19'999) == 0);
}

TEST_CASE(
    "tokens: a loss before midnight concerns the tokens of the next day that are there, and no others") {
  const UnixTime late{20'001 * kDay - 5 * 60'000};
  const Fed first = fed({alice()}, {}, late, UsedTokens::forgotten);
  const Fed second = fed({alice()}, first.record, late + kMinute, UsedTokens::forgotten);
  CHECK_FALSE(meet(put(first), put(second)));
  CHECK(second.record.lost.on(20'001) == 1);
  CHECK(second.record.lost.on(20'002) == 0);
}

TEST_CASE("tokens: another sequence is no loss of the first") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  const Fed both = fed({alice(), bob()}, first.record, kNoon + kMinute);
  CHECK(both.kind == Fed::Kind::anew);
  CHECK(meet(put(first), put(both)));
  CHECK(both.record.sequences.at("bob").lost == LostDays{});
  const Fed again = fed({alice()}, both.record, kNoon + 2 * kMinute);
  CHECK(empties(again));
  CHECK(put(again).size() == 49);
  CHECK_FALSE(again.record.sequences.at("bob").present);
  const Fed back = fed({alice(), bob()}, again.record, kNoon + 3 * kMinute);
  CHECK(back.record.sequences.at("alice").lost == LostDays{});
  CHECK(back.record.sequences.at("bob").lost.on(20'000) == 1);
}

TEST_CASE("tokens: whatever of a token changes is a loss of its sequence") {
  const Fed first = fed({alice(), bob()}, {}, kNoon, UsedTokens::forgotten);
  const std::vector<std::function<void(TokenFeed&)>> changes{
      [](TokenFeed& feed) { feed.token.period = Duration::milliseconds(30'000); },
      [](TokenFeed& feed) { feed.token.serial = 2; },
      [](TokenFeed& feed) { feed.token.skew = Duration::milliseconds(3'600'000); },
      [](TokenFeed& feed) { feed.token.ahead = Duration::milliseconds(60'000); },
      [](TokenFeed& feed) { feed.token.key = "iUO14S3o5orcKQFhRru6BzD2V3lkxI0OeD9nJCNO4wc="; },
      [](TokenFeed& feed) { feed.edge = 7; }};
  for (const auto& change : changes) {
    TokenFeed changed = alice();
    change(changed);
    const Fed then = fed({changed, bob()}, first.record, kNoon + kMinute);
    CHECK(empties(then));
    CHECK(then.record.sequences.at("alice").lost.on(20'000) == 1);
    CHECK(then.record.sequences.at("bob").lost == LostDays{});
    const Fed back = fed({alice(), bob()}, then.record, kNoon + 2 * kMinute);
    CHECK(back.record.sequences.at("alice").lost.on(20'000) == 2);
  }
}

TEST_CASE("tokens: a clock that went back is a loss on every day that has tokens") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  CHECK(fed({alice()}, first.record, by(kNoon - kMinute, -kMinute)).kind == Fed::Kind::enough);
  CHECK(fed({alice()}, first.record, by(kNoon + kMinute, -2 * kMinute)).kind == Fed::Kind::anew);
  const Fed back = fed({alice()}, first.record, by(kNoon - 3 * 24 * 60 * kMinute, -3 * 24 * 60 * kMinute));
  CHECK(back.kind == Fed::Kind::anew);
  for (const std::uint64_t day : {19'997U, 20'000U}) CHECK(back.record.lost.on(day) == 1);
  for (const std::uint64_t day : {19'996U, 19'998U, 20'001U}) CHECK(back.record.lost.on(day) == 0);
  const Fed forward = fed({alice()}, back.record, kNoon + kMinute);
  CHECK_FALSE(meet(put(first), put(forward)));
}

TEST_CASE("tokens: a clock that was years ahead costs those days, and none between") {
  const UnixTime future = kNoon + UnixTime{5000 * kDay};
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  const Fed ahead = fed({alice()}, first.record, by(future, UnixTime{5000 * kDay}));
  CHECK(ahead.kind == Fed::Kind::topped_up);
  const Fed back = fed({alice()}, ahead.record, kNoon + kMinute);
  CHECK_FALSE(meet(put(first), put(back)));
  CHECK(back.record.lost.on(20'000) == 1);
  CHECK(back.record.lost.on(20'001) == 0);
  CHECK(back.record.lost.on(24'999) == 0);
  CHECK(back.record.lost.on(25'000) == 1);
  CHECK_FALSE(meet(put(ahead), put(fed({alice()}, back.record, by(future, UnixTime{5000 * kDay})))));
}

TEST_CASE("tokens: where the clock was set ahead, or the host slept, none outlives its window") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  CHECK(fed({alice()}, first.record, by(kNoon + 2 * kMinute, kMinute)).kind == Fed::Kind::enough);
  const Fed ahead = fed({alice()}, first.record, by(kNoon + 3 * kMinute, 2 * kMinute));
  CHECK(ahead.kind == Fed::Kind::topped_up);
  CHECK(empties(ahead));
  CHECK(put(ahead).size() == 49);
  CHECK(meet(put(first), put(ahead)));  // no loss: what was used stays used
  CHECK(ahead.record.lost == LostDays{});
  CHECK(ahead.replaced.empty());
  CHECK(fed({alice()}, ahead.record, by(kNoon + 4 * kMinute, 2 * kMinute)).kind == Fed::Kind::enough);
  // By little and little.
  const Fed topped = fed({alice()}, first.record, by(kNoon + 6 * kMinute, kMinute));
  CHECK_FALSE(empties(topped));
  CHECK(empties(fed({alice()}, topped.record, by(kNoon + 8 * kMinute, 2 * kMinute))));
  const Fed day = fed({alice()}, first.record, by(kNoon + UnixTime{kDay}, UnixTime{kDay}));
  CHECK(empties(day));
  CHECK(put(day).size() == 49);
  CHECK_FALSE(meet(put(first), put(day)));
}

TEST_CASE("tokens: those that outlive their windows are no strangers") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  LiveTable live;
  for (const std::string& key : put(first)) {
    const std::size_t zeros = key.find_first_not_of('0', 2);
    live.live[std::string(kTokens)].push_back({"0x" + key.substr(zeros)});
  }
  live.live[std::string(kGood)].push_back({"1-2"});
  const auto there = [&](const Moment& now) { return tokens_there(live, first.record, now); };
  CHECK(there(by(kNoon)).strangers == 0);
  CHECK(there(by(kNoon)).missing == 0);
  CHECK(there(by(kNoon + 5 * kMinute)).strangers > 0);  // by this clock they had to expire
  for (const UnixTime set : {5 * kMinute, UnixTime{kDay}, UnixTime{5000 * kDay}}) {
    CHECK(there(by(kNoon + set, set)).strangers == 0);
    CHECK(there(by(kNoon + set, set)).missing == 0);
  }
}

TEST_CASE("tokens: a sequence whose key is missing for a while comes back with all its tokens") {
  std::vector<std::string> warnings;
  const Fed first = fed({alice(), bob()}, {}, kNoon, UsedTokens::forgotten);
  TokenFeed lost = alice("");
  lost.token.secret_file = "/nowhere/secret";
  TokenRecord record = first.record;
  record.sequences.at("alice").feed = lost;
  const Fed without =
      feed({lost, bob()}, record, UsedTokens::forgotten, by(kNoon + kMinute), NoKey::skipped, warnings);
  CHECK(put(without).size() == 49);
  CHECK(put(fed({alice(), bob()}, without.record, kNoon + 2 * kMinute)).size() == 98);
}

TEST_CASE("tokens: a host that was off for days loads none of the past") {
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  const Fed later = fed({alice()}, first.record, kNoon + 3 * 24 * 60 * kMinute);
  CHECK(later.kind == Fed::Kind::topped_up);
  CHECK(put(later).size() == 49);
}

TEST_CASE("tokens: no token is ever put there twice where anything was lost between") {
  std::set<std::string> before, now;
  TokenRecord record;
  UnixTime time = kNoon, passed = kNoon;
  for (int round = 0; round < 60; ++round) {
    const bool lost = round % 3 == 0;
    const Fed next = fed({alice()}, record, by(time, time - passed),
                         lost ? UsedTokens::forgotten : UsedTokens::remembered);
    if (lost) before.merge(now);
    const std::set<std::string> entries = put(next);
    CHECK_FALSE(meet(before, entries));
    now.insert(entries.begin(), entries.end());
    record = next.record;
    passed += 5 * kMinute;
    time += round % 7 == 6 ? UnixTime{-50 * 60'000} : round % 5 == 4 ? UnixTime{kDay} : 5 * kMinute;
  }
}

TEST_CASE("tokens: a key that cannot be had is refused, or left out with a warning") {
  TokenFeed feed_of_nobody = alice("");
  feed_of_nobody.token.secret_file = "/nowhere/secret";
  std::vector<std::string> warnings;
  CHECK_THROWS_AS(feed({feed_of_nobody}, {}, UsedTokens::forgotten, by(kNoon), NoKey::refused, warnings),
                  SystemError);
  const Fed without =
      feed({feed_of_nobody, bob()}, {}, UsedTokens::forgotten, by(kNoon), NoKey::skipped, warnings);
  CHECK(warnings.size() == 1);
  CHECK(put(without).size() == 49);
}

TEST_CASE("tokens: those of a key that cannot be had open for as long as before") {
  TokenFeed lost = alice("");
  lost.token.secret_file = "/nowhere/secret";
  for (const std::vector<TokenFeed>& others : {std::vector<TokenFeed>{}, std::vector{bob()}}) {
    std::vector<TokenFeed> wanted = others;
    wanted.push_back(alice());
    const Fed first = fed(wanted, {}, kNoon, UsedTokens::forgotten);
    TokenRecord record = first.record;
    record.sequences.at("alice").feed = wanted.back() = lost;
    std::vector<std::string> warnings;
    Fed low;
    for (UnixTime time = kNoon; low.kind != Fed::Kind::topped_up; time += kMinute) {
      REQUIRE(time < kNoon + UnixTime{kDay});
      low = feed(wanted, record, UsedTokens::remembered, by(time), NoKey::skipped, warnings);
    }
    CHECK(good_until(low) >= good_until(first));
  }
}

TEST_CASE("tokens: the record reads back") {
  const Fed first = fed({alice(), bob()}, {}, kNoon, UsedTokens::forgotten);
  TokenRecord record = fed({alice()}, first.record, kNoon + kMinute, UsedTokens::forgotten).record;
  record.memory = "boot 1 2 3";
  CHECK(parse_token_record(to_json(record)) == record);
  CHECK(parse_token_feeds(to_json(present(record))) == present(record));
  for (const char* damaged : {"", "{", "{}", "[]", R"({"memory": 1})", "null"}) {
    CHECK_THROWS_AS(parse_token_record(damaged), SystemError);
  }
}

TEST_CASE("tokens: where the record is gone there are more losses than there can have been") {
  const TokenRecord record = forgotten(kNoon);
  CHECK(record.lost.on(20'000) > 4);
  CHECK(record.lost.on(20'001) > 4);
  CHECK(record.lost.on(20'010) == 0);
}

TEST_CASE(
    "tokens: a plan without them leaves those that are there, or none where all would have been replaced") {
  Plan plan;
  plan.changes = {{Change::Kind::change, "tokens", "alice", "", "", ""}};
  plan.tokens.emplace();
  plan.transaction = fed({alice()}, {}, kNoon, UsedTokens::forgotten).transaction;
  plan.fallback = {plan.transaction, {}, "", false};
  leave_tokens_out(plan);
  const std::vector<Action> none{EmptySet{std::string(kTokens), true}, EmptySet{std::string(kGood), false}};
  CHECK(plan.transaction.actions == none);
  CHECK(plan.fallback->transaction.actions == none);
  CHECK(plan.changes.empty());
  CHECK_FALSE(plan.tokens);
  const Fed first = fed({alice()}, {}, kNoon, UsedTokens::forgotten);
  plan.transaction = fed({alice()}, first.record, kNoon + 6 * kMinute).transaction;
  CHECK_FALSE(plan.transaction.empty());
  leave_tokens_out(plan);
  CHECK(plan.transaction.empty());
}
