#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "machine/machine.hpp"

namespace knockwork {
namespace {

// "59.2s": what is left of a grant knows no steps of 100 ms.
std::string in_seconds(Instant time) {
  std::string text = fmt::format("{}.{:03}", time.count() / 1000, time.count() % 1000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + 's';
}

std::string listed(const std::vector<Service>& services) {
  std::string text;
  for (const Service& service : services) text += (text.empty() ? "" : ", ") + to_string(service);
  return text;
}

std::string at(const std::vector<Network>& networks) {
  std::string text;
  for (const Network& network : networks) text += (text.empty() ? " at " : ", ") + to_string(network);
  return text;
}

std::string of_token(const Track& track, const Fired& fired, const std::string& opens) {
  if (fired.spent) return "the sequence is spent, and its grant still lives: no effect";
  if (!fired.noted) return "set full, not everything opens; send another token later";
  return opens + (track.once ? ", and the sequence is spent" : "");
}

// Why a token that was used up opened nothing.
std::string burnt(const Program& program, const Packet& packet) {
  const auto track = std::find_if(program.tracks.begin(), program.tracks.end(), [&](const Track& one) {
    return packet.token && one.name == packet.token->sequence;
  });
  if (track == program.tracks.end()) return {};
  const bool strange = !track->from.empty() &&
                       std::none_of(track->from.begin(), track->from.end(),
                                    [&](const Network& network) { return contains(network, packet.source); });
  const bool elsewhere = !packet.interface.empty() && !is_on(track->on, packet.interface);
  return fmt::format("token of {}: used up, but opens nothing: {}", track->name,
                     elsewhere ? "the interface is not in `interfaces`"
                     : strange ? "the source is not in `from`"
                               : "the sequence is spent");
}

std::string describe(const Program& program, const Fired& fired) {
  const Track& track = program.tracks[fired.track];
  std::string opens =
      fmt::format("opens {}{} for {}{}", listed(track.services), at(track.to), to_string(track.open_for),
                  track.connections > 0
                      ? fmt::format(", {} connection{}", track.connections, track.connections == 1 ? "" : "s")
                      : "");
  if (!track.closes.empty()) opens = fmt::format("closes {}", fmt::join(track.closes, ", "));
  if (track.token) return fmt::format("token of {}: {}", track.name, of_token(track, fired, opens));
  const std::string knock =
      fmt::format("knock {0} of {1} ({0}/{2}): ", fired.step + 1, track.name, track.edges.size());
  if (fired.spent) return knock + "a duplicate of the knock that spent it, no effect";
  if (fired.step + 1 < track.edges.size()) {
    return knock + (fired.noted ? "next within " + to_string(track.step_timeout)
                                : "set full, the next knock is not expected; knock again later");
  }
  return knock + (fired.noted ? opens + (track.once ? ", and is spent" : "")
                              : "set full, not all grants fit; knock again later");
}

std::string describe(const Program& program, const std::vector<Fired>& all) {
  std::string text;
  for (const Fired& fired : all) text += (text.empty() ? "" : "; ") + describe(program, fired);
  return text;
}

std::string consequence(const Program& program, const Packet& packet, Lockout locked) {
  const std::string time = to_string(program.lockout_time);
  switch (locked) {
    case Lockout::none:
      return program.lockout ? "lockout set full" : "ignored";
    case Lockout::source:
      return "locked out for " + time;
    case Lockout::family:
      return fmt::format("lockout set full, so every IPv{} source is locked out for {}",
                         packet.source.ipv6 ? 6 : 4, time);
  }
  return {};
}

std::string no_knock(const Packet& packet) {
  const std::string kind = packet.token ? "the token does not count: " : "not a knock: ";
  if (packet.destination != DestinationType::local)
    return kind + "the destination is not an address of this host only";
  return packet.conntrack == Conntrack::invalid
             ? kind + "invalid for conntrack"
             : kind + "for TCP, only a SYN without ACK, FIN and RST counts";
}

}  // namespace

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed_on:
      return "passed on";
    case Verdict::refused_by_reject:
      return "rejected";
    case Verdict::dropped:
      return "dropped";
    case Verdict::accepted:
      return "accepted";
  }
  return {};
}

namespace {

std::string reason(const Program& program, const Packet& packet, const Outcome& outcome) {
  const auto wrong = [&](const char* what) {
    return fmt::format("{}: {}", what, consequence(program, packet, outcome.locked));
  };
  switch (outcome.reason) {
    case Reason::loopback:
      return "from this host itself";
    case Reason::unlisted:
      return "on an interface where nothing is protected";
    case Reason::routed:
      return "routed, not for this host";
    case Reason::always_allowed:
      return "the source is in always_allow";
    case Reason::established:
      return "part of an established connection, or related to one";
    case Reason::needed_by_ipv6:
      return "required by IPv6";
    case Reason::portless:
      return program.mode == Mode::gate ? "neither TCP nor UDP"
                                        : "neither TCP nor UDP: dropped in stealth mode";
    case Reason::ping:
      return "an echo request: answered in stealth mode unless `ping: no`";
    case Reason::granted:
      return "granted, for another " + in_seconds(outcome.left);
    case Reason::ended:
      return "part of a connection that ended with its grant (on_expiry: cut)";
    case Reason::underway:
      return program.mode == Mode::gate ? "not part of a known connection: answered as at a closed port"
                                        : "not part of a known connection: dropped";
    case Reason::odd:
      return "flags that no stack sends: dropped at every port, open or closed";
    case Reason::not_granted:
      return "protected, and the source has no grant";
    case Reason::public_service:
      return "public";
    case Reason::no_port_of_ours:
      return program.mode == Mode::gate ? "not a port in the declaration"
                                        : "not open: dropped in stealth mode";
    case Reason::no_knock:
      return no_knock(packet);
    case Reason::knock:
    case Reason::token:
      return describe(program, outcome.fired);
    case Reason::used_token:
      return "a token that was used before: opens nothing";
    case Reason::burnt_token:
      return burnt(program, packet);
    case Reason::no_token:
      return "no token that the host accepts: opens nothing, and is not wrong";
    case Reason::excused:
      return "a late copy of a correct knock, or in order after one that a lockout ignored: not wrong";
    case Reason::out_of_turn:
      return wrong("wrong, a knock out of order");
    case Reason::guard:
      return wrong("wrong, a guard port");
    case Reason::stray:
      return wrong("wrong, a port that is closed in stealth mode");
    case Reason::locked_out:
      if (!outcome.wrong)
        return "the source is locked out: the knock is in order, so not wrong, but opens nothing";
      return wrong("the source is locked out, knocks have no effect");
  }
  return {};
}

}  // namespace

std::string why(const Program& program, const Packet& packet, const Outcome& outcome) {
  std::string text = reason(program, packet, outcome);
  for (const std::size_t at : outcome.renewed) {
    const Track& track = program.tracks[at];
    text +=
        fmt::format("; renews the grant of {} for {}", track.name, to_string(renewed_for(track.open_for)));
  }
  return text;
}

}  // namespace knockwork
