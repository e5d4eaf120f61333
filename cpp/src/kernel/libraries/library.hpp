// A shared library that is loaded when the kernel is first asked. What asks no kernel (to knock, to check
// a declaration) starts without it, and works on machines that have none.
#pragma once

namespace knockwork {

class Library {
 public:
  // Throws SystemError where it is not installed.
  explicit Library(const char* file);

  // Throws SystemError where it has no such function.
  void* find(const char* function) const;

 private:
  const char* file_;
};

// One of its functions, called as it is.
template <typename Signature>
class LibraryFunction {
 public:
  LibraryFunction(const Library& library, const char* name)
      : function_(reinterpret_cast<Signature*>(library.find(name))) {}
  operator Signature*() const { return function_; }

 private:
  Signature* function_;
};

}  // namespace knockwork
