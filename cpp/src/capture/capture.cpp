#include "knockwork/capture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "capture/dissect.hpp"
#include "capture/libpcap.hpp"
#include "capture/tokens.hpp"
#include "host/addresses.hpp"
#include "knockwork/diagnostic.hpp"
#include "machine/asking.hpp"
#include "machine/packet.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongest = std::chrono::days(365);  // what is later has a clock that was wrong

std::set<Network> host_addresses(const std::vector<std::string>& given) {
  std::set<Network> addresses;
  for (const std::string& text : given) {
    const auto address = parse_network(text);
    if (!address || text.find('/') != std::string::npos)
      throw SystemError(fmt::format("\"{}\" is not an address: write one IPv4 or IPv6 address", text));
    addresses.insert(*address);
  }
  return given.empty() ? own_addresses() : addresses;
}

bool is_multicast(const Network& address) {
  return address.ipv6 ? address.bytes[0] == 0xff : address.bytes[0] >> 4 == 14;
}

std::string flags_of(std::uint8_t flags) {
  constexpr std::pair<std::uint8_t, std::string_view> kFlags[] = {
      {tcp_flag::fin, "fin"}, {tcp_flag::syn, "syn"}, {tcp_flag::rst, "rst"},
      {tcp_flag::psh, "psh"}, {tcp_flag::ack, "ack"}, {tcp_flag::urg, "urg"}};
  if (flags == tcp_flag::syn) return "";
  std::string text;
  for (const auto& [flag, word] : kFlags) {
    if ((flags & flag) != 0) text += fmt::format("{}{}", text.empty() ? " " : ",", word);
  }
  return text.empty() ? " null" : text;
}

// The connections of a capture, as far as it shows how they began.
class Scribe {
 public:
  Scribe(const std::set<Network>& host, const Spec& spec) : host_(host), spec_(spec), tokens_(spec) {}

  void take(const Dissected& packet, milliseconds at) {
    if (host_.contains(packet.source)) return note_own(packet);
    const bool local = host_.contains(packet.target);
    if (!local && is_served(packet.source, {packet.protocol, packet.source_port})) return note_own(packet);
    const bool served = is_served(packet.target, {packet.protocol, packet.port});
    const bool cast = packet.broadcast || is_multicast(packet.target);
    const bool reaches = local || served || (cast && packet.protocol == Protocol::udp);
    if (!reaches || goes_on(packet)) return leave_out();
    if (!first_) first_ = at;
    if (at - *first_ > kLongest) return leave_out();
    last_ = std::max(last_, at - *first_);
    written_.script +=
        fmt::format("{}.{:03}s {} {}/{}{}{}{}\n", last_.count() / 1000, last_.count() % 1000,
                    to_string(packet.source), packet.port, packet.protocol == Protocol::tcp ? "tcp" : "udp",
                    packet.protocol == Protocol::tcp ? flags_of(packet.flags) : token(packet, at),
                    local              ? ""
                    : served           ? " unicast"
                    : packet.broadcast ? " broadcast"
                                       : " multicast",
                    served ? " to=" + to_string(packet.target) : "");
  }

  void leave_out() { ++written_.left_out; }

  Captured written() {
    written_.began = first_.value_or(milliseconds(0));
    return std::move(written_);
  }

 private:
  // From the host's side.
  using Flow = std::tuple<Protocol, Network, std::uint16_t, Network, std::uint16_t>;

  // Whether a sequence opens that port at the address, by its `to`.
  bool is_served(const Network& address, Knock port) const {
    return std::any_of(spec_.sequences.begin(), spec_.sequences.end(), [&](const Sequence& sequence) {
      return contained(sequence.to, address) && covered(sequence.opens, port);
    });
  }

  // What this host sends begins or answers something; what comes back is no knock.
  void note_own(const Dissected& packet) {
    const bool refusal = packet.protocol == Protocol::tcp && (packet.flags & tcp_flag::rst) != 0;
    if (!refusal)
      flows_.insert({packet.protocol, packet.source, packet.source_port, packet.target, packet.port});
    leave_out();
  }

  bool goes_on(const Dissected& packet) const {
    const bool begins = packet.protocol == Protocol::tcp && packet.flags == tcp_flag::syn;
    return !begins &&
           flows_.contains({packet.protocol, packet.target, packet.port, packet.source, packet.source_port});
  }

  std::string token(const Dissected& packet, milliseconds at) {
    const std::string name = tokens_.name(packet.port, at, packet.payload);
    return name.empty() ? "" : ' ' + name;
  }

  const std::set<Network>& host_;
  const Spec& spec_;
  CapturedTokens tokens_;
  std::set<Flow> flows_;
  std::optional<milliseconds> first_;
  milliseconds last_{0};
  Captured written_;
};

}  // namespace

Captured read_capture(const std::string& file, const std::vector<std::string>& addresses, const Spec& spec) {
  const std::set<Network> host = host_addresses(addresses);
  const Frames capture = read_frames(file);
  if (!is_known_link(capture.link))
    throw SystemError(
        fmt::format("{} was captured on a link of type {}, which cannot be read", file, capture.link));
  if (!capture.cut_off.empty() && capture.frames.empty()) throw SystemError(capture.cut_off);
  Scribe scribe(host, spec);
  for (const Frame& frame : capture.frames) {
    if (const auto packet = dissect(capture.link, frame.bytes)) {
      scribe.take(*packet, std::chrono::duration_cast<milliseconds>(frame.at));
    } else {
      scribe.leave_out();
    }
  }
  Captured written = scribe.written();
  written.cut_off = capture.cut_off;
  if (written.script.empty()) {
    throw SystemError(fmt::format(
        "no packet of {} would reach the gate of {}; name the host that it was captured on: --host "
        "ADDRESS",
        file, addresses.empty() ? "this host" : "that host"));
  }
  return written;
}

}  // namespace knockwork
