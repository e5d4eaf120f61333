// A command line as sh(1) would split it, as far as its words are known without running it.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace knockwork {

using Words = std::vector<std::string>;

// A simple command and what decides whether it runs: the one before it, or nothing.
struct Command {
  enum class Runs { always, on_success, on_failure };
  Words words;
  Runs runs = Runs::always;
  bool is_waited_for = true;  // no `&` behind it
};

// The simple commands between `;`, `&&`, `||`, `&` and line ends, in their order; output that goes to
// /dev/null is left out. Otherwise why it takes a shell to know the words.
tl::expected<std::vector<Command>, std::string> split_commands(std::string_view text);

}  // namespace knockwork
