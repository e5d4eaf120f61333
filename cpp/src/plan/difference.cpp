// Live table against wanted ruleset, object by object.
//
// What refers to a thing must go before the thing and come back after it: a set
// made anew takes the rules that name it along, a chain made anew the rules and
// elements that lead to it. Everything else stays where it is.
#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "plan/plan.hpp"
#include "ruleset/on_demand/severed.hpp"

namespace knockwork {
namespace {

constexpr std::string_view kUnderway = "underway";

using Names = std::set<std::string, std::less<>>;

bool is_word(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Whether a rule or verdict says `prefix name` with `name` as a whole word.
bool mentions(std::string_view text, std::string_view prefix, std::string_view name) {
  const std::string wanted = std::string(prefix) + std::string(name);
  for (std::size_t at = text.find(wanted); at != std::string_view::npos; at = text.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    if (end == text.size() || !is_word(text[end])) return true;
  }
  return false;
}

bool leads_to(std::string_view text, std::string_view chain) {
  return mentions(text, "goto ", chain) || mentions(text, "jump ", chain);
}

class Difference {
 public:
  Difference(const LiveTable& live, const Ruleset& wanted, Resize resize)
      : live_(live),
        wanted_(wanted),
        resize_(resize),
        prefix_(ipv6_prefix(wanted)),
        prefix4_(ipv4_prefix(wanted).value_or(32)) {
    for (const char* map : {"openers", "advance", "timed"}) {
      const Set* set = wanted.set(map);
      if (set == nullptr) continue;
      for (const Element& element : set->elements) {
        edges_.insert(element.key);
        if (element.value.find("once_") != std::string::npos) once_.insert(element.key);
      }
    }
  }

  Transaction transaction() {
    find_remade();
    find_rewritten();
    if (!live_.extra.empty()) add(WakeTable{});
    for (const std::string& name : rewritten_) {
      if (live_.ruleset.chain(name) != nullptr) add(FlushChain{name});
    }
    delete_elements();
    forget_retired();
    rename_sources();
    delete_sets();
    for (const Stranger& stranger : live_.strangers) add(DeleteStranger{stranger});
    chains();
    add_sets();
    for (const Chain& chain : wanted_.chains) {
      if (rewritten_.contains(chain.name) && !chain.rules.empty()) add(AddRules{chain.name, chain.rules});
    }
    return std::move(transaction_);
  }

 private:
  void add(Action action) { transaction_.actions.push_back(std::move(action)); }

  void find_remade() {
    for (const Set& set : live_.ruleset.sets) {
      const Set* wanted = wanted_.set(set.name);
      if (wanted == nullptr || !wanted->same_shape(set) ||
          (resize_ == Resize::anew && wanted->size != set.size)) {
        gone_sets_.insert(set.name);
      }
    }
    for (const Chain& chain : live_.ruleset.chains) {
      const Chain* wanted = wanted_.chain(chain.name);
      if (wanted == nullptr || wanted->hook != chain.hook || wanted->extra != chain.extra)
        gone_chains_.insert(chain.name);
    }
  }

  // Chains whose rules go and come back.
  void find_rewritten() {
    for (const Chain& chain : live_.ruleset.chains) {
      const Chain* wanted = wanted_.chain(chain.name);
      const bool refers = std::any_of(chain.rules.begin(), chain.rules.end(), [&](const std::string& rule) {
        return std::any_of(gone_sets_.begin(), gone_sets_.end(),
                           [&](const std::string& set) { return mentions(rule, "@", set); }) ||
               std::any_of(gone_chains_.begin(), gone_chains_.end(),
                           [&](const std::string& gone) { return leads_to(rule, gone); });
      });
      if (refers || gone_chains_.contains(chain.name) || wanted->rules != chain.rules)
        rewritten_.insert(chain.name);
    }
    for (const Chain& chain : wanted_.chains) {
      if (live_.ruleset.chain(chain.name) == nullptr) rewritten_.insert(chain.name);
    }
  }

  bool leads_to_gone_chain(const Element& element) const {
    const std::size_t space = element.value.find(' ');
    return space != std::string::npos && gone_chains_.contains(element.value.substr(space + 1));
  }

  // In a set that stays: elements that differ, and those in the way of a chain made anew.
  void delete_elements() {
    for (const Set& set : live_.ruleset.sets) {
      if (gone_sets_.contains(set.name)) continue;
      const Set* wanted = wanted_.set(set.name);
      DeleteElements action{set.name, {}};
      std::set_difference(set.elements.begin(), set.elements.end(), wanted->elements.begin(),
                          wanted->elements.end(), std::back_inserter(action.elements));
      for (const Element& element : wanted->elements) {
        const bool stands = std::binary_search(set.elements.begin(), set.elements.end(), element);
        if (stands && leads_to_gone_chain(element)) action.elements.push_back(element);
      }
      if (!action.elements.empty()) add(std::move(action));
    }
  }

  // Half-done knocks of edges that are no more.
  void forget_retired() {
    for (const auto& [name, elements] : live_.live) {
      if (!by_edge(name) || gone_sets_.contains(name)) continue;
      ForgetElements action{name, {}};
      for (const LiveElement& element : elements) {
        if (retired(name, element)) action.keys.push_back(element.key);
      }
      if (!action.keys.empty()) add(std::move(action));
    }
  }

  // Sources that are called otherwise from now on: by a shorter prefix. Of those
  // that become one the longest time counts.
  void rename_sources() {
    for (const auto& [name, elements] : live_.live) {
      if (gone_sets_.contains(name)) continue;
      ForgetElements forget{name, {}};
      CarryElements renamed{name, {}};
      std::set<std::string> keys;
      for (const LiveElement& element : elements) {
        if (retired_of(name, element) || renamed_key(name, element.key) == element.key) continue;
        forget.keys.push_back(element.key);
        keys.insert(renamed_key(name, element.key));
      }
      if (keys.empty()) continue;
      for (LiveElement& element : with_new_names(name, elements)) {
        if (!keys.contains(element.key)) continue;
        forget.keys.push_back(element.key);
        renamed.elements.push_back(std::move(element));
      }
      add(std::move(forget));
      add(std::move(renamed));
    }
  }

  std::vector<LiveElement> with_new_names(const std::string& set,
                                          const std::vector<LiveElement>& elements) const {
    std::map<std::string, LiveElement> best;
    for (LiveElement element : elements) {
      if (gone_sets_.contains(set)) element.key = carried_key(set, std::move(element.key));
      if (retired_of(set, element)) continue;
      element.key = renamed_key(set, element.key);
      LiveElement& kept = best.try_emplace(element.key, element).first->second;
      if (element.expires > kept.expires) kept = element;
    }
    std::vector<LiveElement> all;
    all.reserve(best.size());
    for (auto& [key, element] : best) all.push_back(std::move(element));
    return all;
  }

  // Of version 0.1.0 of this table: edges were packet marks.
  static std::string carried_type(std::string type) {
    constexpr std::string_view kMark = " . mark";
    if (type == "mark") return "classid";
    if (type.ends_with(kMark) && type.find("mark") == type.size() - 4 &&
        type.find("inet_proto") == std::string::npos)
      type.replace(type.size() - 4, 4, "classid");
    return type;
  }

  std::string carried_key(std::string_view set, std::string key) const {
    const std::size_t last = key.rfind(' ') + 1;
    const Set* wanted = wanted_.set(set);
    if (wanted == nullptr || !wanted->type.ends_with("classid")) return key;
    if (const auto edge = parse_nft_mark(std::string_view(key).substr(last))) {
      key.replace(last, std::string::npos, edge_key(*edge));
    }
    return key;
  }

  // Sessions older than the table may go on for a while by a segment that conntrack takes for new.
  static std::vector<LiveElement> underway() {
    constexpr std::chrono::hours kWhile{3};  // longer than tcp_keepalive_time of Linux
    return {{"6", kWhile, kWhile}};
  }

  std::string renamed_key(std::string_view set, const std::string& key) const {
    if (set.starts_with("severed")) return renamed_source(set, severed_key_of_today(key));
    return set.starts_with("spared") || set.starts_with("spoken") ? key : renamed_source(set, key);
  }

  std::string renamed_source(std::string_view set, const std::string& key) const {
    const bool six = set.ends_with('6');
    if ((!six && !set.ends_with('4')) || !prefix_) return key;
    const bool lockout = set.starts_with("locked") || set.starts_with("strays");
    const std::size_t end = key.find(" . ");
    const auto source = parse_network(std::string_view(key).substr(0, end));
    const int whole = six ? 128 : 32;
    if (!source || source->prefix != whole || (lockout && key.starts_with("fe80:"))) return key;
    const int prefix = six ? *prefix_ : prefix4_;
    Network network = widened(*source, lockout && six ? std::min(64, prefix) : prefix);
    network.prefix = static_cast<std::uint8_t>(whole);
    return to_string(network) + (end == std::string::npos ? "" : key.substr(end));
  }

  // The sets whose elements are an edge, or a source and an edge.
  static bool by_edge(std::string_view set) {
    return set.starts_with("expected") || set.starts_with("excused") || set.starts_with("begun") ||
           set == "spent";
  }

  bool retired_of(std::string_view set, const LiveElement& element) const {
    return by_edge(set) && retired(set, element);
  }

  bool retired(std::string_view set, const LiveElement& element) const {
    const std::string_view edge = std::string_view(element.key).substr(element.key.rfind(' ') + 1);
    return !(set == "spent" ? once_ : edges_).contains(edge);
  }

  void delete_sets() {
    for (const Set& set : live_.ruleset.sets) {
      if (gone_sets_.contains(set.name)) add(DeleteSet{set.name, set.is_map()});
    }
  }

  void chains() {
    for (const std::string& name : gone_chains_) add(DeleteChain{name});
    for (const Chain& chain : wanted_.chains) {
      const bool stands = live_.ruleset.chain(chain.name) != nullptr && !gone_chains_.contains(chain.name);
      if (!stands) add(AddChain{{chain.name, chain.hook, chain.extra, {}}});
    }
  }

  void add_sets() {
    for (const Set& wanted : wanted_.sets) {
      const Set* live = live_.ruleset.set(wanted.name);
      const bool stands = live != nullptr && !gone_sets_.contains(wanted.name);
      if (!stands || live->size != wanted.size) add(AddSet{without_elements(wanted)});
      AddElements action{wanted.name, {}};
      if (stands) {
        std::copy_if(wanted.elements.begin(), wanted.elements.end(), std::back_inserter(action.elements),
                     [&](const Element& element) {
                       return leads_to_gone_chain(element) ||
                              !std::binary_search(live->elements.begin(), live->elements.end(), element);
                     });
      } else {
        action.elements = wanted.elements;
      }
      if (!action.elements.empty()) add(std::move(action));
      const bool carried =
          live != nullptr && (carried_type(live->type) == wanted.type || wanted.name.starts_with("severed"));
      if (!stands && carried) carry(wanted);
      if (!stands && wanted.name == kUnderway) add(CarryElements{wanted.name, underway()});
    }
  }

  void carry(const Set& wanted) {
    const auto elements = live_.live.find(wanted.name);
    if (!wanted.is_dynamic() || elements == live_.live.end()) return;
    CarryElements action{wanted.name, with_new_names(wanted.name, elements->second)};
    if (!action.elements.empty()) add(std::move(action));
  }

  static Set without_elements(const Set& set) {
    return {set.name, set.type, set.flags, set.extra, set.size, {}};
  }

  const LiveTable& live_;
  const Ruleset& wanted_;
  Resize resize_;
  std::optional<int> prefix_;                          // of IPv6 sources
  int prefix4_;                                        // of IPv4 sources
  std::unordered_set<std::string_view> edges_, once_;  // that are wanted; last ones of `once` sequences
  Names gone_sets_, gone_chains_, rewritten_;          // gone: no longer wanted, or to be made anew
  Transaction transaction_;
};

}  // namespace

Transaction difference(const LiveTable* live, const Ruleset& wanted, Resize resize) {
  const LiveTable nothing;
  Transaction transaction = Difference(live == nullptr ? nothing : *live, wanted, resize).transaction();
  if (live == nullptr) transaction.actions.insert(transaction.actions.begin(), AddTable{});
  return transaction;
}

}  // namespace knockwork
