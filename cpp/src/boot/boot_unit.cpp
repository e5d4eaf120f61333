#include "boot/boot_unit.hpp"

#include <fmt/format.h>

#include <array>
#include <fstream>
#include <optional>
#include <string>

#include "host/addresses.hpp"
#include "host/files.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUnit = "knockwork.service";
constexpr const char* kTimer = "knockwork-rotate.timer";

// Where units are and what starts them, the stronger first.
constexpr std::array kFolders{"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system",
                              "usr/lib/systemd/system", "lib/systemd/system"};

bool is_there(const fs::path& path) {
  std::error_code none;
  return fs::exists(fs::symlink_status(path, none));
}

std::optional<fs::path> unit_below(const fs::path& root, const char* unit) {
  for (const char* folder : kFolders) {
    if (fs::path path = root / folder / unit; is_there(path)) return path;
  }
  return std::nullopt;
}

// A link below TARGET.wants or TARGET.requires; it need not lead anywhere, systemd goes by its name.
bool is_started(const fs::path& root, const char* unit) {
  for (const char* folder : kFolders) {
    std::error_code error;
    for (fs::directory_iterator at(root / folder, error), end; !error && at != end; at.increment(error)) {
      const std::string kind = at->path().extension().string();
      if ((kind == ".wants" || kind == ".requires") && is_there(at->path() / unit)) return true;
    }
  }
  return false;
}

bool is_masked(const fs::path& unit) {
  std::error_code none;
  return fs::is_symlink(unit, none) && fs::read_symlink(unit, none) == "/dev/null";
}

// The program that ExecStart names, where it is a file that is not there.
std::string missing_program(const fs::path& root, const fs::path& unit) {
  std::ifstream file(unit);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("ExecStart=")) continue;
    const std::size_t first = line.find('/');
    if (first == std::string::npos) continue;
    std::string program = line.substr(first, line.find_first_of(" \t", first) - first);
    if (!is_there(root / program.substr(1))) return program;
  }
  return "";
}

bool has_declaration(const fs::path& root) {
  const fs::path file = root / fs::path(kDefaultDeclaration).relative_path();
  std::error_code none;
  return is_there(file) || !drop_ins(file, none).empty();
}

std::string fault(const fs::path& root, const std::optional<fs::path>& unit, const Boot& boot) {
  if (!unit) return "there is no knockwork.service on this host";
  if (is_masked(*unit)) return "knockwork.service is masked";
  if (!boot.enabled) return "knockwork.service is not enabled";
  if (const std::string program = missing_program(root, *unit); !program.empty()) {
    return fmt::format("knockwork.service starts {}, which does not exist", program);
  }
  if (!has_declaration(root)) return fmt::format("there is no declaration {}", kDefaultDeclaration);
  return "";
}

}  // namespace

Boot boot_below(const fs::path& root) {
  Boot boot;
  const std::optional<fs::path> unit = unit_below(root, kUnit);
  boot.installed = unit && !is_masked(*unit);
  boot.enabled = boot.installed && is_started(root, kUnit);
  boot.timer = boot.installed && unit_below(root, kTimer) && is_started(root, kTimer);
  std::error_code none;
  if (!fs::is_directory(root / "run/systemd/system", none)) {
    boot.why = "systemd is not running";
    return boot;
  }
  boot.why = fault(root, unit, boot);
  boot.stands = boot.why.empty() ? Boot::Stands::yes : Boot::Stands::no;
  return boot;
}

Boot boot() {
  if (in_first_namespace()) return boot_below("/");
  Boot unknown;
  unknown.why = "this network namespace is not that of process 1";
  return unknown;
}

namespace {

std::vector<std::string> reboot_warnings(const Boot& boot, const std::string& file) {
  if (boot.stands == Boot::Stands::no) {
    const char* remedy = boot.installed && !boot.enabled ? "; run `systemctl enable --now knockwork`" : "";
    return {fmt::format("no gate will be loaded after a reboot, and its ports will be open to everyone: {}{}",
                        boot.why, remedy)};
  }
  std::error_code none;
  if (file == kDefaultDeclaration || fs::equivalent(file, kDefaultDeclaration, none)) return {};
  return {fmt::format("a reboot applies {}, not what was applied now", kDefaultDeclaration)};
}

}  // namespace

std::vector<std::string> boot_warnings(const Boot& boot, const std::string& file, Timer timer) {
  if (boot.stands == Boot::Stands::unknown) return {};
  std::vector<std::string> warnings = reboot_warnings(boot, file);
  if (timer == Timer::needed && !boot.timer) {
    warnings.push_back(fmt::format(
        "sequences with `token` or `period` change with time, and nothing applies them again: they will stop opening anything. "
        "Run `systemctl enable --now knockwork {}`",
        kTimer));
  }
  return warnings;
}

}  // namespace knockwork
