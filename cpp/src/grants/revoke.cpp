#include "grants/revoke.hpp"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "apply/table.hpp"
#include "grants/named.hpp"
#include "host/lock.hpp"
#include "ruleset/on_demand/severed.hpp"
#include "undo/revert.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;

std::set<Network> own_addresses() {
  std::set<Network> own;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0)
    throw SystemError("cannot determine this host's addresses; nothing was changed");
  for (const ifaddrs* each = all; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr) continue;
    Network network;
    if (each->ifa_addr->sa_family == AF_INET) {
      network.prefix = 32;
      std::memcpy(network.bytes.data(), &reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr, 4);
    } else if (each->ifa_addr->sa_family == AF_INET6) {
      network.ipv6 = true;
      network.prefix = 128;
      std::memcpy(network.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(each->ifa_addr)->sin6_addr,
                  16);
    } else {
      continue;
    }
    own.insert(network);
  }
  ::freeifaddrs(all);
  return own;
}

LiveTable read_gate(Kernel& kernel) {
  std::optional<LiveTable> live = read_ours(kernel);
  if (!live) throw SystemError("there is no gate in this network namespace: run `knockwork apply` first");
  return std::move(*live);
}

Network source_argument(const std::string& text) {
  const auto network = parse_network(text);
  if (!network) {
    throw SystemError(
        fmt::format("\"{}\" is not an address or network: write 192.0.2.7 or 2001:db8::/64", text));
  }
  return *network;
}

// The objects for what is severed, where the table lacks them or has those of an earlier version; nothing
// else.
Transaction for_severed(const LiveTable& live, const Ruleset& goal) {
  if (goal == live.ruleset) return {};
  LiveTable bare = live;
  bare.extra.clear();
  bare.strangers.clear();
  return difference(&bare, goal);
}

Retirement retirement(const Revocation& what, const LiveTable& live) {
  Retirement retirement;
  if (!what.source.empty()) retirement.source = source_argument(what.source);
  if (what.sequence.empty()) {
    retirement.all = true;
  } else {
    retirement.tracks = tracks_named(live, what.sequence);
  }
  return retirement;
}

constexpr int kMostBits = 8;  // that tell the sources of one grant apart: 256 of them

// The sources that a network is, as the sets name them.
std::vector<std::string> sources_of(const Network& network, const Program& program) {
  const int prefix = source_prefix(program, network.ipv6);
  const int bits = prefix - network.prefix;
  if (bits <= 0) return {source_of(network, program)};
  if (bits > kMostBits) {
    throw SystemError(fmt::format(
        "\"{}\" has more than {} sources: grant a /{} or smaller, put it into always_allow, or set {} so "
        "that one source covers more addresses",
        to_string(network), 1 << kMostBits, prefix - kMostBits,
        network.ipv6 ? "ipv6_prefix" : "ipv4_prefix"));
  }
  std::vector<std::string> sources;
  for (unsigned number = 0; number < 1U << bits; ++number) {
    Network source = network;
    source.prefix = static_cast<std::uint8_t>(prefix);
    for (int bit = 0; bit < bits; ++bit) {
      const int at = prefix - 1 - bit;
      if ((number >> bit & 1U) == 0) continue;
      std::uint8_t& byte = source.bytes[static_cast<std::size_t>(at / 8)];
      byte = static_cast<std::uint8_t>(byte | 0x80U >> (at % 8));
    }
    sources.push_back(source_of(source, program));
  }
  return sources;
}

// One element for each source, but where one stands for as long already.
void put(Transaction& transaction, const LiveTable& live, const std::string& set,
         const std::vector<std::string>& sources, const std::string& tail, milliseconds until) {
  std::set<std::string> lasting;
  if (const auto there = live.live.find(set); there != live.live.end()) {
    for (const LiveElement& each : there->second) {
      if (each.expires >= until) lasting.insert(each.key);
    }
  }
  ForgetElements forget{set, {}};
  CarryElements carry{set, {}};
  for (const std::string& source : sources) {
    const std::string key = source + tail;
    if (lasting.contains(key)) continue;
    forget.keys.push_back(key);
    carry.elements.push_back({key, until, until});
  }
  if (forget.keys.empty()) return;
  transaction.actions.emplace_back(std::move(forget));
  transaction.actions.emplace_back(std::move(carry));
}

}  // namespace

Retirement retired(const LiveTable& live, const Program& wanted) {
  Retirement retirement;
  for (Track& track : decompile(live.ruleset)) {
    const bool stays = std::any_of(wanted.tracks.begin(), wanted.tracks.end(), [&](const Track& other) {
      return other.edges == track.edges && other.services == track.services && other.to == track.to;
    });
    if (!stays) retirement.tracks.push_back(std::move(track));
  }
  return retirement;
}

void tell(const Taken& taken, Report& report) {
  report.changed = report.changed || !taken.empty();
  report.changes.insert(report.changes.end(), taken.changes.begin(), taken.changes.end());
  if (taken.for_all) {
    report.warnings.emplace_back(
        "there are too many sources to cut individually: the services were cut for every source without a "
        "current grant");
  }
  const std::string spared =
      "the connection that you are using was not cut: close it once you have reconnected";
  if (taken.spared_operator &&
      std::find(report.warnings.begin(), report.warnings.end(), spared) == report.warnings.end()) {
    report.warnings.push_back(spared);
  }
}

Surroundings look_around(Kernel& kernel, const Settings& settings) {
  return {kernel.flows(), own_addresses(), parse_connection(settings.ssh_connection)};
}

Taken commit_taking(Kernel& kernel, const std::function<std::pair<Transaction, Taken>(Fit)>& make) {
  auto [transaction, taken] = make(Fit::by_source);
  try {
    kernel.commit(transaction);
  } catch (const SystemError&) {
    if (taken.empty()) throw;
    std::tie(transaction, taken) = make(Fit::by_service);
    kernel.commit(transaction);
  }
  return std::move(taken);
}

void finish(const Taken& taken, const Retirement& what, const Program& program, Kernel& kernel) {
  // By an interface that is not protected nobody needs a grant, and neither a socket nor conntrack says its
  // interface. What a flowtable forwards is only sent back to the rules.
  if (!taken.flows.empty())
    kernel.end(taken.flows, program.interfaces.empty() ? Ending::all : Ending::offloaded);
  std::vector<std::string> damaged;  // what cannot be read brings no grant back
  if (auto pending = read_pending(damaged)) {
    const Ruleset before = pending->before ? ruleset_before(*pending) : Ruleset();
    if (forget(pending->grants, before, what)) write_pending(*pending);
  }
  if (auto saved = read_saved(damaged)) {
    const std::optional<LiveTable> live = kernel.read();
    if (live && forget(*saved, live->ruleset, what)) write_saved(*saved);
  }
}

void sweep(const Retirement& what, const Program& stays, Report& report, Kernel& kernel,
           const Settings& settings) {
  for (int round = 0; round < 5; ++round) {
    const LiveTable live = read_gate(kernel);
    const Program program = program_of(live.ruleset);
    const Surroundings around = look_around(kernel, settings);
    if (taken(live, what, stays, around).empty()) return;
    const Taken more = commit_taking(kernel, [&](Fit fit) {
      Taken all = taken(live, what, stays, around, fit);
      const Ruleset goal = all.flows.empty() ? live.ruleset : with_severed(live.ruleset, program);
      Transaction transaction = for_severed(live, goal);
      take(transaction, all, goal);
      return std::pair(std::move(transaction), std::move(all));
    });
    tell(more, report);
    finish(more, what, program, kernel);
  }
}

Report revoke(const Revocation& what, Execution execution, Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  const LiveTable live = read_gate(kernel);
  const Retirement theirs = retirement(what, live);
  const Program program = program_of(live.ruleset);
  Report report;
  if (execution == Execution::check) {
    tell(taken(live, theirs, program, look_around(kernel, settings)), report);
  } else {
    sweep(theirs, program, report, kernel, settings);
  }
  return report;
}

Report grant(const std::string& address, const std::string& sequence, std::optional<milliseconds> time,
             Execution execution, Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  const Network network = source_argument(address);
  const LiveTable live = read_gate(kernel);
  const Program program = program_of(live.ruleset);
  const std::vector<std::string> sources = sources_of(network, program);
  const Track track = tracks_named(live, sequence).back();  // of several epochs the newest, which stays
  const milliseconds until = time.value_or(milliseconds(track.open_for.milliseconds()));
  const std::string family = network.ipv6 ? "6" : "4";
  Transaction transaction;
  put(transaction, live, "holders" + family, sources, " . " + edge_key(track.edges.back().id), until);
  for (const Service& service : track.services) {
    const GrantKey where = grant_key(track, service);
    put(transaction, live, where.set + family, sources, where.tail, until);
  }
  Report report;
  if (transaction.empty()) return report;
  report.changed = true;
  const std::string whom = sources.size() > 1 ? to_string(network) : shown_source(sources.front(), program);
  report.changes.push_back(
      {Change::Kind::add, "grant", whom, "", fmt::format("by {} for {}", track.name, nft_time(until)), ""});
  if (execution == Execution::apply) kernel.commit(transaction);
  return report;
}

}  // namespace knockwork
