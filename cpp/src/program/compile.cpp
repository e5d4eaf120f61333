#include <algorithm>
#include <set>
#include <stdexcept>

#include "program/edges.hpp"
#include "program/program.hpp"
#include "values/all_ports.hpp"
#include "values/lan_ports.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

// Membership of every port of both protocols: guards ask it twice per knock.
class PortSet {
 public:
  void add(const Service& service) {
    for (std::uint32_t port = service.first; port <= service.last; ++port)
      bits(service.protocol)[port] = true;
  }
  void add(Knock knock) { bits(knock.protocol)[knock.port] = true; }
  bool has(Knock knock) const { return (knock.protocol == Protocol::tcp ? tcp_ : udp_)[knock.port]; }

 private:
  std::vector<bool>& bits(Protocol protocol) { return protocol == Protocol::tcp ? tcp_ : udp_; }
  std::vector<bool> tcp_ = std::vector<bool>(65536), udp_ = std::vector<bool>(65536);
};

template <typename T>
std::vector<T> sorted_unique(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// A network inside another adds nothing, and a set of intervals refuses
// overlaps. Sorted, a network stands right before all that it contains.
std::vector<Network> without_nested(std::vector<Network> networks) {
  std::vector<Network> kept;
  for (const Network& network : sorted_unique(std::move(networks))) {
    if (kept.empty() || !contains(kept.back(), network)) kept.push_back(network);
  }
  return kept;
}

// `eth0` beside `eth*` adds nothing, and the two would overlap in a set. Sorted by their beginnings, a
// wildcard stands right before all that it covers.
std::vector<std::string> without_covered(std::vector<std::string> names) {
  const auto beginning = [](const std::string& name) {
    return std::string_view(name).substr(0, name.size() - (name.ends_with('*') ? 1 : 0));
  };
  std::sort(names.begin(), names.end(), [&](const std::string& left, const std::string& right) {
    return std::make_pair(beginning(left), !left.ends_with('*')) <
           std::make_pair(beginning(right), !right.ends_with('*'));
  });
  std::vector<std::string> kept;
  for (std::string& name : names) {
    const bool covered =
        !kept.empty() &&
        (kept.back() == name || (kept.back().ends_with('*') && name.starts_with(beginning(kept.back()))));
    if (!covered) kept.push_back(std::move(name));
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

// The names of a list that are meant, or with `!` those that are not.
std::vector<std::string> fewest_interfaces(const std::vector<std::string>& interfaces) {
  std::vector<std::string> names, without;
  for (const std::string& interface : interfaces) {
    const auto name = spec::left_out(interface);
    (name ? without : names).emplace_back(name.value_or(interface));
  }
  names = without_covered(std::move(names));
  for (const std::string& name : without_covered(std::move(without))) names.push_back('!' + name);
  return names;
}

std::vector<PublicRule> compile_rules(std::vector<PublicRule> rules) {
  for (PublicRule& rule : rules) rule.from = without_nested(std::move(rule.from));
  return sorted_unique(std::move(rules));
}

// Ranges that overlap become one: the intervals of a map must not.
std::vector<Service> merged(std::vector<Service> services) {
  std::vector<Service> apart;
  for (const Service& service : sorted_unique(std::move(services))) {
    if (!apart.empty() && apart.back().protocol == service.protocol && service.first <= apart.back().last) {
      apart.back().last = std::max(apart.back().last, service.last);
    } else {
      apart.push_back(service);
    }
  }
  return apart;
}

// The neighbours of every knock port: what a sweep in either direction meets
// just before or just after it, but none that a LAN talks to by itself.
std::vector<Knock> automatic_guards(const std::vector<Knock>& knocks) {
  std::vector<Knock> guards;
  for (const Knock& knock : knocks) {
    if (knock.port > 1) guards.push_back({knock.protocol, static_cast<std::uint16_t>(knock.port - 1)});
    if (knock.port < 65535) guards.push_back({knock.protocol, static_cast<std::uint16_t>(knock.port + 1)});
  }
  std::erase_if(guards, is_lan_port);
  return guards;
}

std::vector<Knock> resolve_guards(const Spec& spec, const Program& program) {
  if (!program.lockout || spec.guards.kind == Guards::Kind::none) return {};
  const std::vector<Knock> knocks = knock_ports(program);
  PortSet taken;
  for (const Knock& knock : knocks) taken.add(knock);
  for (const Knock& port : token_ports(program)) taken.add(port);
  for (const Track& track : program.tracks) {
    for (const Service& service : track.services) {
      if (!is_all_ports(service)) taken.add(service);  // it leaves guards out
    }
  }
  for (const Service& service : program.public_services) taken.add(service);
  for (const PublicRule& rule : program.public_rules) {
    if (rule.service) taken.add(*rule.service);
  }
  std::vector<Knock> guards =
      spec.guards.kind == Guards::Kind::listed ? spec.guards.ports : automatic_guards(knocks);
  std::erase_if(guards, [&](const Knock& guard) { return taken.has(guard); });
  return sorted_unique(std::move(guards));
}

// The sequence of that name, or all of its epochs.
std::vector<std::string> names_of(const std::vector<Sequence>& sequences, const std::string& name) {
  std::vector<std::string> names;
  for (const Sequence& sequence : sequences) {
    if (sequence.name == name || sequence.name.starts_with(name + '#')) names.push_back(sequence.name);
  }
  return names;
}

std::vector<Track> compile_tracks(std::vector<Sequence> sequences) {
  std::sort(sequences.begin(), sequences.end(),
            [](const Sequence& left, const Sequence& right) { return left.name < right.name; });
  const std::vector<std::vector<EdgeId>> numbers = number_edges(sequences);
  std::vector<Track> tracks;
  tracks.reserve(sequences.size());
  for (std::size_t at = 0; at < sequences.size(); ++at) {
    const Sequence& sequence = sequences[at];
    if (sequence.knock.empty() && !sequence.token)
      throw std::logic_error("compile: a sequence without knocks");
    Track& track = tracks.emplace_back();
    track.name = sequence.name;
    track.services = sorted_unique(sequence.opens);
    track.token = sequence.token.has_value();
    if (track.token) track.edges.push_back({numbers[at].front(), sequence.token->port});
    track.step_timeout = sequence.step_timeout;
    if (sequence.closes.empty()) track.open_for = sequence.open_for;
    if (sequence.knock.size() > 1) track.sequence_timeout = sequence.sequence_timeout;
    track.from = without_nested(sequence.from);
    track.to = fewest(sequence.to);
    track.on = fewest_interfaces(sequence.interfaces);
    track.connections = sequence.connections;
    track.once = sequence.once;
    track.prolong = sequence.prolong;
    track.cut = sequence.on_expiry == OnExpiry::cut;
    for (std::size_t step = 0; step < sequence.knock.size(); ++step) {
      track.edges.push_back({numbers[at][step], sequence.knock[step]});
    }
  }
  for (std::size_t at = 0; at < sequences.size(); ++at) {
    if (!sequences[at].closes.empty()) tracks[at].closes = names_of(sequences, sequences[at].closes);
  }
  return tracks;
}

}  // namespace

// Two halves that are both there are the whole: as few networks as cover the same addresses.
std::vector<Network> fewest(std::vector<Network> networks) {
  for (networks = without_nested(std::move(networks));;) {
    const auto half =
        std::adjacent_find(networks.begin(), networks.end(), [](const Network& left, const Network& right) {
          return left.ipv6 == right.ipv6 && left.prefix == right.prefix && left.prefix > 0 &&
                 widened(left, left.prefix - 1) == widened(right, right.prefix - 1);
        });
    if (half == networks.end()) return networks;
    networks.push_back(widened(*half, half->prefix - 1));
    networks = without_nested(std::move(networks));
  }
}

Duration token_memory(const Token& token) {
  constexpr std::int64_t kLeast = 30LL * 60 * 1000;
  const std::int64_t life =
      token.ahead.milliseconds() + token.skew.milliseconds() + token.period.milliseconds();
  return Duration::milliseconds(std::max(kLeast, 2 * life));
}

namespace {

Duration longest_token_memory(const Spec& spec) {
  Duration longest;
  for (const Sequence& sequence : spec.sequences) {
    if (sequence.token) longest = std::max(longest, token_memory(*sequence.token));
  }
  return longest;
}

}  // namespace

Program compile(const Spec& spec) {
  Program program;
  program.mode = spec.mode;
  program.reject =
      spec.refuse == Refuse::reject || (spec.refuse == Refuse::automatic && spec.mode == Mode::gate);
  program.public_services = merged(spec.public_services);
  program.public_rules = compile_rules(spec.public_rules);
  program.ping = spec.ping;
  for (const std::string& interface : spec.interfaces) {
    const auto name = spec::left_out(interface);
    (name ? program.left_out : program.interfaces).emplace_back(name.value_or(interface));
  }
  program.interfaces = without_covered(std::move(program.interfaces));
  program.left_out = without_covered(std::move(program.left_out));
  program.always_allow = without_nested(spec.always_allow);
  program.lockout = spec.wrong_knock == WrongKnock::lockout;
  program.lockout_time = spec.lockout;
  program.ipv4_prefix = spec.ipv4_prefix;
  program.ipv6_prefix = spec.ipv6_prefix;
  program.sources = spec.sources;
  program.log = spec.log;
  program.tracks = compile_tracks(spec.sequences);
  program.token_memory = longest_token_memory(spec);
  program.guards = resolve_guards(spec, program);
  return program;
}

bool has_tokens(const Program& program) {
  return std::any_of(program.tracks.begin(), program.tracks.end(),
                     [](const Track& track) { return track.token; });
}

namespace {

enum class PortsOf { knocks, tokens };

std::vector<Knock> ports_for(PortsOf what, const Program& program) {
  std::vector<Knock> ports;
  for (const Track& track : program.tracks) {
    if (track.token != (what == PortsOf::tokens)) continue;
    for (const Edge& edge : track.edges) ports.push_back(edge.knock);
  }
  return sorted_unique(std::move(ports));
}

}  // namespace

std::vector<Knock> knock_ports(const Program& program) { return ports_for(PortsOf::knocks, program); }
std::vector<Knock> token_ports(const Program& program) { return ports_for(PortsOf::tokens, program); }

bool has_sequence_timeouts(const Program& program) {
  return std::any_of(program.tracks.begin(), program.tracks.end(),
                     [](const Track& track) { return track.sequence_timeout.has_value(); });
}

std::vector<const Track*> closed_by(const Program& program, const Track& track) {
  std::vector<const Track*> closed;
  for (const Track& other : program.tracks) {
    if (std::binary_search(track.closes.begin(), track.closes.end(), other.name)) closed.push_back(&other);
  }
  return closed;
}

std::vector<std::string> declared_interfaces(const Program& program) {
  std::vector<std::string> names = program.interfaces;
  for (const std::string& name : program.left_out) names.push_back('!' + name);
  return names;
}

bool has_once(const Program& program) {
  return std::any_of(program.tracks.begin(), program.tracks.end(),
                     [](const Track& track) { return track.once; });
}

bool has_connections(const Program& program) {
  return std::any_of(program.tracks.begin(), program.tracks.end(),
                     [](const Track& track) { return track.connections > 0; });
}

bool has_prolong(const Program& program) {
  return std::any_of(program.tracks.begin(), program.tracks.end(),
                     [](const Track& track) { return track.prolong; });
}

Duration renewal_pause(Duration open_for) {
  constexpr std::int64_t kLeast = 100;  // the steps of Duration
  return Duration::milliseconds(std::max(kLeast, open_for.milliseconds() / 10 / kLeast * kLeast));
}

Duration renewed_for(Duration open_for) {
  return Duration::milliseconds(open_for.milliseconds() + renewal_pause(open_for).milliseconds());
}

Duration excused_for(const Program& program) {
  Duration longest = Duration::milliseconds(8000);
  for (const Track& track : program.tracks) {
    if (longest < track.step_timeout) longest = track.step_timeout;  // asked for once per track
  }
  return longest;
}

int lockout_prefix(const Program& program) { return std::min(64, program.ipv6_prefix); }

Door door_of(const Track& track, const Service& service) {
  return {track.to, service,           track.cut,
          track.on, track.connections, track.connections > 0 ? track.services : std::vector<Service>{}};
}

std::vector<Door> remote_doors(const Program& program) {
  std::vector<Door> doors;
  for (const Track& track : program.tracks) {
    if (track.to.empty()) continue;
    for (const Service& service : track.services) doors.push_back(door_of(track, service));
  }
  return sorted_unique(std::move(doors));
}

bool is_conditional(const Track& track) { return !track.on.empty() || track.connections > 0; }

std::vector<Door> conditional_doors(const Program& program) {
  std::vector<Door> doors;
  for (const Track& track : program.tracks) {
    if (!track.to.empty() || !is_conditional(track)) continue;
    for (const Service& service : track.services) doors.push_back(door_of(track, service));
  }
  return sorted_unique(std::move(doors));
}

bool is_on(const std::vector<std::string>& interfaces, const std::string& name) {
  if (interfaces.empty()) return true;
  const auto fits = [&](std::string_view pattern) {
    return pattern.ends_with('*') ? std::string_view(name).starts_with(pattern.substr(0, pattern.size() - 1))
                                  : pattern == name;
  };
  const bool without = spec::left_out(interfaces.front()).has_value();
  return std::any_of(interfaces.begin(), interfaces.end(), [&](const std::string& each) {
           return fits(spec::left_out(each).value_or(each));
         }) != without;
}

namespace {

template <typename Wanted>
std::vector<Service> services_here(const Program& program, Wanted wanted) {
  std::vector<Service> services;
  for (const Track& track : program.tracks) {
    if (!track.to.empty() || !wanted(track)) continue;
    services.insert(services.end(), track.services.begin(), track.services.end());
  }
  return sorted_unique(std::move(services));
}

}  // namespace

std::vector<Service> protected_services(const Program& program) {
  return services_here(program, [](const Track&) { return true; });
}

std::vector<Knock> closed_ports(const Program& program) {
  std::set<Protocol> all;
  for (const Service& service : protected_services(program)) {
    if (is_all_ports(service)) all.insert(service.protocol);
  }
  if (all.empty()) return {};
  std::vector<Knock> ports = knock_ports(program);
  for (const Knock& port : token_ports(program)) ports.push_back(port);
  for (const Knock& guard : program.guards) ports.push_back(guard);
  if (program.mode == Mode::gate) ports.push_back({Protocol::tcp, kClosedPort});
  std::erase_if(ports, [&](const Knock& port) { return !all.contains(port.protocol); });
  return sorted_unique(std::move(ports));
}

std::vector<Service> cut_services(const Program& program) {
  return services_here(program, [](const Track& track) { return track.cut; });
}

namespace {

std::string dump(const Track& track) {
  std::string text =
      "sequence " + track.name + ": " + (track.token ? "token" : "step " + to_string(track.step_timeout));
  if (track.closes.empty()) text += ", open for " + to_string(track.open_for);
  for (const std::string& name : track.closes) text += ", closes " + name;
  if (track.sequence_timeout) text += ", all within " + to_string(*track.sequence_timeout);
  for (const Network& network : track.from) text += ", from " + to_string(network);
  for (const Network& network : track.to) text += ", to " + to_string(network);
  for (const std::string& interface : track.on) text += ", on " + interface;
  if (track.connections > 0) text += ", connections " + std::to_string(track.connections);
  if (track.once) text += ", once";
  if (track.prolong) text += ", prolong";
  if (track.cut) text += ", cut";
  text += '\n';
  for (const Edge& edge : track.edges) {
    text += "  edge " + std::to_string(edge.id) + ": " + to_string(edge.knock) + '\n';
  }
  for (const Service& service : track.services) text += "  grants " + to_string(service) + '\n';
  return text;
}

std::string dump(const PublicRule& rule) {
  std::string text = "public " + to_string(rule);
  if (!rule.interface.empty()) text += ", on " + rule.interface;
  for (const Network& network : rule.from) text += ", from " + to_string(network);
  return text + '\n';
}

}  // namespace

std::string dump(const Program& program) {
  std::string text = std::string("mode ") + (program.mode == Mode::gate ? "gate" : "stealth") +
                     ", refuse by " + (program.reject ? "reject" : "drop") + ", room for " +
                     std::to_string(program.sources) + " sources";
  if (program.ipv4_prefix != 32) text += " by /" + std::to_string(program.ipv4_prefix) + " of IPv4";
  if (program.ipv6_prefix != 128) text += " by /" + std::to_string(program.ipv6_prefix);
  text += '\n';
  text += program.lockout ? "wrong knock: lockout for " + to_string(program.lockout_time) + '\n'
                          : "wrong knock: ignored\n";
  for (const Track& track : program.tracks) text += dump(track);
  for (const Knock& guard : program.guards) text += "guard " + to_string(guard) + '\n';
  for (const Service& service : program.public_services) text += "public " + to_string(service) + '\n';
  for (const PublicRule& rule : program.public_rules) text += dump(rule);
  if (program.mode == Mode::stealth && !program.ping) text += "no ping\n";
  if (program.log != Log::none) text += program.log == Log::all ? "log all\n" : "log grants\n";
  for (const std::string& interface : declared_interfaces(program)) text += "interface " + interface + '\n';
  for (const Network& network : program.always_allow) text += "always allow " + to_string(network) + '\n';
  return text;
}

}  // namespace knockwork
