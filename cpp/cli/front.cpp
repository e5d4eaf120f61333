// The command `knockwork`: knocks that are given by hand are its own business; every
// other command goes to knockwork-main, which has the libraries for it.
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "knock_command.hpp"
#include "knockwork/diagnostic.hpp"
#include "output.hpp"

namespace {

namespace fs = std::filesystem;

// Whether the front can do it by itself; what is wrong or asks for more, the other tells.
bool by_hand(int argc, char** argv, KnockArguments& arguments) {
  if (argc < 4 || std::string_view(argv[1]) != "knock") return false;
  CLI::App app;
  CLI::App* knock = app.add_subcommand("knock");
  add_knock_options(knock, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError&) {
    return false;
  }
  return !arguments.knocks.empty();
}

// Beside this program as it is built, or as it is installed.
int run_main(char** argv) {
  std::error_code error;
  const fs::path here = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& folder :
       {here / "libexec/knockwork", here.parent_path() / "libexec/knockwork", fs::path(KNOCKWORK_LIBEXEC)}) {
    ::execv((folder / "knockwork-main").c_str(), argv);
  }
  fail(fmt::format("cannot start {}/knockwork-main: {}: install knockwork again", KNOCKWORK_LIBEXEC,
                   std::strerror(errno)));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    KnockArguments arguments;
    if (!by_hand(argc, argv, arguments)) return run_main(argv);
    return run_knock_on(entrance_by_hand(arguments), arguments);
  } catch (const std::exception& error) {
    fail(error.what());
  } catch (...) {
    fail("something that is no error was thrown: please report this");
  }
  return 1;
}
