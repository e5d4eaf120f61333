// Commands for libnftables, each in a process of its own: what it remembers of one can be stale in the next,
// and over an answer that it does not expect (a socket that fails, a dump that breaks off) it ends its
// process.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/apart.hpp"

namespace knockwork {

struct Libnftables;

// libnftables begins anew whenever something commits while it reads.
inline constexpr std::chrono::seconds kToRead{30};

inline constexpr int kTries = 3;  // of what is lost or interrupted

enum class Elements { shown, hidden };  // those of named sets

// What listing commands print, one after the other; nothing where one names what is not there. Throws
// SystemError.
std::optional<std::string> nft_list(const std::vector<std::string>& commands, Elements elements,
                                    std::chrono::milliseconds longest = kToRead);

// What became of a script: `lost` where nobody said. `error` is libnftables', without the places: its
// excerpts quote the script, which holds ports.
struct Loaded {
  enum class How { taken, refused, interrupted, lost };
  How how = How::lost;
  std::string error;
};

// Throws SystemError where there is no libnftables, or no process.
Loaded nft_load(const std::string& script);

// The same once, in a process that begins now, while little is in memory: it has a copy of that, and frees
// what `forget` does.
class EarlyLoad {
 public:
  explicit EarlyLoad(const std::function<void()>& forget);  // throws SystemError, as nft_load() does
  Loaded load(const std::string& script);

 private:
  const Libnftables& library_;  // there before the process begins
  Early process_;
};

// Whether the kernel would take a script, of which it keeps nothing.
bool nft_takes(const std::string& script);

}  // namespace knockwork
