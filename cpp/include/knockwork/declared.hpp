// Where sequences stand: for who owns a part of a declaration.
#pragma once

#include <string>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork {

struct Declared {
  std::string name;
  std::string file;
  int line = 0;
  bool operator==(const Declared&) const = default;
};

// The sequences whose names can be read, whether or not the declaration is valid.
// Pure: touches no file and no kernel.
std::vector<Declared> declared(const std::vector<Source>& sources);

}  // namespace knockwork
