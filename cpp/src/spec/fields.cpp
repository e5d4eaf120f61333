#include "spec/fields.hpp"

namespace knockwork {
namespace spec {

bool holds_ports(Form form) {
  switch (form) {
    case Form::knock:
    case Form::knocks:
    case Form::services:
    case Form::service:
    case Form::publics:
    case Form::guards:
    case Form::range:
    case Form::ranges:
      return true;
    default:
      return false;
  }
}

namespace {

std::vector<Field> of(Scope scope, const Origin& origin) {
  std::vector<Field> all;
  for (const Key& key : keys(scope)) {
    const bool effective = key.effective == nullptr || key.effective(origin);
    all.push_back({key.name, key.secret || holds_ports(key.form), effective, key.client,
                   key.access.value(key, origin)});
  }
  return all;
}

}  // namespace

bool may_be_nothing(const Key& key) {
  const Spec spec;
  const Sequence sequence;
  const Derivation derivation;
  const PublicRule rule;
  const Token token;
  return std::holds_alternative<std::monostate>(
      key.access.value(key, {&spec, &sequence, &derivation, &rule, &token}));
}

}  // namespace spec

std::vector<Field> fields(const Spec& spec) {
  return spec::of(spec::Scope::declaration, {&spec, nullptr, nullptr, nullptr});
}

std::vector<Field> fields(const Sequence& sequence) {
  return spec::of(spec::Scope::sequence, {nullptr, &sequence, nullptr, nullptr});
}

std::vector<Field> fields(const Derivation& derivation) {
  return spec::of(spec::Scope::derive, {nullptr, nullptr, &derivation, nullptr});
}

std::vector<Field> fields(const PublicRule& rule) {
  return spec::of(spec::Scope::public_entry, {nullptr, nullptr, nullptr, &rule});
}

std::vector<Field> fields(const Token& token) {
  return spec::of(spec::Scope::token, {nullptr, nullptr, nullptr, nullptr, &token});
}

}  // namespace knockwork
