#include "kernel/scratch.hpp"

#include <sched.h>

#include <exception>
#include <thread>

namespace knockwork {

bool in_scratch_namespace(const std::function<void()>& work) {
  bool had = false;
  std::exception_ptr thrown;
  // A thread leaves its namespace to nobody, and the caller's is not touched.
  std::thread([&] {
    had = ::unshare(CLONE_NEWNET) == 0;
    if (!had) return;
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  }).join();
  if (thrown) std::rethrow_exception(thrown);
  return had;
}

}  // namespace knockwork
