// Live table against wanted ruleset, object by object.
//
// What refers to a thing must go before the thing and come back after it: a set
// made anew takes the rules that name it along, a chain made anew the rules and
// elements that lead to it. Everything else stays where it is.
#include "plan/difference.hpp"

#include <algorithm>
#include <iterator>
#include <set>

#include "ruleset/live/carried.hpp"
#include "ruleset/live/forgotten.hpp"
#include "text/ascii.hpp"

namespace knockwork {
namespace {

using Names = std::set<std::string, std::less<>>;

bool is_word(char byte) { return byte == '_' || is_letter_or_digit(byte); }

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

// Which elements stand in a set, for those of another one in ascending order.
class Standing {
 public:
  explicit Standing(const std::vector<Element>& elements) : at_(elements.begin()), end_(elements.end()) {}

  bool has(const Element& next) {
    while (at_ != end_ && *at_ < next) ++at_;
    return at_ != end_ && *at_ == next;
  }

 private:
  std::vector<Element>::const_iterator at_;
  std::vector<Element>::const_iterator end_;
};

class Difference {
 public:
  Difference(const LiveTable& live, const Ruleset& wanted, Resize resize)
      : live_(live), wanted_(wanted), resize_(resize), carrier_(wanted) {}

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
    if (gone_chains_.empty()) return false;
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
      Standing standing(set.elements);
      for (const Element& element : wanted->elements) {
        if (standing.has(element) && leads_to_gone_chain(element)) action.elements.push_back(element);
      }
      if (!action.elements.empty()) add(std::move(action));
    }
  }

  // Half-done knocks of edges that are no more.
  void forget_retired() {
    for (const auto& [name, elements] : live_.live) {
      if (gone_sets_.contains(name)) continue;
      std::vector<LiveElement> retired;
      std::copy_if(elements.begin(), elements.end(), std::back_inserter(retired),
                   [&, set = std::string_view(name)](const LiveElement& element) {
                     return carrier_.is_retired(set, element);
                   });
      if (!retired.empty()) add(forgetting(name, std::move(retired)));
    }
  }

  // Sources that are called otherwise from now on: by a shorter prefix.
  void rename_sources() {
    for (const auto& [name, elements] : live_.live) {
      if (gone_sets_.contains(name)) continue;
      std::set<std::string> keys;  // by which there is somebody else from now on
      for (const LiveElement& element : elements) {
        if (carrier_.is_retired(name, element)) continue;
        std::string key = carrier_.renamed(name, element.key);
        if (key != element.key) keys.insert(std::move(key));
      }
      if (keys.empty()) continue;
      std::vector<LiveElement> old;
      std::copy_if(elements.begin(), elements.end(), std::back_inserter(old),
                   [&, set = std::string_view(name)](const LiveElement& element) {
                     return !carrier_.is_retired(set, element) &&
                            keys.contains(carrier_.renamed(set, element.key));
                   });
      CarryElements renamed{name, carrier_.renamed(name, elements)};
      std::erase_if(renamed.elements,
                    [&](const LiveElement& element) { return !keys.contains(element.key); });
      const std::size_t stay = elements.size() - old.size(), size = live_.ruleset.set(name)->size;
      if (size != 0) leave_out_beyond(size > stay ? size - stay : 0, renamed.elements);
      add(forgetting(name, std::move(old)));
      if (!renamed.elements.empty()) add(std::move(renamed));
    }
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
        Standing standing(live->elements);
        for (const Element& element : wanted.elements) {
          if (!standing.has(element) || leads_to_gone_chain(element)) action.elements.push_back(element);
        }
      } else {
        action.elements = wanted.elements;
      }
      if (!action.elements.empty()) add(std::move(action));
      if (stands) continue;
      if (live != nullptr) carry(*live, wanted);
      if (auto initial = Carrier::initial(wanted.name); !initial.empty())
        add(CarryElements{wanted.name, std::move(initial)});
    }
  }

  void carry(const Set& live, const Set& wanted) {
    const auto elements = live_.live.find(wanted.name);
    if (elements == live_.live.end()) return;
    CarryElements action{wanted.name, carrier_.carried(live, wanted, elements->second)};
    if (wanted.size != 0) leave_out_beyond(wanted.size, action.elements);
    if (!action.elements.empty()) add(std::move(action));
  }

  // Where there is room for fewer, those that end first.
  static void leave_out_beyond(std::size_t room, std::vector<LiveElement>& elements) {
    if (elements.size() <= room) return;
    const auto last = elements.begin() + static_cast<std::ptrdiff_t>(room);
    std::nth_element(
        elements.begin(), last, elements.end(),
        [](const LiveElement& left, const LiveElement& right) { return left.expires > right.expires; });
    elements.erase(last, elements.end());
  }

  static Set without_elements(const Set& set) {
    return {set.name, set.type, set.flags, set.extra, set.size, {}};
  }

  const LiveTable& live_;
  const Ruleset& wanted_;
  Resize resize_;
  Carrier carrier_;
  Names gone_sets_, gone_chains_, rewritten_;  // gone: no longer wanted, or to be made anew
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
