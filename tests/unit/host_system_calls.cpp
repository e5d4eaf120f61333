// What a signal interrupts is done again.
#include <cerrno>

#include "catch.hpp"
#include "host/system_calls.hpp"

namespace knockwork {

TEST_CASE("uninterrupted: a call is made until it ends by itself") {
  int calls = 0;
  CHECK(uninterrupted([&] {
          errno = EINTR;
          return ++calls < 3 ? -1 : 7;
        }) == 7);
  CHECK(calls == 3);
  CHECK(uninterrupted([&] {
          ++calls;
          errno = EIO;
          return -1;
        }) == -1);
  CHECK(calls == 4);
}

TEST_CASE("uninterrupted: a question is asked anew, but not for ever") {
  int asked = 0;
  CHECK(asked_again([&] {
          if (++asked < 3) throw Interrupted("interrupted");
          return asked;
        }) == 3);
  CHECK_THROWS_AS(asked_again([&]() -> int {
                    ++asked;
                    throw Interrupted("interrupted");
                  }),
                  Interrupted);
  CHECK(asked == 8);
}

}  // namespace knockwork
