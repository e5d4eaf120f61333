// What is wrong with a value, wherever it stands.
#pragma once

#include <string>

namespace knockwork::spec {

// As in Diagnostic: `message` and `remedy` never quote a port, `exact` may.
struct Fault {
  std::string message;
  std::string remedy;
  std::string exact = {};

  bool operator==(const Fault&) const = default;
};

}  // namespace knockwork::spec
