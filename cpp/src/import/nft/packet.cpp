#include "import/nft/packet.hpp"

#include <algorithm>

namespace knockwork {
namespace {

enum class Match { never, sometimes, always };

// How a packet can leave a chain.
struct Ends {
  bool accepted = false, refused = false, returned = false;
};

bool has(const std::vector<NftMember>& members, const NftMember& member) {
  return std::find(members.begin(), members.end(), member) != members.end();
}

bool is_to(const NftPacket& packet, const std::vector<Service>& ports) {
  return ports.empty() || std::any_of(ports.begin(), ports.end(), [&](const Service& service) {
           return service.protocol == packet.protocol && service.first <= packet.port &&
                  packet.port <= service.last;
         });
}

// What stands before the part that is not understood has to match as well.
Match match(const NftRule& rule, const NftPacket& packet) {
  if (rule.loopback || !rule.begins || rule.is_icmp) return Match::never;
  if ((rule.ipv4 && packet.ipv6) || (rule.ipv6 && !packet.ipv6)) return Match::never;
  if (!is_to(packet, rule.ports)) return Match::never;
  if (rule.other && has(packet.members, *rule.other)) return Match::never;
  const bool known = std::all_of(rule.members.begin(), rule.members.end(),
                                 [&](const NftMember& member) { return has(packet.members, member); });
  return known && rule.understood && !rule.other && !rule.partial ? Match::always : Match::sometimes;
}

// One packet on its way.
class Trip {
 public:
  Trip(const std::map<std::string, std::vector<NftRules::Rule>>& chains, const NftPacket& packet,
       NftFate& fate)
      : chains_(chains), packet_(packet), fate_(fate) {}

  Ends through(const std::string& name) {
    const auto found = chains_.find(name);
    if (found == chains_.end() || depth_ > kDeepest) return {true, true, true};
    const auto [known, is_new] = ends_.emplace(name, Ends{true, true, true});  // a loop is no ruleset
    if (!is_new) return known->second;
    ++depth_;
    const Ends ends = through(found->second, nft_table_of(name));
    --depth_;
    return ends_[name] = ends;
  }

 private:
  Ends through(const std::vector<NftRules::Rule>& rules, const std::string& table) {
    Ends ends;
    for (const NftRules::Rule& each : rules) {
      const Match matched = match(each.rule, packet_);
      if (matched == Match::never) continue;
      fate_.met.insert(each.statement);
      const bool goes_on = take(each, table, ends);
      if (matched == Match::always && !goes_on) return ends;
    }
    ends.returned = true;
    return ends;
  }

  // Whether it can come to the next rule where this one matches.
  bool take(const NftRules::Rule& each, const std::string& table, Ends& ends) {
    const NftRule& rule = each.rule;
    if (!rule.understood) {
      ends.accepted = true;
      if (rule.may_refuse) refuse(each, ends);
      ends.returned = ends.returned || rule.may_refuse;
      return true;
    }
    if (rule.verdict == "drop" || rule.verdict == "reject") refuse(each, ends);
    if (rule.verdict == "accept") ends.accepted = true;
    if (rule.verdict == "return") ends.returned = true;
    if (rule.verdict != "jump" && rule.verdict != "goto") return rule.verdict.empty();
    const Ends inner = through(table + rule.chain);
    ends.accepted = ends.accepted || inner.accepted;
    ends.refused = ends.refused || inner.refused;
    if (rule.verdict == "goto") ends.returned = ends.returned || inner.returned;
    return rule.verdict == "jump" && inner.returned;
  }

  void refuse(const NftRules::Rule& each, Ends& ends) {
    ends.refused = true;
    if (fate_.line == 0) fate_.line = each.statement->first;
  }

  const std::map<std::string, std::vector<NftRules::Rule>>& chains_;
  const NftPacket& packet_;
  NftFate& fate_;
  std::map<std::string, Ends> ends_;
  int depth_ = 0;
};

}  // namespace

std::string nft_table_of(const std::string& chain) { return chain.substr(0, chain.rfind(' ') + 1); }

NftRules::NftRules(const NftText& text) : text_(text) {
  for (const auto& [name, chain] : text.chains) {
    std::vector<Rule>& rules = chains_[name];
    for (const NftStatement& statement : chain.rules) {
      rules.push_back({&statement, read_nft_rule(statement, nft_table_of(name))});
    }
  }
}

NftFate NftRules::fate(const NftPacket& packet) const {
  NftFate fate;
  fate.accepted = true;
  if (text_.unclear != 0) fate.refused = true;
  fate.line = text_.unclear;
  for (const auto& [name, chain] : text_.chains) {
    const bool concerns = !name.starts_with(packet.ipv6 ? "ip " : "ip6 ");
    if (!chain.hooked || !concerns) continue;
    const Ends ends = Trip(chains_, packet, fate).through(name);
    fate.accepted = fate.accepted && (ends.accepted || (ends.returned && !chain.drops));
    if (ends.returned && chain.drops && fate.line == 0) fate.line = chain.policy_line;
    fate.refused = fate.refused || ends.refused || (ends.returned && chain.drops);
  }
  return fate;
}

}  // namespace knockwork
