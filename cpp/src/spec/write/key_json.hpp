// What the JSON faces of the table of keys share.
#pragma once

#include <nlohmann/json.hpp>

#include "spec/keys.hpp"

namespace knockwork::spec {

using Json = nlohmann::ordered_json;  // keys stay in the order of the table

// The default as JSON; null where there is none.
Json fallback_json(const Key& key);

}  // namespace knockwork::spec
