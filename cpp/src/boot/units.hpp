// The systemd units of packaging/, for hosts where no package brings them.
#pragma once

#include <string>
#include <vector>

namespace knockwork {

struct UnitTemplate {
  std::string name;
  std::string text;  // names the command as kCommandPlaceholder
};

inline constexpr const char* kCommandPlaceholder = "@KNOCKWORK_COMMAND@";

std::vector<UnitTemplate> unit_templates();

// {"knockwork.service": "…", …}, with this command in them: an absolute path.
std::string units_json(const std::string& command);

}  // namespace knockwork
