#include "surroundings/surroundings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "surroundings/fate.hpp"
#include "text/words.hpp"

namespace knockwork {
namespace {

using Kind = Fate::Kind;

bool covers(const std::string& pattern, const std::string& name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(std::string_view(pattern).substr(0, pattern.size() - 1));
}

std::size_t count_rules(const std::vector<OtherTable>& others) {
  std::size_t rules = 1;
  for (const OtherTable& table : others) {
    for (const OtherChain& chain : table.chains) rules += chain.rules.size();
  }
  return rules;
}

bool guards(const Program& program, const std::string& interface) {
  const auto covering = [&](const std::string& each) { return covers(each, interface); };
  return program.interfaces.empty()
             ? std::none_of(program.left_out.begin(), program.left_out.end(), covering)
             : std::any_of(program.interfaces.begin(), program.interfaces.end(), covering);
}

// One of each kind that the rules may tell apart, of those that the gate guards; "" is any other. As
// many as can be asked about in a fraction of a second.
std::vector<std::string> interfaces(const std::vector<OtherTable>& others, const Program& program) {
  const std::size_t most = std::clamp<std::size_t>(200'000 / count_rules(others), 4, 64);
  std::set<std::string> names(program.interfaces.begin(), program.interfaces.end());
  if (program.interfaces.empty()) names.insert("");
  for (const OtherTable& table : others) {
    for (const OtherChain& chain : table.chains) {
      for (const std::string& rule : chain.rules) {
        if (names.size() >= most) break;
        for (std::string& name : interfaces_in(rule)) {
          if (guards(program, name) && name != "lo") names.insert(std::move(name));
        }
      }
    }
  }
  return {names.begin(), names.end()};
}

// What strangers meet at closed ports. Where it depends on the interface, what is not an answer of
// the host itself: bridges of containers are trusted where the world is not.
Fate met(const std::vector<OtherTable>& others, const std::vector<std::string>& interfaces,
         Question question) {
  std::set<Fate> all;
  for (const std::string& interface : interfaces) {
    question.interface = interface;
    const std::set<Fate> here = fates(others, question, {Hook::input});
    if (here.size() == 1) {
      all.insert(*here.begin());
      continue;
    }
    const auto refused =
        std::find_if(here.begin(), here.end(), [](const Fate& each) { return !each.chain.empty(); });
    all.insert({Kind::unknown, "", refused->chain});
  }
  if (all.size() > 1) all.erase(Fate{});
  if (all.size() == 1) return *all.begin();
  return {Kind::unknown, "", all.begin()->chain};
}

std::optional<Answer> answer(const Fate& fate) {
  if (fate.kind == Kind::accepted) return Answer::closed;
  if (fate.kind == Kind::dropped) return Answer::drop;
  if (fate.kind != Kind::rejected) return std::nullopt;
  if (fate.with == "tcp reset") return Answer::closed;
  const std::string_view reason = std::string_view(fate.with).substr(fate.with.find(' ') + 1);
  if (reason == "port-unreachable") return Answer::unreachable;
  if (reason == "admin-prohibited") return Answer::prohibited;
  if (reason == "host-prohibited") return Answer::host_prohibited;
  return std::nullopt;
}

std::vector<Question> kinds() {
  std::vector<Question> all;
  for (const bool ipv6 : {false, true}) {
    for (const Protocol protocol : {Protocol::tcp, Protocol::udp})
      all.push_back({ipv6, protocol, "", {}, false});
  }
  return all;
}

// Where rules may begin or cease to match: between two of these, all ports fare alike.
std::set<std::uint16_t> borders(const std::vector<OtherTable>& others) {
  std::set<std::uint16_t> ports;
  for (const OtherTable& table : others) {
    for (const OtherChain& chain : table.chains) {
      for (const std::string& rule : chain.rules) {
        for (const std::uint16_t port : ports_in(rule)) {
          ports.insert(port);
          if (port < 65535) ports.insert(static_cast<std::uint16_t>(port + 1));
        }
      }
    }
  }
  return ports;
}

// One of each kind that the rules may tell apart.
std::vector<std::uint16_t> ports_of(const Service& service, const std::set<std::uint16_t>& borders) {
  std::vector<std::uint16_t> ports{service.first};
  ports.insert(ports.end(), borders.upper_bound(service.first), borders.upper_bound(service.last));
  return ports;
}

bool any_translates(const std::vector<OtherTable>& others) {
  return std::any_of(others.begin(), others.end(), [](const OtherTable& table) {
    return std::any_of(table.chains.begin(), table.chains.end(), [](const OtherChain& chain) {
      return std::any_of(chain.rules.begin(), chain.rules.end(),
                         [](const std::string& rule) { return may_translate(rule); });
    });
  });
}

// Which services other firewalls refuse to whomever it may be. Each is asked for once, and no more of them
// than a fraction of a second allows.
class Refusals {
 public:
  Refusals(const std::vector<OtherTable>& others, const std::vector<std::string>& interfaces)
      : others_(others),
        interfaces_(interfaces),
        borders_(borders(others)),
        left_(1'000'000 / (count_rules(others) * interfaces.size()) + 1) {
    // Before it is translated, a packet may have another port, and still reach the service.
    if (!any_translates(others)) here_.insert(here_.begin(), Hook::prerouting);
  }

  // The chain that refuses it; empty where somebody gets in, or where that cannot be told.
  std::string by(const Track& track, const Service& service) {
    const auto is_in = [&](bool ipv6) {
      return track.to.empty() || std::any_of(track.to.begin(), track.to.end(),
                                             [&](const Network& network) { return network.ipv6 == ipv6; });
    };
    const Asked asked{!track.to.empty(), is_in(false), is_in(true), service};
    const auto [known, fresh] = known_.try_emplace(asked);
    if (!fresh) return known->second;
    const std::vector<std::uint16_t> ports = ports_of(service, borders_);
    if (ports.size() > left_) return "";
    left_ -= ports.size();
    return known->second = refuser(asked, ports);
  }

 private:
  struct Asked {
    bool elsewhere, ipv4, ipv6;
    Service service;
    auto operator<=>(const Asked&) const = default;
  };

  std::string refuser(const Asked& asked, const std::vector<std::uint16_t>& ports) const {
    std::string chain;
    for (Question question : kinds()) {
      if (question.protocol != asked.service.protocol || !(question.ipv6 ? asked.ipv6 : asked.ipv4)) continue;
      for (const std::uint16_t port : ports) {
        question.port = port;
        question.forwarded = false;
        chain = refuser(question);
        if (asked.elsewhere && !chain.empty()) {  // `to` may name an address of this host, so both count
          question.forwarded = true;
          chain = refuser(question);
        }
        if (chain.empty()) return "";
      }
    }
    return chain;
  }

  // On every interface.
  std::string refuser(Question question) const {
    std::string chain;
    for (const std::string& interface : interfaces_) {
      question.interface = interface;
      for (const Fate& fate : fates(others_, question, question.forwarded ? there_ : here_)) {
        if (fate.kind == Kind::accepted || fate.kind == Kind::unknown) return "";
        chain = fate.chain;
      }
    }
    return chain;
  }

  const std::vector<OtherTable>& others_;
  const std::vector<std::string>& interfaces_;
  std::set<std::uint16_t> borders_;
  std::size_t left_;
  std::vector<Hook> here_{Hook::input};
  const std::vector<Hook> there_{Hook::forward};
  std::map<Asked, std::string> known_;
};

// Gate mode that refuses as closed ports do: then nothing may tell a protected port from one.
bool seems_closed(const Program& program) { return program.mode == Mode::gate && program.reject; }

// Of services that another firewall refuses to everybody.
std::vector<std::string> of_refused_services(const std::vector<OtherTable>& others, const Program& program,
                                             const std::vector<std::string>& where) {
  Refusals refusals(others, where);
  std::map<std::string, std::vector<std::string>> refused;
  for (const Track& track : program.tracks) {
    std::set<std::string> chains;
    for (const Service& service : track.services) {
      if (std::string chain = refusals.by(track, service); !chain.empty()) chains.insert(std::move(chain));
    }
    for (const std::string& chain : chains) refused[chain].push_back(track.name);
  }
  std::vector<std::string> all;
  all.reserve(refused.size());
  for (const auto& [chain, names] : refused) {
    all.push_back(fmt::format(
        "the chain {} refuses what {} opens, so a knock has no effect there: allow the service in that "
        "firewall too (docs/firewalls.md)",
        chain, listed(names)));
  }
  return all;
}

// Of chains beside which a protected port can be told from a closed one.
std::vector<std::string> of_unlike_answers(const std::vector<OtherTable>& others,
                                           const std::vector<Answered>& given,
                                           const std::vector<std::string>& where) {
  std::set<std::string> unclear;
  std::map<std::string, bool> apart;  // whether closed ports are silent there
  for (Question question : kinds()) {
    const bool is_given = std::any_of(given.begin(), given.end(), [&](const Answered& each) {
      return each.ipv6 == question.ipv6 && each.protocol == question.protocol;
    });
    if (is_given) continue;
    const Fate fate = met(others, where, question);
    if (!answer(fate)) unclear.insert(fate.chain);
    question.translated = true;  // as what the gate refuses
    const bool shows =
        question.protocol == Protocol::tcp && met(others, where, question).kind == Kind::accepted;
    if (shows && answer(fate).value_or(Answer::closed) != Answer::closed)
      apart[fate.chain] = fate.kind == Kind::dropped;
  }
  std::vector<std::string> all;
  all.reserve(apart.size() + unclear.size());
  for (const auto& [chain, silent] : apart) {
    all.push_back(fmt::format(
        "the chain {} {} closed ports, but accepts packets with a translated destination: protected ports "
        "stand out from closed ones{}",
        chain, silent ? "silences" : "rejects", silent ? ". Set `refuse: drop`" : " (docs/firewalls.md)"));
  }
  for (const std::string& chain : unclear) {
    all.push_back(fmt::format(
        "it is not clear how the chain {} answers at closed ports, so protected ports may stand out: compare "
        "them from outside, and see docs/firewalls.md",
        chain));
  }
  return all;
}

}  // namespace

std::vector<Answered> answers(const std::vector<OtherTable>& others, const Program& program) {
  std::vector<Answered> all;
  if (others.empty()) return all;
  const std::vector<std::string> where = interfaces(others, program);
  for (const Question& question : kinds()) {
    const Answer found = answer(met(others, where, question)).value_or(Answer::closed);
    if (found != Answer::closed) all.push_back({question.ipv6, question.protocol, found});
  }
  return all;
}

std::vector<Answered> imitated(const std::vector<OtherTable>& others, const Program& program) {
  std::vector<Answered> all;
  if (others.empty() || !seems_closed(program)) return all;
  const std::vector<std::string> where = interfaces(others, program);
  for (const Answered& each : answers(others, program)) {
    if (each.answer == Answer::host_prohibited) continue;
    Question question{each.ipv6, each.protocol, "", {}, false};
    const Fate closed = met(others, where, question);
    question.translated = true;
    const bool apart =
        each.protocol == Protocol::tcp ? met(others, where, question) != closed : each.answer != Answer::drop;
    if (apart) all.push_back(each);
  }
  return all;
}

std::vector<std::string> warnings(const std::vector<OtherTable>& others, const Program& program,
                                  const std::vector<Answered>& given) {
  if (others.empty()) return {};
  const std::vector<std::string> where = interfaces(others, program);
  std::vector<std::string> all = of_refused_services(others, program, where);
  if (!seems_closed(program)) return all;
  for (std::string& warning : of_unlike_answers(others, given, where)) all.push_back(std::move(warning));
  return all;
}

}  // namespace knockwork
