// What sequences a live ruleset holds: follows its edges from the openers on.
#include <algorithm>
#include <bit>
#include <charconv>
#include <numeric>
#include <optional>
#include <set>
#include <unordered_map>

#include "ruleset/compile/chains.hpp"
#include "ruleset/compile/rulebook.hpp"
#include "ruleset/decompile/live_doors.hpp"
#include "ruleset/log.hpp"
#include "ruleset/ruleset.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

std::optional<std::uint32_t> number(std::string_view text, int base = 10) {
  if (base == 16) text.remove_prefix(std::min<std::size_t>(2, text.size()));
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Protocol> protocol(std::string_view text) {
  if (text == "6") return Protocol::tcp;
  if (text == "17") return Protocol::udp;
  return std::nullopt;
}

// "17 . 7000"
std::optional<Knock> parse_port(std::string_view key) {
  const std::size_t dot = key.find(" . ");
  if (dot == std::string_view::npos) return std::nullopt;
  const auto proto = protocol(key.substr(0, dot));
  const auto port = number(key.substr(dot + 3));
  if (!proto || !port || *port > 65535) return std::nullopt;
  return Knock{*proto, static_cast<std::uint16_t>(*port)};
}

// `… update @granted4 { ip saddr . meta l4proto & 6 | 6 . 22 timeout 30s }`
std::optional<Service> parse_grant(std::string_view rule) {
  const std::size_t at = rule.find(" update @");
  if (at == std::string_view::npos) return std::nullopt;
  rule.remove_prefix(at + 9);
  const bool range = rule.starts_with("ranged4 ");
  if (!range && !rule.starts_with("granted4 ")) return std::nullopt;
  const std::size_t first = rule.find(" | ");
  const std::size_t second = rule.find(" . ", first + 3);
  const std::size_t end = rule.find(" timeout ");
  if (end == std::string_view::npos || second == std::string_view::npos) return std::nullopt;
  const auto proto = protocol(rule.substr(first + 3, second - first - 3));
  const auto value = number(rule.substr(second + 3, end - second - 3), range ? 16 : 10);
  if (!proto || !value) return std::nullopt;
  const auto low = static_cast<std::uint16_t>(*value & 0xffff);
  return range ? Service{*proto, static_cast<std::uint16_t>(*value >> 16), low} : Service{*proto, low, low};
}

// `… update @reached4 { ip saddr . 0x1a2b3c4d . 0x5e6f7081 timeout 30s }`: the two marks. The source may be
// masked.
std::string parse_reach(std::string_view rule) {
  constexpr std::string_view kUpdate = " update @reached4 { ip saddr", kNext = " . ";
  const std::size_t at = rule.find(kUpdate), end = rule.find(" timeout ");
  const std::size_t marks = at == std::string_view::npos ? at : rule.find(kNext, at + kUpdate.size());
  if (marks == std::string_view::npos || end == std::string_view::npos || end < marks + kNext.size())
    return {};
  return std::string(rule.substr(marks + kNext.size(), end - marks - kNext.size()));
}

struct Opening {
  Duration open_for;
  std::vector<Service> services;
  std::vector<Network> to;
  bool cut = false;
};

// "open_30s_2x_1a2b3c4d": 2.
int read_connections(std::string_view chain) {
  constexpr std::string_view kOpen = "open_";
  const std::size_t at = chain.find('_', kOpen.size()) + 1, end = chain.find("x_", at);
  if (at == 0 || end == std::string_view::npos) return 0;
  return static_cast<int>(number(chain.substr(at, end - at)).value_or(0));
}

bool is_cut(const std::vector<Service>& cut, const Service& service) {
  return std::any_of(cut.begin(), cut.end(), [&](const Service& span) {
    return span.protocol == service.protocol && span.first <= service.first && service.first <= span.last;
  });
}

Opening read_opening(const Chain& chain, const LiveDoors& doors, const std::vector<Service>& cut) {
  Opening opening;
  for (std::string_view rule : chain.rules) {
    if (const auto service = parse_grant(rule)) {
      opening.services.push_back(*service);
      opening.cut = opening.cut || is_cut(cut, *service);
    }
    if (const Door* door = doors.find(parse_reach(rule))) {
      opening.services.push_back(door->service);
      opening.to = door->to;
      opening.cut = opening.cut || door->cut || (door->to.empty() && is_cut(cut, door->service));
    }
    const std::size_t at = rule.find(" timeout ");
    if (at == std::string_view::npos || !rule.ends_with(" }")) continue;
    const auto time = parse_nft_time(rule.substr(at + 9, rule.size() - at - 11));
    if (time) opening.open_for = Duration::milliseconds(time->count());
  }
  return opening;
}

// Of `ip saddr . meta priority & 4184:accc | 4184:accc @holders4 …`: the edge.
std::string edge_of_holder(const std::string& rule) {
  const std::size_t end = rule.find(" @holders"), bar = rule.rfind(" | ", end);
  return end == std::string::npos || bar == std::string::npos ? "" : rule.substr(bar + 3, end - bar - 3);
}

// The edges whose grants use renews.
std::set<std::string> read_prolonged(const Ruleset& ruleset) {
  std::set<std::string> edges;
  for (const Chain& chain : ruleset.chains) {
    if (!chain.name.starts_with("renewal_")) continue;
    for (const std::string& rule : chain.rules) edges.insert(edge_of_holder(rule));
  }
  return edges;
}

class Decompiler {
 public:
  explicit Decompiler(const Ruleset& ruleset)
      : ruleset_(ruleset), doors_(ruleset), prolonged_(read_prolonged(ruleset)) {
    if (const Set* cut = ruleset.set("cut")) {
      for (const Element& element : cut->elements) {
        if (const auto span = parse_ports(element.key)) cut_.push_back(*span);
      }
    }
    for (const Set& set : ruleset.sets) {
      if (!set.name.starts_with("steps_")) continue;
      for (const Element& element : set.elements) {
        if (const auto knock = parse_port(element.key)) knocks_.emplace(element.value, *knock);
      }
    }
    if (const Set* dispatch = ruleset.set("dispatch")) {
      for (const Element& element : dispatch->elements) {
        const auto port = element.value == "goto token" ? parse_port(element.key) : std::nullopt;
        if (port && !token_port_) token_port_ = port;
      }
    }
    index("openers", targets_);
    index("advance", targets_);
    index("timed", targets_);
    index("next", next_);
  }

  std::vector<Track> tracks() {
    std::vector<Track> tracks;
    if (const Set* openers = ruleset_.set("openers")) {
      for (const Element& opener : openers->elements) {
        if (auto track = follow(opener.key)) tracks.push_back(std::move(*track));
      }
    }
    std::sort(tracks.begin(), tracks.end(),
              [](const Track& left, const Track& right) { return left.name < right.name; });
    return tracks;
  }

 private:
  using Index = std::unordered_map<std::string_view, const Element*>;

  void index(std::string_view name, Index& index) const {
    const Set* set = ruleset_.set(name);
    if (set == nullptr) return;
    for (const Element& element : set->elements) index.emplace(element.key, &element);
  }

  std::optional<Track> follow(std::string_view edge) {
    Track track;
    for (int step = 0; step < 64; ++step) {  // more steps than any declaration has: a loop made by hand
      const auto found = knocks_.find(edge);
      const auto target = targets_.find(edge);
      const auto id = parse_edge_key(edge);
      // No knock takes the edge: a token does, at whichever of their ports.
      track.token = found == knocks_.end() && step == 0;
      const auto knock = track.token              ? token_port_
                         : found == knocks_.end() ? std::nullopt
                                                  : std::optional(found->second);
      if (!knock || target == targets_.end() || !id) return std::nullopt;
      track.edges.push_back({*id, *knock});
      std::string_view verdict = target->second->value;
      take_on(verdict, track);
      take_from(verdict, track);
      if (verdict.starts_with("goto once_")) {
        track.once = true;
        rewritten_ = "goto " + std::string(verdict.substr(10));
        verdict = rewritten_;
      }
      if (verdict.starts_with("goto open_") || verdict.starts_with("goto close_")) {
        return finish(std::move(track), verdict.substr(5), target->second->comment);
      }
      if (!verdict.starts_with("goto within_")) return std::nullopt;
      verdict.remove_prefix(12);
      if (const std::size_t of = verdict.find("_of_"); of != std::string_view::npos) {
        const auto all = parse_nft_time(verdict.substr(of + 4));
        if (all) track.sequence_timeout = Duration::milliseconds(all->count());
        verdict = verdict.substr(0, of);
      }
      const auto time = parse_nft_time(verdict);
      const auto next = next_.find(edge);
      if (!time || next == next_.end()) return std::nullopt;
      track.step_timeout = Duration::milliseconds(time->count());
      edge = next->second->value;
    }
    return std::nullopt;
  }

  // "goto on_1a2b3c4d_within_5s": notes the interfaces and leaves "goto within_5s"; "but_" has those that are
  // not meant.
  void take_on(std::string_view& verdict, Track& track) {
    const bool without = verdict.starts_with("goto but_");
    if (!without && !verdict.starts_with("goto on_")) return;
    const std::string_view target = verdict.substr(5);
    const std::size_t digest = target.find('_') + 1, end = target.find('_', digest);
    if (end == std::string_view::npos) return;
    track.on.clear();
    if (const Set* set = ruleset_.set(target.substr(0, end))) {
      for (const Element& element : set->elements)  // in quotes
        track.on.push_back((without ? "!" : "") + element.key.substr(1, element.key.size() - 2));
    }
    std::sort(track.on.begin(), track.on.end());
    rewritten_ = "goto " + std::string(target.substr(end + 1));
    verdict = rewritten_;
  }

  // "goto from_1a2b3c4d_within_5s": notes the sources and leaves "goto within_5s".
  void take_from(std::string_view& verdict, Track& track) {
    constexpr std::string_view kPrefix = "goto from_";
    if (!verdict.starts_with(kPrefix)) return;
    const std::size_t end = verdict.find('_', kPrefix.size());
    if (end == std::string_view::npos) return;
    const std::string digest(verdict.substr(kPrefix.size(), end - kPrefix.size()));
    track.from.clear();
    for (const char family : {'4', '6'}) {
      const Set* set = ruleset_.set(std::string("from") + family + '_' + digest);
      if (set == nullptr) continue;
      for (const Element& element : set->elements) {
        if (const auto network = parse_network(element.key)) track.from.push_back(*network);
      }
    }
    std::sort(track.from.begin(), track.from.end());
    rewritten_ = "goto " + std::string(verdict.substr(end + 1));
    verdict = rewritten_;
  }

  std::optional<Track> closing(Track track, std::string_view chain_name, const std::string& comment) const {
    const Chain* chain = ruleset_.chain(std::string(chain_name));
    if (chain == nullptr) return std::nullopt;
    track.name = comment;
    std::set<std::string> names;
    for (const std::string& rule : chain->rules) {
      const auto closed = targets_.find(edge_of_holder(rule));
      if (closed != targets_.end()) names.insert(closed->second->comment);
    }
    track.closes.assign(names.begin(), names.end());
    return track;
  }

  std::optional<Track> finish(Track track, std::string_view chain_name, const std::string& comment) {
    if (chain_name.starts_with("close_")) return closing(std::move(track), chain_name, comment);
    const std::string name(chain_name);
    auto opening = openings_.find(name);
    if (opening == openings_.end()) {
      const Chain* chain = ruleset_.chain(name);
      if (chain == nullptr) return std::nullopt;
      opening = openings_.emplace(name, read_opening(*chain, doors_, cut_)).first;
    }
    track.name = comment;
    track.services = opening->second.services;
    track.open_for = opening->second.open_for;
    track.to = opening->second.to;
    track.connections = read_connections(chain_name);
    track.prolong = prolonged_.contains(edge_key(track.edges.back().id));
    track.cut = opening->second.cut;
    return track;
  }

  const Ruleset& ruleset_;
  LiveDoors doors_;
  std::set<std::string> prolonged_;  // last edges
  std::vector<Service> cut_;
  std::unordered_map<std::string_view, Knock> knocks_;
  std::optional<Knock> token_port_;  // the first
  Index targets_, next_;
  std::string rewritten_;  // what is left of a verdict
  std::unordered_map<std::string, Opening> openings_;
};

// How much of an address the rules of a protected port take for a source.
std::optional<int> prefix_of(const Ruleset& ruleset, std::string_view source, std::string_view family,
                             int whole) {
  const Chain* chain = ruleset.chain("protected");
  if (chain == nullptr) return std::nullopt;
  const std::string masked = std::string(source) + " & ";
  for (std::string_view rule : chain->rules) {
    if (rule.find("@granted" + std::string(family)) == std::string_view::npos) continue;
    if (!rule.starts_with(masked)) return whole;
    rule = rule.substr(masked.size(), rule.find(" . ") - masked.size());
    const auto mask = parse_network(rule);
    if (!mask) return std::nullopt;
    return std::accumulate(mask->bytes.begin(), mask->bytes.end(), 0,
                           [](int bits, std::uint8_t byte) { return bits + std::popcount(byte); });
  }
  return std::nullopt;
}

// What stands between two texts of a rule that begins with the first; the rule goes on after the second.
std::optional<std::string_view> cut_out(std::string_view& rule, std::string_view before,
                                        std::string_view after) {
  if (!rule.starts_with(before)) return std::nullopt;
  const std::size_t end = rule.find(after, before.size());
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view found = rule.substr(before.size(), end - before.size());
  rule.remove_prefix(end + after.size());
  return found;
}

constexpr std::string_view kPing = "icmp type echo-request accept";

std::optional<PublicRule> read_public_rule(std::string_view rule) {
  if (!rule.ends_with(" accept")) return std::nullopt;
  PublicRule read;
  if (const auto name = cut_out(rule, "iifname \"", "\" ")) read.interface = *name;
  for (const auto& [protocol, match] :
       {std::pair{Protocol::tcp, "tcp dport "}, {Protocol::udp, "udp dport "}}) {
    const auto ports = cut_out(rule, match, " ");
    const auto range = ports ? spec::parse_range(*ports) : spec::Parsed<PortRange>();
    if (ports && range) read.service = Service{protocol, range->first, range->last};
  }
  if (read.interface.empty() && !read.service) return std::nullopt;
  for (const char* family : {"ip saddr ", "ip6 saddr "}) {
    const auto source = cut_out(rule, family, " ");
    if (const auto network = source ? parse_network(*source) : std::nullopt) read.from.push_back(*network);
  }
  return rule == "accept" || !read.interface.empty() ? std::optional(read) : std::nullopt;
}

}  // namespace

std::vector<PublicRule> public_rules(const Ruleset& ruleset) {
  std::vector<PublicRule> rules;
  if (!is_stealth(ruleset)) return rules;
  for (const Chain& chain : ruleset.chains) {
    for (const std::string& rule : chain.rules) {
      if (const auto read = read_public_rule(rule)) rules.push_back(*read);
    }
  }
  std::sort(rules.begin(), rules.end());
  rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  return rules;
}

PublicEntries public_entries(const Ruleset& ruleset) {
  const Chain* input = ruleset.chain("input");
  if (!is_stealth(ruleset) || input == nullptr) return {};
  const std::vector<std::string>& rules = input->rules;
  const auto begin = std::find(rules.begin(), rules.end(), kOwnSocketOfStealth + " accept");
  const auto end = std::find_if(begin, rules.end(), [](const std::string& rule) {
    return rule == kPing || rule.starts_with("icmpv6 type { nd-neighbor-advert");
  });
  if (begin == rules.end()) return {};
  return {{begin + 1, end}, end != rules.end() && *end == kPing};
}

std::string declared_log(const Ruleset& ruleset) {
  const auto logs = [](const Chain& chain, std::string_view prefix) {
    return std::any_of(chain.rules.begin(), chain.rules.end(),
                       [&](const std::string& rule) { return rule.find(prefix) != std::string::npos; });
  };
  const auto any = [&](std::string_view chains, std::string_view prefix) {
    return std::any_of(ruleset.chains.begin(), ruleset.chains.end(), [&](const Chain& chain) {
      return chain.name.starts_with(chains) && logs(chain, prefix);
    });
  };
  return any("lockout", kLogWrong) ? "all" : any("open_", kLogGrant) ? "grants" : "none";
}

std::optional<int> ipv6_prefix(const Ruleset& ruleset) { return prefix_of(ruleset, "ip6 saddr", "6", 128); }
std::optional<int> ipv4_prefix(const Ruleset& ruleset) { return prefix_of(ruleset, "ip saddr", "4", 32); }

std::vector<Track> decompile(const Ruleset& ruleset) { return Decompiler(ruleset).tracks(); }

}  // namespace knockwork
