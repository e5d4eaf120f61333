#include "live_screen.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include "knockwork/diagnostic.hpp"
#include "terminal.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void send(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// The alternate screen without a cursor, keys that nobody sees, and signals that are read like them.
class Screen {
 public:
  Screen() {
    sigemptyset(&signals_);
    for (const int each : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGWINCH}) sigaddset(&signals_, each);
    sigprocmask(SIG_BLOCK, &signals_, &before_);
    signal_ = ::signalfd(-1, &signals_, SFD_CLOEXEC | SFD_NONBLOCK);
    enter();
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    leave();
    ::close(signal_);
    sigprocmask(SIG_SETMASK, &before_, nullptr);
  }

  void draw(std::string_view text) const {
    const TerminalSize size = terminal_size();
    const std::size_t lines = size.lines == 0 ? 24 : size.lines,
                      columns = size.columns == 0 ? 80 : size.columns;
    // Erased before it is written: at the end of a line that fills the screen, the cursor is on its last
    // character.
    std::string all = "\033[H";
    std::size_t line = 0;
    for (; line < lines && !text.empty(); ++line) {
      const std::string_view one = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(one.size() + 1, text.size()));
      const bool last = line + 1 == lines && !text.empty();
      all += "\033[K";
      all += last ? "…" : cut(one, columns);
      all += "\033[0m";
      if (line + 1 < lines) all += "\r\n";
    }
    if (line < lines) all += "\033[J";
    send(all);
  }

  // False where it is to end. At a new size it returns early.
  bool wait(milliseconds longest) {
    const Clock::time_point end = Clock::now() + longest;
    for (milliseconds left = longest; left.count() > 0;
         left = std::chrono::duration_cast<milliseconds>(end - Clock::now())) {
      std::array<pollfd, 3> ready{
          {{signal_, POLLIN, 0}, {keys_ ? STDIN_FILENO : -1, POLLIN, 0}, {STDOUT_FILENO, 0, 0}}};
      if (::poll(ready.data(), ready.size(), static_cast<int>(left.count())) <= 0) continue;
      if (ready[1].revents != 0 && !wants_more()) return false;
      if ((ready[2].revents & (POLLERR | POLLHUP)) != 0) return false;  // the terminal is gone
      signalfd_siginfo what{};
      if (::read(signal_, &what, sizeof what) != sizeof what) continue;
      if (what.ssi_signo == SIGWINCH) return true;
      if (what.ssi_signo != SIGTSTP) return false;
      leave();
      ::raise(SIGSTOP);
      enter();
      return true;
    }
    return true;
  }

 private:
  void enter() {
    termios keys{};
    if (::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &keys) == 0) {
      keys_ = keys;
      keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    }
    send("\033[?1049h\033[?25l");
  }
  void leave() {
    send("\033[?25h\033[?1049l");
    if (keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &*keys_);
  }
  bool wants_more() {
    char key = 'q';
    const ssize_t got = ::read(STDIN_FILENO, &key, 1);
    if (got <= 0) keys_.reset();  // nobody is there
    return got <= 0 || (key != 'q' && key != 'Q');
  }

  // As much of a line as a screen has columns for. Escape sequences take none, a character of UTF-8 one.
  static std::string cut(std::string_view line, std::size_t columns) {
    std::string kept;
    bool escape = false;
    for (const char byte : line) {
      if (byte == '\033') escape = true;
      const bool follows = (static_cast<unsigned char>(byte) & 0xc0U) == 0x80;
      if (!escape && !follows && columns-- == 0) break;
      kept += byte;
      if (escape && byte == 'm') escape = false;
    }
    return kept;
  }

  sigset_t signals_{}, before_{};
  int signal_ = -1;
  std::optional<termios> keys_;
};

}  // namespace

void show_live(const std::function<std::string()>& text) {
  if (::isatty(STDOUT_FILENO) != 1)
    throw knockwork::SystemError("--watch needs a terminal: use `knockwork watch` for a stream of events");
  Screen screen;
  while (true) {
    const Clock::time_point began = Clock::now();
    screen.draw(text());
    // A table that takes long to read is read half of the time at most.
    const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - began);
    if (!screen.wait(std::max(milliseconds(1000), took))) return;
  }
}
