#include "knockwork/printable.hpp"

#include <nlohmann/json.hpp>

#include "text/json_text.hpp"

namespace knockwork {

std::string printable(std::string_view text) { return spec::harmless(text); }

std::string json_string(std::string_view text) { return json_text(nlohmann::json(text)); }

}  // namespace knockwork
