// Work in a process of its own: what ends that process ends nothing else.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "host/system_calls.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {

// The other process did not come to the end of its work.
class Broken : public SystemError {
 public:
  using SystemError::SystemError;
};

// What `read` returns. Throws Broken where it fails, ends its process, or takes longer, and SystemError where
// there can be no such process. It ends with the calling thread.
std::string apart(const std::function<std::string()>& read, std::chrono::milliseconds longest);

// The other process, which ends when nobody holds it any more.
class Child {
 public:
  Child(pid_t process, Descriptor answer) : process_(process), answer_(std::move(answer)) {}
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  int answer() const { return answer_.number(); }

 private:
  pid_t process_;
  Descriptor answer_;
};

// The same for work that comes later: the process is a copy of this one, so it begins while little is in
// memory.
class Early {
 public:
  // There, `forget` is called first, to free what is not needed; `work` gets the path of a file that holds
  // the text. Throws SystemError where there can be no such process.
  Early(const std::function<void()>& forget, const std::function<std::string(const std::string& path)>& work);

  // What `work` returns for this text; once. Throws Broken as apart() does.
  std::string answer(std::string_view text, std::chrono::milliseconds longest);

 private:
  Descriptor text_;
  Descriptor word_;
  Child child_;
};

}  // namespace knockwork
