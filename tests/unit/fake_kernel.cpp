#include "fake_kernel.hpp"

#include <algorithm>

#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Refused("the kernel refused to change nf_tables: " + why);
}

template <typename T>
auto find(std::vector<T>& objects, std::string_view name) {
  return std::find_if(objects.begin(), objects.end(),
                      [name](const T& object) { return object.name == name; });
}

template <typename T>
void insert_by_name(std::vector<T>& objects, T object) {
  const auto at = std::lower_bound(objects.begin(), objects.end(), object,
                                   [](const T& left, const T& right) { return left.name < right.name; });
  objects.insert(at, std::move(object));
}

// The words after `prefix` in a rule or verdict.
std::vector<std::string> words_after(std::string_view text, std::string_view prefix) {
  std::vector<std::string> words;
  for (std::size_t at = text.find(prefix); at != std::string_view::npos; at = text.find(prefix, at + 1)) {
    const std::string_view rest = text.substr(at + prefix.size());
    words.emplace_back(rest.substr(0, rest.find(' ')));
  }
  return words;
}

std::vector<std::string> chains_in(std::string_view text) {
  std::vector<std::string> names = words_after(text, "goto ");
  const std::vector<std::string> jumps = words_after(text, "jump ");
  names.insert(names.end(), jumps.begin(), jumps.end());
  return names;
}

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Worker {
  std::optional<LiveTable>& table;

  Ruleset& ruleset() {
    if (!table) refuse("No such file or directory");
    return table->ruleset;
  }
  Set& set(const std::string& name) {
    const auto at = find(ruleset().sets, name);
    if (at == table->ruleset.sets.end()) refuse("No such file or directory: set " + name);
    return *at;
  }
  Chain& chain(const std::string& name) {
    const auto at = find(ruleset().chains, name);
    if (at == table->ruleset.chains.end()) refuse("No such file or directory: chain " + name);
    return *at;
  }
  bool rules_mention(const std::function<bool(const std::string&)>& matches) {
    return std::any_of(ruleset().chains.begin(), table->ruleset.chains.end(), [&](const Chain& each) {
      return std::any_of(each.rules.begin(), each.rules.end(), matches);
    });
  }

  void operator()(const AddTable&) {
    if (table) refuse("File exists: table");
    table = LiveTable{true, std::string(kTableComment), {}, {}, {}, {}};
  }
  void operator()(const DeleteTable&) {
    ruleset();
    table.reset();
  }
  void operator()(const WakeTable&) {
    ruleset();
    table->extra.clear();
  }
  void operator()(const FlushChain& action) { chain(action.chain).rules.clear(); }
  void operator()(const EmptySet& action) {
    set(action.set).elements.clear();
    table->live[action.set].clear();
  }
  void operator()(const DeleteElements& action) {
    std::vector<Element>& elements = set(action.set).elements;
    for (const Element& element : action.elements) {
      const auto at = std::find(elements.begin(), elements.end(), element);
      if (at == elements.end()) refuse("No such file or directory: element of " + action.set);
      elements.erase(at);
    }
  }
  void operator()(const ForgetElements& action) {
    set(action.set);
    std::erase_if(table->live[action.set],
                  [&](const LiveElement& each) { return has(action.keys, each.key); });
  }
  void operator()(const DeleteSet& action) {
    set(action.set);
    const auto names = [&](const std::string& rule) { return has(words_after(rule, "@"), action.set); };
    if (rules_mention(names)) refuse("Device or resource busy: set " + action.set);
    ruleset().sets.erase(find(ruleset().sets, action.set));
    table->live.erase(action.set);
  }
  void operator()(const DeleteStranger& action) {
    ruleset();
    if (std::erase(table->strangers, action.stranger) == 0) refuse("No such file or directory");
  }
  void operator()(const DeleteChain& action) {
    chain(action.chain).rules.clear();  // a chain takes its rules along
    const auto leads = [&](const std::string& text) { return has(chains_in(text), action.chain); };
    const bool by_element =
        std::any_of(ruleset().sets.begin(), table->ruleset.sets.end(), [&](const Set& each) {
          return std::any_of(each.elements.begin(), each.elements.end(),
                             [&](const Element& element) { return leads(element.value); });
        });
    if (by_element || rules_mention(leads)) refuse("Device or resource busy: chain " + action.chain);
    ruleset().chains.erase(find(ruleset().chains, action.chain));
  }
  void operator()(const AddChain& action) {
    if (find(ruleset().chains, action.chain.name) == table->ruleset.chains.end()) {
      insert_by_name(table->ruleset.chains, action.chain);
    } else if (chain(action.chain.name).hook != action.chain.hook) {
      refuse("Operation not supported");
    }
  }
  void operator()(const AddSet& action) {
    if (find(ruleset().sets, action.set.name) == table->ruleset.sets.end()) {
      insert_by_name(table->ruleset.sets, action.set);
      if (action.set.is_dynamic()) table->live[action.set.name];
    } else if (set(action.set.name).same_shape(action.set)) {
      set(action.set.name).size = action.set.size;
    } else {
      refuse("File exists: set " + action.set.name);
    }
  }
  void operator()(const AddElements& action) {
    std::vector<Element>& elements = set(action.set).elements;
    for (const Element& element : action.elements) {
      for (const std::string& name : chains_in(element.value)) chain(name);
      const auto same_key = [&](const Element& each) { return each.key == element.key; };
      const auto at = std::find_if(elements.begin(), elements.end(), same_key);
      if (at != elements.end() && *at != element) refuse("File exists: element of " + action.set);
      if (at == elements.end())
        elements.insert(std::lower_bound(elements.begin(), elements.end(), element), element);
    }
  }
  void operator()(const CarryElements& action) {
    set(action.set);
    std::vector<LiveElement>& live = table->live[action.set];
    live.insert(live.end(), action.elements.begin(), action.elements.end());
  }
  void operator()(const FeedElements& action) {
    set(action.set);
    for (const std::string& element : action.elements)
      table->live[action.set].push_back({element.substr(0, element.find(' ')), {}, {}});
  }
  void operator()(const AddRules& action) {
    for (const std::string& rule : action.rules) {
      for (const std::string& name : chains_in(rule)) chain(name);
      for (const std::string& name : words_after(rule, "@")) set(name);
      chain(action.chain).rules.push_back(rule);
    }
  }
};

}  // namespace

void FakeKernel::commit(const Transaction& transaction) {
  std::optional<LiveTable> copy = table_;
  for (const Action& action : transaction.actions) std::visit(Worker{copy}, action);
  table_ = std::move(copy);
  ++generation_;
  ++commits_;
}

Ruleset FakeKernel::spelled(Ruleset ruleset) const {
  if (!spelling_) return ruleset;
  for (Chain& chain : ruleset.chains) {
    for (std::string& rule : chain.rules) rule = spelling_(rule);
  }
  for (Set& set : ruleset.sets) {
    for (Element& element : set.elements) element.key = spelling_(element.key);
    std::sort(set.elements.begin(), set.elements.end());
  }
  return ruleset;
}

void FakeKernel::tamper(const std::function<void(std::optional<LiveTable>&)>& change) {
  change(table_);
  ++generation_;
}

}  // namespace knockwork
