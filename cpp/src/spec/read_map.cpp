// One walk over a mapping for all scopes: which keys there are, are missing,
// there twice or unknown.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "knockwork/words.hpp"
#include "spec/readers.hpp"
#include "text/utf8.hpp"

namespace knockwork::spec {
namespace {

constexpr std::size_t kMostKeys = 24;  // of one mapping of the table

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
    case Scope::public_entry:
      return "it belongs to an entry of `public`";
    case Scope::sequence:
      return "it belongs to a sequence, next to its `name`";
    case Scope::derive:
      return "it belongs to `derive`";
    case Scope::token:
      return "it belongs to `token`";
    case Scope::profile:
      return "it belongs to the top level";
    case Scope::host:
      return "it belongs to a host, next to its `sequences`";
  }
  return "";
}

// The mappings whose keys may have been meant for elsewhere in the same file.
std::span<const Scope> neighbours(Scope scope) {
  static constexpr std::array kDeclaration{Scope::declaration, Scope::sequence, Scope::derive, Scope::token};
  static constexpr std::array kProfile{Scope::profile, Scope::host, Scope::sequence, Scope::derive,
                                       Scope::token};
  if (scope == Scope::profile || scope == Scope::host) return kProfile;
  return kDeclaration;
}

// The key of this mapping that `name` was probably meant to be.
const Key* meant_key(Scope scope, std::string_view name) {
  std::vector<std::string_view> names;
  for (const Key& key : keys(scope)) names.push_back(key.name);
  const auto meant = nearest(name, names);
  return meant ? find(keys(scope), *meant) : nullptr;
}

// Tells of an unknown key; returns the key of this mapping that is meant, if any.
const Key* report_unknown(Scope scope, const Value& name, Faults& faults) {
  if (name.text() == "<<") {
    faults.at(name, {"merge keys are not supported", "write the keys out"});
    return nullptr;
  }
  Fault fault{"unknown key " + quote_key(name.text()), "keys here: " + list_of(keys(scope))};
  const Key* meant = nullptr;
  for (Scope other : neighbours(scope)) {
    if (other != scope && find(keys(other), name.text())) {
      fault.remedy = belongs_to(other);
      faults.at(name, std::move(fault));
      return nullptr;
    }
  }
  if ((meant = meant_key(scope, name.text()))) fault.remedy = fmt::format("did you mean `{}`?", meant->name);
  faults.at(name, std::move(fault));
  return meant;
}

void read_one(const Key& key, const Value& name, const Value& value, Target& target, Faults& faults) {
  if (value.kind() == NodeKind::refused) return;
  if (value.kind() == NodeKind::null) {
    const bool optional = !key.required;
    faults.at(name, {fmt::format("`{}` has no value", key.name),
                     fmt::format("write a value, as in `{}: {}`{}", key.name, key.example,
                                 optional ? ", or remove the key" : "")});
    return;
  }
  key.access.read(key, value, target, faults);
}

// One mapping's keys while it is read.
class MapReader {
 public:
  MapReader(Scope scope, const Value& map, Target& target, Faults& faults)
      : scope_(scope), table_(keys(scope)), map_(map), target_(target), faults_(faults) {}

  void read_key(const Value& name) {
    if (name.kind() == NodeKind::refused) return;
    if (name.kind() != NodeKind::scalar) {
      faults_.at(name, {"a key that is not a word", "keys here: " + list_of(table_)});
      return;
    }
    const Key* key = find(table_, name.text());
    if (!key) {
      merged_ |= name.text() == "<<";
      if (const Key* meant = report_unknown(scope_, name, faults_)) meant_[number(*meant)] = true;
      return;
    }
    Value& first = seen_[number(*key)];
    if (first) {
      const int line = map_.document().line(first.node().offset);
      faults_.at(name, {fmt::format("duplicate key `{}`", key->name),
                        fmt::format("remove one: the first is on line {}", line)});
      return;
    }
    first = name;
    read_one(*key, name, name.next(), target_, faults_);
  }

  // What is misspelt, or would come from a merge key, is not missing as well.
  void report_missing() const {
    if (merged_) return;
    // A block mapping starts where its first key does: mark that key, not its first letter.
    const bool block = !map_.empty() && map_.node().offset == map_.first().node().offset;
    for (const Key& key : table_) {
      const bool replaced = std::any_of(key.unless.begin(), key.unless.end(), [this](std::string_view name) {
        const Key* other = find(table_, name);
        return other && has(*other);
      });
      if (!key.required || has(key) || replaced) continue;
      faults_.at(block ? map_.first() : map_, {fmt::format("`{}` is missing", key.name),
                                               fmt::format("add `{}: {}`{}", key.name, key.example,
                                                           key.secret ? "; choose your own" : "")});
    }
  }

 private:
  std::size_t number(const Key& key) const { return static_cast<std::size_t>(&key - table_.data()); }
  bool has(const Key& key) const { return seen_[number(key)] || meant_[number(key)]; }

  Scope scope_;
  std::span<const Key> table_;
  Value map_;
  Target& target_;
  Faults& faults_;
  std::array<Value, kMostKeys> seen_{};
  std::array<bool, kMostKeys> meant_{};  // by a misspelt key
  bool merged_ = false;
};

}  // namespace

void read_map(Scope scope, const Value& map, Target target, Faults& faults) {
  MapReader reader(scope, map, target, faults);
  for (Value name = map.first(); name != map.stop(); name = name.next().next()) reader.read_key(name);
  reader.report_missing();
}

}  // namespace knockwork::spec
