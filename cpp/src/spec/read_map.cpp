// One walk over a mapping for all scopes: which keys there are, are missing, are
// there twice, are unknown or not supported yet.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

#include "spec/readers.hpp"
#include "spec/utf8.hpp"

namespace knockwork::spec {
namespace {

constexpr std::size_t kLongestSuggested = 32;  // characters of a key worth comparing

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (left[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  return row.back();
}

std::string list_of(std::span<const Key> keys) {
  std::string list;
  for (const Key& key : keys) list += (list.empty() ? "" : ", ") + std::string(key.name);
  return list;
}

const Key* find(std::span<const Key> keys, std::string_view name) {
  const auto found = std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

std::string belongs_to(Scope scope) {
  switch (scope) {
    case Scope::declaration:
      return "it belongs to the top level of the main file";
    case Scope::sequence:
      return "it belongs to a sequence, beside its `name`";
    case Scope::derive:
      return "it belongs to `derive`";
  }
  return "";
}

std::string suggestion(Scope scope, std::string_view name) {
  for (Scope other : {Scope::declaration, Scope::sequence, Scope::derive}) {
    if (other != scope && find(keys(other), name)) return belongs_to(other);
  }
  if (name.size() <= kLongestSuggested) {
    const Key* best = nullptr;
    std::size_t least = std::max<std::size_t>(1, name.size() / 3) + 1;
    for (const Key& key : keys(scope)) {
      const std::size_t distance = edit_distance(name, key.name);
      if (distance < least) least = distance, best = &key;
    }
    if (best) return fmt::format("did you mean `{}`?", best->name);
  }
  return "keys here: " + list_of(keys(scope));
}

bool is_default(const Key& key, const Value& value, Faults& faults) {
  Draft draft;
  SequenceDraft sequence;
  Target probe{&draft, &sequence, nullptr};
  key.read(key, value, probe, faults);
  return draft.value == Spec{} && sequence.value == Sequence{};
}

// A key that is not supported yet is read all the same, so that its own faults
// show now and not on the day when it is. `derive` speaks for the keys inside it.
void read_one(const Key& key, const Value& name, const Value& value, Target& target, Faults& faults) {
  if (value.kind() == NodeKind::refused) return;
  if (value.kind() == NodeKind::null) {
    const bool optional = !key.required;
    faults.at(name, {fmt::format("`{}` has no value", key.name),
                     fmt::format("write a value, as in `{}: {}`{}", key.name, key.example,
                                 optional ? ", or remove the key" : "")});
    return;
  }
  if (key.supported || key.scope == Scope::derive) {
    key.read(key, value, target, faults);
  } else if (!is_default(key, value, faults)) {
    faults.at(name,
              {fmt::format("`{}` is not supported yet", key.name),
               key.fallback.empty() ? std::string("remove it until a later version supports it")
                                    : fmt::format("remove it (the default is `{}`) until a later version "
                                                  "supports it",
                                                  key.fallback)});
  }
}

void report_missing(const Key& key, const Value& map, Faults& faults) {
  // A block mapping starts where its first key does: mark that key, not its first letter.
  const Value place = map.empty() || map.node().offset != map.first().node().offset ? map : map.first();
  faults.at(place,
            {fmt::format("`{}` is missing", key.name), fmt::format("add `{}: {}`", key.name, key.example)});
}

}  // namespace

void read_map(Scope scope, const Value& map, const Target& target, Faults& faults) {
  const std::span<const Key> table = keys(scope);
  std::array<Value, 16> seen{};
  Target filled = target;
  for (Value name = map.first(); name != map.stop(); name = name.next().next()) {
    const Value value = name.next();
    if (name.kind() == NodeKind::refused) continue;
    if (name.kind() != NodeKind::scalar) {
      faults.at(name, {"a key that is not a word", "keys here: " + list_of(table)});
      continue;
    }
    const Key* key = find(table, name.text());
    if (!key) {
      faults.at(name, {"unknown key " + quote(name.text()), suggestion(scope, name.text())});
      continue;
    }
    Value& first = seen[static_cast<std::size_t>(key - table.data())];
    if (first) {
      faults.at(name, {fmt::format("`{}` stands here twice", key->name),
                       fmt::format("remove one: the first is on line {}",
                                   map.document().line(first.node().offset))});
      continue;
    }
    first = name;
    read_one(*key, name, value, filled, faults);
  }
  for (const Key& key : table) {
    if (key.required && !seen[static_cast<std::size_t>(&key - table.data())])
      report_missing(key, map, faults);
  }
}

}  // namespace knockwork::spec
