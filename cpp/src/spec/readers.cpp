// What the readers of all scopes share: shapes of values, choices, networks.
#include "spec/readers.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "text/utf8.hpp"
#include "values/values.hpp"

namespace knockwork::spec {
namespace {

std::string_view noun(NodeKind kind) {
  switch (kind) {
    case NodeKind::list:
      return "a list";
    case NodeKind::map:
      return "a mapping";
    case NodeKind::null:
      return "nothing";
    default:
      return "a single value";
  }
}

bool takes_list(Form form) {
  return form == Form::knocks || form == Form::services || form == Form::publics || form == Form::networks ||
         form == Form::interfaces || form == Form::guards || form == Form::protocols ||
         form == Form::ranges || form == Form::epochs;
}

}  // namespace

std::optional<std::string_view> read_text(const Key& key, const Value& value, Faults& faults) {
  if (value.kind() == NodeKind::scalar) return value.text();
  if (value.kind() == NodeKind::refused) return std::nullopt;
  if (takes_list(key.form)) {
    faults.at(value,
              {fmt::format("{} in the list of `{}`",
                           value.kind() == NodeKind::null ? "an empty entry" : noun(value.kind()), key.name),
               fmt::format("write single values, as in `{}: {}`", key.name, key.example)});
  } else {
    faults.at(value, {fmt::format("`{}` takes {}, not {}", key.name, to_string(key.form), noun(value.kind())),
                      fmt::format("write it as in `{}: {}`", key.name, key.example)});
  }
  return std::nullopt;
}

bool is_list(const Key& key, const Value& value, Faults& faults) {
  if (value.kind() == NodeKind::list) return true;
  faults.at(value, {fmt::format("`{}` takes {}, not {}", key.name, to_string(key.form), noun(value.kind())),
                    value.kind() == NodeKind::scalar
                        ? fmt::format("put it in brackets, as in `{}: {}`", key.name, key.example)
                        : fmt::format("write it as in `{}: {}`", key.name, key.example)});
  return false;
}

bool is_octal(const Value& entry, Faults& faults) {
  if (entry.kind() != NodeKind::scalar || entry.node().quoted || entry.document().name() != kOptions)
    return false;
  const auto number = parse_integer(entry.text(), 1, 65535);
  // Whole thousands in octal that are not round in decimal: nobody means 3584 who writes 7000 beside it.
  if (!number || *number % 01000 != 0 || *number % 10 == 0) return false;
  faults.at(entry, {"a number that YAML may have read as octal because of a leading zero",
                    "write it without the zero; if the number is right, put it in quotes",
                    fmt::format("write {:o}; if {} is right, put it in quotes", *number, *number)});
  return true;
}

std::optional<std::size_t> choose(const Key& key, const Value& value, Faults& faults) {
  const auto text = read_text(key, value, faults);
  if (!text) return std::nullopt;
  const auto found = std::find(key.choices.begin(), key.choices.end(), *text);
  if (found != key.choices.end()) return static_cast<std::size_t>(found - key.choices.begin());
  faults.at(value, {fmt::format("`{}` cannot be {}", key.name, quote(*text)),
                    fmt::format("write one of: {}", fmt::join(key.choices, ", "))});
  return std::nullopt;
}

void read_network_list(const Key& key, const Value& list, std::vector<Network>& networks, Faults& faults) {
  if (!is_list(key, list, faults)) return;
  std::set<Network> seen;
  for (Value entry = list.first(); entry != list.stop(); entry = entry.next()) {
    const auto network = read_entry(key, entry, parse_declared_network, faults);
    if (!network) continue;
    if (!seen.insert(*network).second) {
      faults.at(entry, {fmt::format("{} is listed twice", to_string(*network)), "remove one"});
      continue;
    }
    networks.push_back(*network);
  }
}

}  // namespace knockwork::spec
