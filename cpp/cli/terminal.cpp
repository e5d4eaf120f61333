#include "terminal.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

TerminalSize terminal_size() {
  winsize size{};
  if (::isatty(STDOUT_FILENO) != 1 || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return {size.ws_row, size.ws_col};
}

bool reader_is_gone() {
  pollfd output{STDOUT_FILENO, 0, 0};
  return ::poll(&output, 1, 0) > 0 && (output.revents & (POLLERR | POLLHUP)) != 0;
}

bool writes_to_pipe() {
  struct stat output {};
  return ::fstat(STDOUT_FILENO, &output) == 0 && S_ISFIFO(output.st_mode);
}

std::string pager_command() {
  if (::isatty(STDOUT_FILENO) != 1) return "";
  if (const char* wanted = std::getenv("PAGER")) return std::string(wanted) == "cat" ? "" : wanted;
  for (const char* less : {"/usr/bin/less", "/bin/less"}) {
    if (::access(less, X_OK) == 0) return less;
  }
  return "";
}

bool page(const std::string& pager, const std::string& text) {
  constexpr int kLeaveWhatIsSet = 0;
  ::setenv("LESS", "FRX", kLeaveWhatIsSet);      // colours pass, and the screen stays, as git has it
  ::setenv("LESSSECURE", "1", kLeaveWhatIsSet);  // no shell from there: this may run with the rights of sudo
  std::FILE* pipe = ::popen(pager.c_str(), "w");
  if (pipe == nullptr) return false;
  // Whoever quits before the end, or interrupts a search, wants the pager to decide.
  const auto interrupted = std::signal(SIGINT, SIG_IGN);
  const auto closed = std::signal(SIGPIPE, SIG_IGN);
  std::fwrite(text.data(), 1, text.size(), pipe);
  const int status = ::pclose(pipe);
  std::signal(SIGINT, interrupted);
  std::signal(SIGPIPE, closed);
  constexpr int kNotFound = 127;
  return !(WIFEXITED(status) && WEXITSTATUS(status) == kNotFound);
}
