// How the value of a key is read out of a declaration: the other half of readers.hpp.
#pragma once

#include <type_traits>

#include "spec/keys.hpp"
#include "spec/readers.hpp"

namespace knockwork::spec {

// Of these, the one that the key's mapping is read into.
struct Origin {
  const Spec* spec = nullptr;
  const Sequence* sequence = nullptr;
  const Derivation* derivation = nullptr;
  const PublicRule* rule = nullptr;
  const Token* token = nullptr;
};

template <typename Value>
const Value& member_of(const Origin& origin, Value Spec::*member) {
  return origin.spec->*member;
}
template <typename Value>
const Value& member_of(const Origin& origin, Value Sequence::*member) {
  return origin.sequence->*member;
}
template <typename Value>
const Value& member_of(const Origin& origin, Value Derivation::*member) {
  return origin.derivation->*member;
}
template <typename Value>
const Value& member_of(const Origin& origin, Value PublicRule::*member) {
  return origin.rule->*member;
}

template <typename Value>
const Value& member_of(const Origin& origin, Value Token::*member) {
  return origin.token->*member;
}

template <typename Value>
FieldValue field_value(const Key& key, const Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    return ChosenWord{key.choices[static_cast<std::size_t>(value)]};
  } else if constexpr (std::is_same_v<Value, bool> || std::is_same_v<Value, Duration> ||
                       std::is_same_v<Value, PortRange> || std::is_same_v<Value, Knock>) {
    return value;
  } else if constexpr (std::is_integral_v<Value>) {
    return static_cast<std::uint64_t>(value);
  } else if constexpr (std::is_same_v<Value, std::string>) {
    return std::string_view(value);
  } else {
    return &value;
  }
}

template <typename Value>
FieldValue field_value(const Key& key, const std::optional<Value>& value) {
  return value ? field_value(key, *value) : FieldValue{};
}

template <auto member>
FieldValue value_of(const Key& key, const Origin& origin) {
  return field_value(key, member_of(origin, member));
}

// Of a member that says nothing where it is as at first.
template <auto member>
FieldValue value_if_any(const Key& key, const Origin& origin) {
  const auto& value = member_of(origin, member);
  return value == std::remove_cvref_t<decltype(value)>{} ? FieldValue{} : field_value(key, value);
}

// Both halves at once, for keys with nothing special to them.
template <auto member, auto parse>
inline constexpr Access kScalar{read_scalar<member, parse>, value_of<member>};
template <auto member, auto parse>
inline constexpr Access kScalarIfAny{read_scalar<member, parse>, value_if_any<member>};
template <auto member>
inline constexpr Access kChoice{read_choice<member>, value_of<member>};
template <auto member>
inline constexpr Access kInteger{read_integer<member>, value_of<member>};
template <auto member, auto parse>
inline constexpr Access kList{read_list<member, parse>, value_of<member>};
template <auto member>
inline constexpr Access kNetworks{read_networks<member>, value_of<member>};

}  // namespace knockwork::spec
