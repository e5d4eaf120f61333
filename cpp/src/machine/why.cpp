#include <fmt/format.h>

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

std::string describe(const Program& program, const Fired& fired) {
  const Track& track = program.tracks[fired.track];
  const std::string knock =
      fmt::format("knock {0} of {1} ({0}/{2}): ", fired.step + 1, track.name, track.edges.size());
  if (fired.spent) return knock + "a duplicate of the one that spent it, does nothing";
  if (fired.step + 1 < track.edges.size()) {
    return knock + (fired.noted ? "next within " + to_string(track.step_timeout)
                                : "no room to expect the next, knock again later");
  }
  return knock + (fired.noted ? fmt::format("opens {}{} for {}{}", listed(track.services), at(track.to),
                                            to_string(track.open_for), track.once ? ", and is spent" : "")
                              : "no room for all of its grants, knock again later");
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
      return program.lockout ? "no room to lock it out" : "ignored";
    case Lockout::source:
      return "locked out for " + time;
    case Lockout::family:
      return fmt::format("no room to lock it out, so every IPv{} source is locked out for {}",
                         packet.source.ipv6 ? 6 : 4, time);
  }
  return {};
}

std::string no_knock(const Packet& packet) {
  if (packet.destination != DestinationType::local) return "not a knock: to no address of this host alone";
  return packet.conntrack == Conntrack::invalid
             ? "not a knock: conntrack calls it invalid"
             : "not a knock: of TCP only a SYN counts, without ACK, FIN and RST";
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

std::string why(const Program& program, const Packet& packet, const Outcome& outcome) {
  const auto wrong = [&](const char* what) {
    return fmt::format("{}: {}", what, consequence(program, packet, outcome.locked));
  };
  switch (outcome.reason) {
    case Reason::loopback:
      return "from this host itself";
    case Reason::unlisted:
      return "by an interface on which nothing is protected";
    case Reason::routed:
      return "routed, not for this host";
    case Reason::always_allowed:
      return "the source is in always_allow";
    case Reason::established:
      return "of an established connection, or related to one";
    case Reason::needed_by_ipv6:
      return "IPv6 cannot live without it";
    case Reason::portless:
      return program.mode == Mode::gate ? "neither TCP nor UDP" : "neither TCP nor UDP: stealth drops it";
    case Reason::ping:
      return "an echo request: stealth answers it unless `ping: no`";
    case Reason::granted:
      return "granted, for another " + in_seconds(outcome.left);
    case Reason::ended:
      return "of a connection that ended with its grant (on_expiry: cut)";
    case Reason::underway:
      return program.mode == Mode::gate
                 ? "of no connection that this host knows: answered as at a closed port"
                 : "of no connection that this host knows: dropped";
    case Reason::odd:
      return "flags that no stack sends: dropped at every port, open or closed";
    case Reason::not_granted:
      return "protected, and the source has no grant";
    case Reason::public_service:
      return "public";
    case Reason::no_port_of_ours:
      return program.mode == Mode::gate ? "no port of ours" : "not open: stealth drops it";
    case Reason::no_knock:
      return no_knock(packet);
    case Reason::knock:
      return describe(program, outcome.fired);
    case Reason::excused:
      return "a late copy of a right knock, or in order after one that a lockout ignored: not wrong";
    case Reason::out_of_turn:
      return wrong("wrong, a knock out of turn");
    case Reason::guard:
      return wrong("wrong, a guard port");
    case Reason::stray:
      return wrong("wrong, a port that stealth closes");
    case Reason::locked_out:
      if (!outcome.wrong) return "the source is locked out: in order, so not wrong, but it opens nothing";
      return wrong("the source is locked out, knocks do nothing");
  }
  return {};
}

}  // namespace knockwork
