#include "apply/interfaces.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "knockwork/diagnostic.hpp"
#include "knockwork/words.hpp"
#include "text/utf8.hpp"
#include "text/words.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using spec::quote;

bool matches(const std::string& declared, const std::string& name) {
  if (!declared.ends_with('*')) return declared == name;
  return std::string_view(name).starts_with(std::string_view(declared).substr(0, declared.size() - 1));
}

// The names that are protected, and those that are left out, of what a declaration lists.
struct Declared {
  explicit Declared(const std::vector<std::string>& interfaces) {
    for (const std::string& each : interfaces) {
      const auto name = spec::left_out(each);
      (name ? without : names).emplace_back(name.value_or(each));
    }
  }
  std::vector<std::string> names, without;
};

bool covered(const std::vector<std::string>& declared, const std::string& name) {
  return std::any_of(declared.begin(), declared.end(),
                     [&](const std::string& each) { return matches(each, name); });
}

bool exists(const std::string& declared, const std::vector<Link>& links) {
  return std::any_of(links.begin(), links.end(),
                     [&](const Link& link) { return matches(declared, link.name); });
}

std::string real_name(std::string declared, const std::vector<Link>& links) {
  if (exists(declared, links)) return declared;
  const auto found = std::find_if(links.begin(), links.end(), [&](const Link& link) {
    return std::find(link.other_names.begin(), link.other_names.end(), declared) != link.other_names.end();
  });
  return found == links.end() ? declared : found->name;
}

std::string listed_quoted(std::vector<std::string> names) {
  for (std::string& name : names) name = quote(name);
  return listed(names);
}

std::vector<std::string> names_beside_loopback(const std::vector<Link>& links) {
  std::vector<std::string> names;
  for (const Link& link : links) {
    if (link.name != "lo") names.push_back(link.name);
  }
  return names;
}

// Two links of which one belongs to the other: whoever names the one may mean the packets that arrive on the
// other.
struct Joined {
  const std::string& named;
  const std::string& arrives;
  bool in_vrf;

  std::string relation() const {
    return fmt::format("{} {}", in_vrf ? "is the VRF of" : "belongs to", quote(arrives));
  }
  // Whether a list names the one and not the other.
  bool mistaken(const std::vector<std::string>& names) const {
    return covered(names, named) && !covered(names, arrives);
  }
};

bool is_in_vrf(const Link& link, const std::vector<Link>& links) {
  return std::any_of(links.begin(), links.end(),
                     [&](const Link& each) { return each.is_vrf && each.name == link.master; });
}

// Packets of a bridge's port arrive on the bridge, but those of a VRF's member on the member.
std::vector<Joined> joined(const std::vector<Link>& links) {
  std::vector<Joined> all;
  for (const Link& link : links) {
    if (link.master.empty()) continue;
    all.push_back(is_in_vrf(link, links) ? Joined{link.master, link.name, true}
                                         : Joined{link.name, link.master, false});
  }
  return all;
}

std::set<std::string> public_interfaces(const std::vector<PublicRule>& rules) {
  std::set<std::string> names;
  for (const PublicRule& rule : rules) {
    if (!rule.interface.empty()) names.insert(rule.interface);
  }
  return names;
}

void add_public_warnings(std::vector<std::string>& warnings, const std::string& name,
                         const std::vector<Link>& links) {
  if (!exists(name, links)) {
    warnings.push_back(fmt::format(
        "interface {} in `public` does not exist: the entry has no effect until the interface appears",
        quote(name)));
  }
  for (const Link& link : links) {
    if (link.master.empty() || !matches(name, link.name) || matches(name, link.master)) continue;
    warnings.push_back(fmt::format(
        "interface {0} in `public` belongs to {1}: its packets arrive on {1}, where the entry opens nothing. "
        "Write {1} instead",
        quote(link.name), quote(link.master)));
  }
}

void replace_by_real(std::vector<std::string>& interfaces, const std::vector<Link>& links) {
  for (std::string& name : interfaces) {
    const auto without = spec::left_out(name);
    name = without ? '!' + real_name(std::string(*without), links) : real_name(std::move(name), links);
  }
}

void add_own_warnings(std::vector<std::string>& warnings, const OwnInterfaces& own,
                      const std::vector<Link>& links) {
  const Declared split(own.interfaces);
  for (const auto& [names, then] : {std::pair(&split.names, "the sequence has no effect there"),
                                    {&split.without, "leaving it out has no effect"}}) {
    for (const std::string& name : *names) {
      if (exists(name, links)) continue;
      warnings.push_back(
          fmt::format("interface {} in the sequence {} does not exist: {} until the interface appears",
                      quote(name), own.sequence, then));
    }
    for (const Joined& each : joined(links)) {
      if (!each.mistaken(*names)) continue;
      warnings.push_back(
          fmt::format("interface {0} in the sequence {1} {2}: its packets arrive on {3}. Write {3} instead",
                      quote(each.named), own.sequence, each.relation(), quote(each.arrives)));
    }
  }
}

}  // namespace

std::vector<OwnInterfaces> own_interfaces(const std::vector<Sequence>& sequences) {
  std::vector<OwnInterfaces> all;
  for (const Sequence& sequence : sequences) {
    if (!sequence.interfaces.empty()) all.push_back({sequence.name, sequence.interfaces});
  }
  return all;
}

std::vector<std::string> interface_warnings(const std::vector<OwnInterfaces>& sequences,
                                            const std::vector<Link>& links) {
  std::vector<std::string> warnings;
  for (const OwnInterfaces& each : sequences) add_own_warnings(warnings, each, links);
  return warnings;
}

std::vector<std::string> alternative_name_warnings(const Spec& spec, const std::vector<Link>& links) {
  std::vector<std::string> names = spec.interfaces;
  for (const Sequence& sequence : spec.sequences)
    names.insert(names.end(), sequence.interfaces.begin(), sequence.interfaces.end());
  for (const PublicRule& rule : spec.public_rules) names.push_back(rule.interface);
  std::vector<std::string> warnings;
  for (std::string name : names) {
    if (const auto without = spec::left_out(name)) name = std::string(*without);
    const std::string real = real_name(name, links);
    if (name.empty() || real == name) continue;
    std::string warning = fmt::format(
        "interface {0} is an alternative name of {1}: netfilter knows only {1}, and a boot may apply the "
        "declaration before it knows the alternative one. Write {1} instead",
        quote(name), quote(real));
    if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end())
      warnings.push_back(std::move(warning));
  }
  return warnings;
}

Spec by_real_names(Spec spec, const std::vector<Link>& links) {
  replace_by_real(spec.interfaces, links);
  for (Sequence& sequence : spec.sequences) replace_by_real(sequence.interfaces, links);
  for (PublicRule& rule : spec.public_rules) {
    if (!rule.interface.empty()) rule.interface = real_name(std::move(rule.interface), links);
  }
  return spec;
}

std::vector<std::string> interface_warnings(const std::vector<std::string>& interfaces,
                                            const std::vector<PublicRule>& rules,
                                            const std::vector<Link>& links) {
  std::vector<std::string> warnings;
  const Declared split(interfaces);
  const std::vector<std::string>&declared = split.names, &without = split.without;
  for (const std::string& name : without) {
    if (exists(name, links)) continue;
    warnings.push_back(
        fmt::format("interface {} does not exist: leaving it out has no effect until the interface appears",
                    quote(name)));
  }
  for (const Joined& each : joined(links)) {
    if (!each.mistaken(without)) continue;
    warnings.push_back(
        fmt::format("interface {0} {1}: its packets arrive on {2}, which is protected. Put \"!{3}\" into "
                    "`interfaces` if you want to leave it out",
                    quote(each.named), each.relation(), quote(each.arrives), each.arrives));
  }
  for (const std::string& name : declared) {
    if (exists(name, links)) continue;
    warnings.push_back(fmt::format(
        "interface {} does not exist: nothing is protected on it until the interface appears", quote(name)));
  }
  for (const Joined& each : joined(links)) {
    if (!each.mistaken(declared)) continue;
    warnings.push_back(
        fmt::format("interface {0} {1}: its packets arrive on {2}, where {3}. Put {2} into `interfaces`",
                    quote(each.named), each.relation(), quote(each.arrives),
                    each.in_vrf ? "no knock counts" : "nothing is protected"));
  }
  for (const std::string& name : public_interfaces(rules)) add_public_warnings(warnings, name, links);
  return warnings;
}

std::string left_open(const std::vector<std::string>& interfaces, const std::vector<Link>& links) {
  const bool pattern = std::any_of(interfaces.begin(), interfaces.end(),
                                   [](const std::string& each) { return each.ends_with('*'); });
  if (!pattern) return "";
  const Declared split(interfaces);
  std::vector<std::string> open;
  for (const Link& link : links) {
    const bool is_open =
        split.without.empty() ? !covered(split.names, link.name) : covered(split.without, link.name);
    const bool arrives = link.master.empty() ? !link.is_vrf : is_in_vrf(link, links);
    if (link.name != "lo" && arrives && is_open) open.push_back(link.name);
  }
  std::sort(open.begin(), open.end(), natural_less);
  if (open.empty()) return "";
  return fmt::format(
      "`interfaces` has a pattern, which leaves {} open now: {}. The gate protects nothing there",
      open.size() == 1 ? "this interface" : "these interfaces", listed_quoted(open));
}

void refuse_if_none_exists(const std::vector<std::string>& interfaces, const std::vector<Link>& links) {
  const Declared split(interfaces);
  const std::vector<std::string>&declared = split.names, &without = split.without;
  const std::vector<std::string> here = names_beside_loopback(links);
  if (!without.empty() && !here.empty() &&
      std::all_of(here.begin(), here.end(),
                  [&](const std::string& name) { return covered(without, name); })) {
    throw SystemError(fmt::format(
        "`interfaces` leaves out every interface of this host: {}. Nothing would be protected. Correct "
        "`interfaces`, or allow it with --allow-absent (`allow_absent: true` in Ansible)",
        listed_quoted(here)));
  }
  if (declared.empty() || std::any_of(declared.begin(), declared.end(),
                                      [&](const std::string& name) { return exists(name, links); })) {
    return;
  }
  throw SystemError(fmt::format(
      "none of the declared interfaces exists: {}. Nothing would be protected. {}. Correct `interfaces`, or "
      "allow it with --allow-absent (`allow_absent: true` in Ansible)",
      listed_quoted(declared), here.empty() ? "This host has none" : "This host has " + listed_quoted(here)));
}

}  // namespace knockwork
