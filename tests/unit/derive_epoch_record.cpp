// What a rotation makes of a host's record.
#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/rotation.hpp"

using namespace knockwork;

namespace {

using Epochs = std::vector<Epoch>;

constexpr Rotation::Phase kPublish = Rotation::Phase::publish, kRetire = Rotation::Phase::retire;

Epochs after(const Epochs& accepts, Rotation::Phase phase, Epoch epoch, std::optional<Epoch> expected = {}) {
  return after(EpochRecord{accepts}, Rotation{phase, epoch, expected, Proof::none, {}}).accepts;
}

Epochs foreseen(const Epochs& accepts, Rotation::Phase phase, Epoch epoch,
                std::optional<Epoch> expected = {}) {
  return foreseen(EpochRecord{accepts}, Rotation{phase, epoch, expected, Proof::none, {}}).accepts;
}

}  // namespace

TEST_CASE("rotation: the record is needed for derivations without a period and an epoch") {
  Sequence written, recorded;
  recorded.derive.emplace();
  Sequence by_clock = recorded, given = recorded;
  by_clock.derive->period = Duration::milliseconds(86'400'000);
  given.derive->epoch = 41;
  Spec spec;
  CHECK_FALSE(needs_record(spec));
  spec.sequences = {written, by_clock, given};
  CHECK_FALSE(needs_record(spec));
  spec.sequences.push_back(recorded);
  CHECK(needs_record(spec));
}

TEST_CASE("rotation: publishing adds, retiring takes away what is older") {
  CHECK(after({41}, kPublish, 42, 41) == Epochs{41, 42});
  CHECK(after({41, 42}, kPublish, 42, 41) == Epochs{41, 42});
  CHECK(after({41, 42}, kRetire, 42, 41) == Epochs{42});
  CHECK(after({42}, kRetire, 42, 41) == Epochs{42});
  CHECK_THROWS_AS(after({41}, kRetire, 42, 41), SystemError);
  CHECK_THROWS_AS(after({40}, kPublish, 42, 41), SystemError);
}

TEST_CASE("rotation: a host installed anew is brought to the expected epoch and to the new one") {
  CHECK(after({0}, kPublish, 42, 41) == Epochs{0, 41, 42});
  CHECK(after({0, 41, 42}, kPublish, 42, 41) == Epochs{0, 41, 42});
  CHECK(after({0, 41, 42}, kRetire, 42, 41) == Epochs{42});
  CHECK(after({0}, kPublish, 42) == Epochs{0, 42});
  CHECK(after({0}, kPublish, 1, 0) == Epochs{0, 1});
  CHECK_THROWS_AS(after({0}, kRetire, 42, 41), SystemError);
}

TEST_CASE("rotation: a check of the last phase goes on from what the first would have published") {
  CHECK(foreseen({41}, kPublish, 42, 41) == Epochs{41, 42});
  CHECK(foreseen({41}, kRetire, 42, 41) == Epochs{42});
  CHECK(foreseen({41, 42}, kRetire, 42, 41) == Epochs{42});
  CHECK(foreseen({0}, kRetire, 42, 41) == Epochs{42});
  CHECK_THROWS_AS(foreseen({40}, kRetire, 42, 41), SystemError);
}

TEST_CASE("rotation: no epoch that a declaration or a profile could not name") {
  CHECK(after({41}, kPublish, 2147483647) == Epochs{41, 2147483647});
  CHECK_THROWS_WITH(after({41}, kPublish, 2147483648),
                    "epoch 2147483648 is too large: the last one is 2147483647; nothing was changed");
  CHECK_THROWS_AS(foreseen({41}, kRetire, 9999999999, 41), SystemError);
}
