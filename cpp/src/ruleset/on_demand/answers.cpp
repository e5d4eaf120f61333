#include "ruleset/on_demand/answers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "ruleset/compile/chains.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kChain = "answers";

// No error is sent for a packet that is not this host's by its type.
std::string ending(bool ipv6, Answer answer) {
  switch (answer) {
    case Answer::drop:
      return "drop";
    case Answer::unreachable:
      return std::string("meta pkttype set host reject with ") + (ipv6 ? "icmpv6" : "icmp") +
             " port-unreachable";
    case Answer::prohibited:
      return "meta pkttype set host reject with icmpx admin-prohibited";
    case Answer::host_prohibited:
    case Answer::closed:
      break;
  }
  return "accept";
}

}  // namespace

bool is_answers(std::string_view chain) { return chain == kChain; }

bool has_answers(const Ruleset& ruleset) { return ruleset.chain(kChain) != nullptr; }

Ruleset with_answers(Ruleset ruleset, const std::vector<Answered>& answers) {
  ruleset = without_answers(std::move(ruleset));
  if (answers.empty()) return ruleset;
  Chain chain{std::string(kChain), "type filter hook prerouting priority mangle + 1; policy accept;", {}, {}};
  // A knock that a socket here would hear goes on otherwise, to be refused in `input`.
  if (std::any_of(answers.begin(), answers.end(),
                  [](const Answered& each) { return each.protocol == Protocol::udp; })) {
    chain.rules.push_back(
        fmt::format("meta l4proto 17 meta priority {} meta pkttype set other", kOverheardPriority));
  }
  chain.rules.emplace_back("meta pkttype != other accept");
  for (const Answered& each : answers) {
    chain.rules.push_back(fmt::format("meta nfproto {} meta l4proto {} {}", each.ipv6 ? "ipv6" : "ipv4",
                                      each.protocol == Protocol::tcp ? 6 : 17,
                                      ending(each.ipv6, each.answer)));
  }
  const auto at =
      std::lower_bound(ruleset.chains.begin(), ruleset.chains.end(), chain,
                       [](const Chain& left, const Chain& right) { return left.name < right.name; });
  ruleset.chains.insert(at, std::move(chain));
  return ruleset;
}

Ruleset without_answers(Ruleset ruleset) {
  std::erase_if(ruleset.chains, [](const Chain& chain) { return chain.name == kChain; });
  return ruleset;
}

}  // namespace knockwork
