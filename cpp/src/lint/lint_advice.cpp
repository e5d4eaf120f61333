#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lint/lint.hpp"
#include "values/lan_ports.hpp"

namespace knockwork {
namespace {

// Below 1024, what port scanners ask for first (nmap-services sorted by how often it is open).
constexpr std::array<std::uint16_t, 22> kScannedFirst{21,  22,  23,  25,  53,  80,  110, 111, 123, 135, 137,
                                                      139, 143, 161, 389, 443, 445, 500, 514, 631, 993, 995};

// A top-up is due at half of `ahead`; the timer comes once a minute, up to 10 seconds late.
constexpr Duration kLeastAhead = Duration::milliseconds(150'000);

std::string knocks_named(const std::vector<std::size_t>& steps) {
  std::string text = steps.size() == 1 ? "knock " : "knocks ";
  for (std::size_t at = 0; at < steps.size(); ++at) {
    if (at > 0) text += at + 1 == steps.size() ? " and " : ", ";
    text += std::to_string(steps[at]);
  }
  return text;
}

template <typename Test>
std::vector<std::size_t> steps_where(const Track& track, Test test) {
  std::vector<std::size_t> steps;
  for (std::size_t step = 0; step < track.edges.size(); ++step) {
    if (test(track.edges[step].knock)) steps.push_back(step + 1);
  }
  return steps;
}

bool equally_spaced(const Track& track) {
  const auto distance = [&](std::size_t step) {
    return track.edges[step].knock.port - track.edges[step - 1].knock.port;
  };
  if (track.edges.size() < 3) return false;
  for (std::size_t step = 2; step < track.edges.size(); ++step) {
    if (distance(step) != distance(1)) return false;
  }
  return true;
}

std::string span_of(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} seconds", std::max(1.0, seconds));
  if (seconds < 2 * 3600) return fmt::format("{:.0f} minutes", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{:.0f} hours", seconds / 3600);
  return fmt::format("{:.0f} days", seconds / 86400);
}

using Texts = std::vector<std::string>;

void about_length(const Track& track, Texts& texts) {
  if (track.edges.size() == 1)
    texts.push_back("a single knock: any slow sweep opens it; write three or more");
  if (track.edges.size() == 2) texts.push_back("only two knocks; write three or more");
}

void about_ports(const Track& track, const std::optional<PortRange>& ephemeral, Texts& texts) {
  for (std::size_t step = 1; step < track.edges.size(); ++step) {
    if (track.edges[step].knock != track.edges[step - 1].knock) continue;
    texts.push_back(
        fmt::format("knocks {} and {} are the same: a packet that the network duplicates counts as both",
                    step, step + 1));
  }
  const auto scanned = steps_where(track, [](const Knock& knock) {
    return std::binary_search(kScannedFirst.begin(), kScannedFirst.end(), knock.port);
  });
  if (!scanned.empty()) {
    texts.push_back(knocks_named(scanned) + (scanned.size() == 1 ? ": a port" : ": ports") +
                    " that scanners try first; choose others");
  }
  const auto lan = steps_where(track, is_lan_port);
  if (!lan.empty()) {
    texts.push_back(knocks_named(lan) + (lan.size() == 1 ? ": a port" : ": ports") +
                    " that hosts on a LAN broadcast or multicast to on their own; choose others");
  }
  if (!ephemeral) return;
  const auto given = steps_where(track, [&](const Knock& knock) {
    return knock.protocol == Protocol::udp && ephemeral->first <= knock.port && knock.port <= ephemeral->last;
  });
  if (!given.empty()) {
    texts.push_back(
        knocks_named(given) +
        ": in this host's ephemeral port range; late replies to its own traffic look like knocks");
  }
}

void about_sweeps(const Program& program, const Track& track, const Assessment& odds, Texts& texts) {
  if (track.edges.size() == 1) return;
  const char* remedy =
      program.lockout && program.guards.empty() && program.mode == Mode::gate ? "; write `guards: auto`" : "";
  if (odds.ascending) texts.push_back(fmt::format("its ports ascend: a single sweep opens it{}", remedy));
  if (odds.descending) texts.push_back(fmt::format("its ports descend: a single sweep opens it{}", remedy));
  if (odds.strides.count > 0) {
    texts.push_back(fmt::format("{}a sweep with some stride opens it; draw the ports at random",
                                equally_spaced(track) ? "its ports are equally spaced: " : ""));
  }
  if (program.lockout && odds.repeated_seconds > 0 && odds.repeated_seconds < kYear) {
    texts.push_back(fmt::format("repeated random sweeps open it in {} on average; write more knocks",
                                span_of(odds.repeated_seconds)));
  }
}

// Conntrack's own timeouts: 30 s, and 120 s for what went both ways (nf_conntrack_udp_timeout_stream).
void about_sessions(const Track& track, Texts& texts) {
  const bool udp = std::any_of(track.services.begin(), track.services.end(),
                               [](const Service& service) { return service.protocol == Protocol::udp; });
  if (!udp || track.cut || track.prolong) return;
  texts.push_back(
      "it opens a UDP service: a session that is silent for longer than conntrack remembers it (30 to 120 "
      "seconds) is closed until the next knock; write `prolong: true`, or use keepalives (WireGuard: PersistentKeepalive = "
      "25)");
}

void about_prefix(const Program& program, Texts& texts) {
  if (program.ipv4_prefix == 32) return;
  texts.push_back(
      fmt::format("`ipv4_prefix: {0}`: all hosts in a client's IPv4 /{0} share its grants and lockouts",
                  program.ipv4_prefix));
}

bool overlap(const Network& one, const Network& other) {
  return one.ipv6 == other.ipv6 && (contains(one, other) || contains(other, one));
}

// Whether no source may come by both.
bool is_disjoint(const std::vector<Network>& ones, const std::vector<Network>& others) {
  if (ones.empty() || others.empty()) return false;
  return std::none_of(ones.begin(), ones.end(), [&](const Network& one) {
    return std::any_of(others.begin(), others.end(),
                       [&](const Network& other) { return overlap(one, other); });
  });
}

// The latest grant counts: no element of nftables keeps the longer of two times.
void about_times(const Program& program, const Track& track, Texts& texts) {
  for (const Track& other : program.tracks) {
    const bool same_grants =
        other.to == track.to && other.on == track.on && other.connections == track.connections;
    if (other.open_for <= track.open_for || !same_grants || is_disjoint(other.from, track.from)) continue;
    const bool both = std::any_of(track.services.begin(), track.services.end(), [&](const Service& service) {
      return std::find(other.services.begin(), other.services.end(), service) != other.services.end();
    });
    if (!both) continue;
    texts.push_back(fmt::format(
        "{} opens the same service for {}: a knock of this sequence shortens that to {}; write the same `open_for`",
        other.name, to_string(other.open_for), to_string(track.open_for)));
    return;
  }
}

void about_guards(const Program& program, Texts& texts) {
  const auto lan = std::count_if(program.guards.begin(), program.guards.end(), is_lan_port);
  if (lan == 0) return;
  texts.push_back(fmt::format(
      "`guards` lists {} that hosts on a LAN broadcast or multicast to on their own, which locks them out; "
      "remove {}",
      lan == 1 ? "a port" : fmt::format("{} ports", lan), lan == 1 ? "it" : "them"));
}

}  // namespace

std::vector<Risk> risks(const Sequence& sequence, const Guess& guess) {
  const Token& token = *sequence.token;
  const Duration left = Duration::milliseconds(token.period.milliseconds() + token.skew.milliseconds());
  return {{"observer",
           fmt::format("an observer cannot reuse a token; one who also stops it on its way can use it once, "
                       "from {}, until its period and `skew` are over ({})",
                       sequence.from.empty() ? "any address" : "an address in `from`", to_string(left))},
          {"guesser", fmt::format("no sweep opens it; a guess is one packet: {}", one_in(guess.odds))},
          {"profile",
           fmt::format(
               "a thief of its key, which a profile holds, gets in until you {}; the key opens nothing else",
               token.key.empty() ? "raise `serial`" : "replace `key`")},
          {"host",
           fmt::format("a reader of this host's ruleset, or of a fresh copy, has the tokens of the next {}; "
                       "a reader of {} has all of them",
                       to_string(token.ahead), token.key.empty() ? "the secret file" : "the declaration")}};
}

std::optional<std::string> advice(const Token& token) {
  if (token.ahead >= kLeastAhead) return std::nullopt;
  return fmt::format(
      "`ahead: {}`: its tokens may run out before knockwork-rotate.timer, which runs once a minute, tops them up; "
      "write {} or more",
      to_string(token.ahead), to_string(kLeastAhead));
}

Texts advice(const Program& program, const Track& track, const Assessment& odds,
             const std::optional<PortRange>& ephemeral) {
  Texts texts;
  if (!track.token) {
    about_length(track, texts);
    about_ports(track, ephemeral, texts);
    about_sweeps(program, track, odds, texts);
  }
  about_guards(program, texts);
  about_sessions(track, texts);
  about_times(program, track, texts);
  about_prefix(program, texts);
  if (!program.lockout && !track.token) {
    texts.push_back("`wrong_knock: ignore`: a few fast sweeps in any order, one for each knock, open it");
  }
  return texts;
}

}  // namespace knockwork
