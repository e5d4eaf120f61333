// What the clients of one user remember of the tokens of one key: so that two of them do not send the same,
// and that the losses of a day are found out once.
//
// All of it saves attempts, no more. Where the file is broken or cannot be written, this process alone
// remembers.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "knockwork/token.hpp"

namespace knockwork {

class TokenMemory {
 public:
  // `key` names the key of the tokens without telling it. Without a file nothing is kept.
  TokenMemory(std::string key, Duration period, std::filesystem::path file = {});

  // A window that no other process has: this one, or the first free one after it.
  Window take(Window earliest);
  Losses losses(Window window) const;
  // This token has opened: all that were taken are used up.
  void opened(Window window, Losses losses);
  // None has: its tokens may be sent again, unless others were taken meanwhile.
  void give_back();

  // Why it is not kept; empty where it is.
  const std::string& trouble() const { return trouble_; }

  struct Entry {
    Window taken = 0, opened = 0;           // the last of each
    std::map<std::uint64_t, Losses> found;  // by day
  };

 private:
  template <typename Change>
  void change(const Change& change);

  std::string name_;  // of its line: the key and the period
  Duration period_;
  std::filesystem::path file_;
  Entry entry_;
  Window last_ = 0;  // that this process took
  std::string trouble_;
};

// `~/.local/state/knockwork/tokens`, or below XDG_STATE_HOME. Empty where there is no home.
std::filesystem::path token_memory_file();

}  // namespace knockwork
