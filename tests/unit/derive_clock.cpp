// When a host's clock is believed, and when it is not.
#include "catch.hpp"
#include "derive/records/clock.hpp"

using namespace knockwork;
using namespace std::chrono_literals;

namespace {

constexpr auto kSlack = 10min;
const ClockReading kRecord{1'000'000s, "boot1", 100s, false, false};

ClockReading later(std::chrono::milliseconds counted, std::chrono::milliseconds by_clock) {
  ClockReading now = kRecord;
  now.uptime += counted;
  now.wall += by_clock;
  return now;
}

ClockReading rebooted(std::chrono::milliseconds up, std::chrono::milliseconds by_clock) {
  ClockReading now = later(0s, by_clock);
  now.boot = "boot2";
  now.uptime = up;
  return now;
}

}  // namespace

TEST_CASE("clock: the first reading is believed and kept") {
  const ClockVerdict verdict = judge(std::nullopt, kRecord, kSlack);
  CHECK(verdict.off == 0ms);
  CHECK(verdict.record == kRecord);
}

TEST_CASE("clock: one that goes on as time does is believed, and written anew once an hour") {
  CHECK(judge(kRecord, later(59min, 59min), kSlack).record == std::nullopt);
  CHECK(judge(kRecord, later(61min, 61min), kSlack).record == later(61min, 61min));
  for (const auto drift : {-10min, 0min, 10min})
    CHECK(judge(kRecord, later(30min, 30min + drift), kSlack).off == 0ms);
}

TEST_CASE("clock: a jump beyond the slack is doubted, forwards and back, and time is counted on") {
  for (const std::chrono::milliseconds jump : {-2880min, -11min, 11min, 2880min}) {
    const ClockReading now = later(30min, 30min + jump);
    const ClockVerdict verdict = judge(kRecord, now, kSlack);
    CHECK(verdict.off == jump);
    REQUIRE(verdict.record);
    CHECK(verdict.record->doubted);
    CHECK(verdict.record->wall == kRecord.wall + 30min);
    ClockReading next = now;  // and so it stays, with the record as it is
    next.uptime += 30min, next.wall += 30min;
    CHECK(judge(verdict.record, next, kSlack).off == jump);
    CHECK(judge(verdict.record, next, kSlack).record == std::nullopt);
    next.wall -= jump;  // until the clock is set right
    CHECK(judge(verdict.record, next, kSlack).off == 0ms);
    CHECK(judge(verdict.record, next, kSlack).record == next);
  }
}

TEST_CASE("clock: over a reboot time has passed, nobody knows how much") {
  CHECK(judge(kRecord, rebooted(20s, 20s), kSlack).off == 0ms);
  CHECK(judge(kRecord, rebooted(20s, 24h * 30), kSlack).off == 0ms);
  CHECK(judge(kRecord, rebooted(20s, -24h), kSlack).off == -24h - 20s);
  CHECK(judge(kRecord, rebooted(20s, 20s), kSlack).record == rebooted(20s, 20s));
}

TEST_CASE("clock: a doubt survives a reboot") {
  const ClockVerdict doubted = judge(kRecord, later(30min, 48h), kSlack);
  const ClockVerdict after = judge(doubted.record, rebooted(20s, 48h + 5min), kSlack);
  CHECK(after.off > 24h);
  REQUIRE(after.record);
  CHECK(after.record->doubted);
  CHECK(after.record->boot == "boot2");
}

TEST_CASE("clock: one that NTP keeps is believed over one that it did not keep, and not the other way") {
  ClockReading now = later(30min, 48h);
  now.synchronised = true;
  CHECK(judge(kRecord, now, kSlack).off == 0ms);
  CHECK(judge(kRecord, now, kSlack).record == now);
  ClockReading kept = kRecord;
  kept.synchronised = true;
  CHECK(judge(kept, later(30min, 48h), kSlack).off > 24h);
  CHECK(judge(kept, now, kSlack).off > 24h);
}

TEST_CASE(
    "clock: a boot without a hardware clock is doubted until NTP sets the clock, whatever NTP did before") {
  ClockReading kept = kRecord;
  kept.synchronised = true;
  const ClockVerdict doubted = judge(kept, rebooted(20s, -8h), kSlack);
  CHECK(doubted.off < -8h);
  REQUIRE(doubted.record);
  CHECK_FALSE(doubted.record->synchronised);
  const ClockVerdict still = judge(doubted.record, rebooted(2min, -8h), kSlack);
  CHECK(still.off < -8h);
  ClockReading set = rebooted(3min, 8h);
  set.synchronised = true;
  CHECK(judge(doubted.record, set, kSlack).off == 0ms);
  CHECK(judge(doubted.record, set, kSlack).record == set);
}

TEST_CASE("clock: a record is read back as it was written, and a damaged one is none") {
  CHECK(parse_reading(to_json(kRecord)) == kRecord);
  for (const char* text : {"", "{", "[]", "{\"unix_ms\": \"x\"}"}) CHECK(parse_reading(text) == std::nullopt);
}
