// Tokens: one packet that opens once. docs/tokens.md fixes the derivation byte by byte.
//
//   secret file → Secrets → HostKey → TokenKey → the token of one window
//
// A window is a period's number since 1970. `losses` counts how often on that day (UTC, of the window's
// beginning) the host lost its memory of used tokens: then it draws new ones for the same windows.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "knockwork/derive.hpp"

namespace knockwork {

using Window = std::uint64_t;
using Losses = std::uint32_t;
using TokenBytes = std::array<std::uint8_t, 16>;

// All that a person's profile has of a sequence. Wiped when it goes.
using TokenKey = HostKey;

// The key of a sequence of one host. Pure.
TokenKey token_key(const HostKey& host, std::string_view name, std::uint32_t serial);

// The keys of sequences as they are declared; reads every secret file once.
class TokenKeys {
 public:
  // `host` counts where neither the token has a host nor a key. Throws SystemError.
  TokenKey key(const Token& token, std::string_view name, const std::string& host);

 private:
  std::map<std::string, Secrets> files_;
};

// A key as a profile has it.
std::string to_base64(const TokenKey& key);

// Draws the tokens of one key and period.
class TokenDrawer {
 public:
  TokenDrawer(const TokenKey& key, Duration period);
  TokenDrawer(TokenDrawer&&) noexcept;
  TokenDrawer& operator=(TokenDrawer&&) noexcept;
  ~TokenDrawer();

  TokenBytes at(Window window, Losses losses);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Window window_at(Duration period, UnixTime time);
UnixTime start_of(Duration period, Window window);
// The day on which a window begins, since 1970.
std::uint64_t day_of(Duration period, Window window);

}  // namespace knockwork
