// The table of keys in a person's words.
#include "spec/keys.hpp"

namespace knockwork::spec {

std::vector<Key> all_keys() {
  std::vector<Key> all;
  for (Scope scope :
       {Scope::declaration, Scope::public_entry, Scope::sequence, Scope::derive, Scope::token}) {
    all.insert(all.end(), keys(scope).begin(), keys(scope).end());
  }
  return all;
}

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::declaration:
      return "declaration";
    case Scope::public_entry:
      return "public";
    case Scope::sequence:
      return "sequence";
    case Scope::derive:
      return "derive";
    case Scope::token:
      return "token";
    case Scope::profile:
      return "profile";
    case Scope::host:
      return "host";
  }
  return "";
}

std::string_view to_string(Form form) {
  switch (form) {
    case Form::version:
      return "the number 1";
    case Form::choice:
      return "a word";
    case Form::duration:
      return "a duration";
    case Form::integer:
      return "a number";
    case Form::boolean:
      return "true or false";
    case Form::name:
      return "a name";
    case Form::path:
      return "a path";
    case Form::knock:
      return "a knock";
    case Form::knocks:
      return "a list of knocks";
    case Form::services:
      return "a list of services";
    case Form::service:
      return "a service or a protocol";
    case Form::publics:
      return "a list of services, protocols and mappings";
    case Form::networks:
      return "a list of networks";
    case Form::interfaces:
      return "a list of interfaces";
    case Form::interface:
      return "an interface";
    case Form::guards:
      return "`auto`, `none` or a list of ports";
    case Form::sequences:
      return "a list of sequences";
    case Form::derivation:
    case Form::token:
      return "a mapping";
    case Form::sequence_key:
      return "a key in base64";
    case Form::host:
      return "a host's name";
    case Form::protocols:
      return "a list of protocols";
    case Form::range:
      return "a port or a range of ports";
    case Form::ranges:
      return "a list of ports and ranges";
    case Form::epochs:
      return "a list of numbers";
    case Form::address:
      return "a name or an address";
    case Form::patterns:
      return "a name or a list of names";
    case Form::hosts:
      return "a list of hosts";
  }
  return "";
}

}  // namespace knockwork::spec
