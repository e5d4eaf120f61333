// Which datagrams of a capture are tokens.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/spec.hpp"
#include "knockwork/token.hpp"

namespace knockwork {

class CapturedTokens {
 public:
  // Reads the secrets of a declaration. Throws SystemError.
  explicit CapturedTokens(const Spec& spec);

  // "token=alice:2", the second token of alice that was asked for; empty where it is none that was good at
  // that time.
  std::string name(std::uint16_t port, UnixTime at, std::string_view payload);

 private:
  struct Drawn {
    std::string sequence;
    Token token;
    TokenDrawer drawer;
    std::map<TokenBytes, std::size_t> numbers;
  };
  std::vector<Drawn> drawn_;
};

}  // namespace knockwork
