// Spec and what it is made of: durations as timedelta, networks as ipaddress
// has them, enumerations as the words of the declaration.

#include "knockwork/spec.hpp"

#include <algorithm>

#include "bind.hpp"
#include "knockwork/fields.hpp"
#include "value.hpp"

namespace kw = knockwork;

namespace {

const char* word(kw::Protocol protocol) { return protocol == kw::Protocol::tcp ? "tcp" : "udp"; }

// A field as Python has it; None where nothing is declared.
struct ToPython {
  py::object operator()(std::monostate) const { return py::none(); }
  py::object operator()(std::string_view text) const { return py::str(text.data(), text.size()); }
  py::object operator()(const std::string& text) const { return py::str(text); }
  py::object operator()(kw::ChosenWord chosen) const { return (*this)(chosen.text); }
  py::object operator()(kw::Duration duration) const {
    return py::cast(std::chrono::milliseconds(duration.milliseconds()));
  }
  py::object operator()(kw::PortRange range) const { return py::make_tuple(range.first, range.last); }
  py::object operator()(kw::Protocol protocol) const { return py::str(word(protocol)); }
  py::object operator()(const kw::Derivation* derivation) const { return py::cast(*derivation); }
  py::object operator()(const kw::Token* token) const { return py::cast(*token); }
  py::object operator()(kw::Knock knock) const { return py::cast(knock); }
  py::object operator()(const kw::PublicRule* rule) const { return py::cast(*rule); }
  py::object operator()(kw::Publics publics) const { return (*this)(publics.services); }

  py::object operator()(const kw::Guards* guards) const {
    if (guards->kind == kw::Guards::Kind::listed) return (*this)(&guards->ports);
    return py::str(guards->kind == kw::Guards::Kind::none ? "none" : "auto");
  }

  py::object operator()(const std::vector<kw::Network>* networks) const {
    const py::object parse = py::module_::import("ipaddress").attr("ip_network");
    return to_tuple(*networks,
                    [&](const kw::Network& network) -> py::object { return parse(to_string(network)); });
  }

  template <typename T>
  py::object operator()(const std::vector<T>* values) const {
    return to_tuple(*values, *this);
  }

  template <typename T>
  py::object operator()(const T& value) const {
    return py::cast(value);
  }
};

// The value of the table's key at that place.
template <typename Part>
auto field_at(std::size_t place) {
  return [place](const Part& part) { return std::visit(ToPython(), kw::fields(part)[place].value); };
}

// A property for each key of the table but those that are bound by hand.
template <typename Part>
void add_keys(Value<Part>& value, std::initializer_list<std::string_view> by_hand) {
  const std::vector<kw::Field> keys = kw::fields(Part{});
  for (std::size_t place = 0; place < keys.size(); ++place) {
    const kw::Field& key = keys[place];
    if (std::find(by_hand.begin(), by_hand.end(), key.name) != by_hand.end()) continue;
    const std::string name = key.name == "from" ? "from_" : std::string(key.name);  // a keyword of Python's
    if (key.hidden) {
      value.hidden(name.c_str(), field_at<Part>(place));
    } else {
      value.shown(name.c_str(), field_at<Part>(place));
    }
  }
}

py::object number(std::optional<std::uint8_t> value) {
  return value ? py::int_(int{*value}) : py::object(py::none());
}

void bind_parts(py::module_& module) {
  Value<kw::Knock>(module, "Knock", "One packet to one closed port.")
      .hidden("protocol", [](const kw::Knock& k) { return word(k.protocol); })
      .hidden("port", [](const kw::Knock& k) { return k.port; })
      .finish();
  Value<kw::Service>(module, "Service",
                     "What a completed sequence opens: a port, or the ports first to last.")
      .hidden("protocol", [](const kw::Service& s) { return word(s.protocol); })
      .hidden("first", [](const kw::Service& s) { return s.first; })
      .hidden("last", [](const kw::Service& s) { return s.last; })
      .finish();
  using P = kw::PublicRule;
  Value<P> rule(module, "PublicRule", "An entry of `public`: a service with conditions, or a protocol.");
  rule.hidden("service", [](const P& p) { return p.service ? py::cast(*p.service) : py::object(py::none()); })
      .shown("protocol", [](const P& p) { return number(p.protocol); })
      .shown("icmp_type", [](const P& p) { return number(p.icmp_type); });
  add_keys(rule, {"service"});
  rule.finish();
}

template <typename Part>
Value<Part> declared(py::module_& module, const char* name, const char* doc) {
  Value<Part> value(module, name, doc);
  add_keys(value, {"knockwork"});
  return value;
}

}  // namespace

void bind_spec(py::module_& module) {
  bind_parts(module);
  declared<kw::Derivation>(module, "Derivation", "How a sequence is derived from a secret.").finish();
  declared<kw::Token>(module, "Token", "How a sequence's tokens are derived from a secret.").finish();
  declared<kw::Sequence>(module, "Sequence",
                         "A name, an ordered list of knocks, and the services that they open.")
      .finish();
  declared<kw::Spec>(module, "Spec", "A valid declaration.")
      .hidden("public_rules", [](const kw::Spec& spec) { return to_tuple(spec.public_rules); })
      .finish();
}
