// How reports show what sequences hold.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "program/program.hpp"

namespace knockwork {

// What a report may show of a sequence: its ports, or a keyed fingerprint of them.
struct Shown {
  std::function<std::string(const Track&)> knocks;
  std::function<std::string(const std::vector<Service>&)> services;
};

}  // namespace knockwork
