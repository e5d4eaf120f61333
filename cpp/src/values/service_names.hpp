// Names of services, as this host's /etc/services has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "knockwork/spec.hpp"

namespace knockwork::spec {

// Whether it could be one: a letter first, so that no misspelt number is.
bool is_service_name(std::string_view text);

// nullopt where this host knows no such service of the protocol.
std::optional<std::uint16_t> service_port(std::string_view name, Protocol protocol);

std::string lower(std::string_view text);  // of ASCII

}  // namespace knockwork::spec
