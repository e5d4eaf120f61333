#include "boot/units.hpp"

#include <nlohmann/json.hpp>
#include <string_view>

#include "knockwork/diagnostic.hpp"

namespace knockwork {

std::string units_json(const std::string& command) {
  if (!command.starts_with('/')) throw SystemError("a unit needs the command's absolute path");
  constexpr std::string_view kPlaceholder = kCommandPlaceholder;
  nlohmann::json units = nlohmann::json::object();
  for (auto& [name, text] : unit_templates()) {
    std::string filled = text;
    for (std::size_t at = 0; (at = filled.find(kPlaceholder, at)) != std::string::npos;
         at += command.size()) {
      filled.replace(at, kPlaceholder.size(), command);
    }
    units[name] = filled;
  }
  return units.dump();
}

}  // namespace knockwork
