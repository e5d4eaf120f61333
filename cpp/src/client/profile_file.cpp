// The file of a profile. It holds what opens doors, so a file that others can read or
// write is refused, as ssh refuses such keys.
#include <fmt/format.h>

#include "host/files.hpp"
#include "host/user.hpp"
#include "knockwork/client.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {

namespace fs = std::filesystem;

Profile read_profile(const fs::path& file) {
  const fs::path path = file.empty() ? user_folder() / "hosts.yml" : file;
  const std::optional<std::string> text = read_private_file(path);
  if (!text) {
    throw SystemError(fmt::format(
        "the profile {} does not exist: write it (`knockwork export` on the host prints it), or name another "
        "with --profile",
        path.string()));
  }
  return load_profile(path.string(), *text);
}

}  // namespace knockwork
