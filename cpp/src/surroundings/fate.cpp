#include "surroundings/fate.hpp"

#include <algorithm>
#include <map>

namespace knockwork {
namespace {

using Kind = Fate::Kind;

// How a packet may leave a chain.
struct Ends {
  std::set<Fate> fates;  // without the name of the chain
  bool returns = false;  // to the chain that jumped here
};

// Each chain of a table is looked at once for a question, however often it is jumped to.
class Walk {
 public:
  Walk(const OtherTable& table, const Question& question) : table_(table), question_(question) {}

  std::set<Fate> base(const OtherChain& chain) {
    Ends ends = walk(chain);
    if (ends.returns) ends.fates.insert({chain.policy_drops ? Kind::dropped : Kind::accepted, "", ""});
    return ends.fates;
  }

 private:
  Ends walk(const OtherChain& chain) {
    Ends ends;
    for (const std::string& rule : chain.rules) {
      bool goes_on = true;
      for (const Step& step : steps(rule, question_)) {
        if (step.matches == Tri::no) continue;
        goes_on = take(step.verdict, ends) || step.matches == Tri::maybe;
        if (step.matches == Tri::yes) break;
      }
      if (!goes_on) return ends;
    }
    ends.returns = true;
    return ends;
  }

  // Adds what a verdict leads to. Returns whether the next rule may be reached.
  bool take(const RuleVerdict& verdict, Ends& ends) {
    switch (verdict.kind) {
      case RuleVerdict::Kind::none:
        return true;
      case RuleVerdict::Kind::accept:
        ends.fates.insert({Kind::accepted, "", ""});
        return false;
      case RuleVerdict::Kind::drop:
        ends.fates.insert({Kind::dropped, "", ""});
        return false;
      case RuleVerdict::Kind::reject:
        ends.fates.insert({Kind::rejected, verdict.target, ""});
        return false;
      case RuleVerdict::Kind::leave:
        ends.returns = true;
        return false;
      case RuleVerdict::Kind::unknown:
        ends.fates.insert({Kind::unknown, "", ""});
        return true;
      case RuleVerdict::Kind::jump:
      case RuleVerdict::Kind::go_to:
        break;
    }
    const Ends there = into(verdict.target);
    ends.fates.insert(there.fates.begin(), there.fates.end());
    if (verdict.kind == RuleVerdict::Kind::jump) return there.returns;
    ends.returns = ends.returns || there.returns;
    return false;
  }

  Ends into(const std::string& name) {
    if (const auto known = seen_.find(name); known != seen_.end()) return known->second;
    const auto chain = std::find_if(table_.chains.begin(), table_.chains.end(),
                                    [&](const OtherChain& each) { return each.name == name; });
    constexpr int kDeepest = 64;  // the kernel stops at 16 jumps; gotos count here too
    if (chain == table_.chains.end() || depth_ == kDeepest) return {{{Kind::unknown, "", ""}}, true};
    ++depth_;
    Ends ends = walk(*chain);
    --depth_;
    return seen_[name] = std::move(ends);
  }

  const OtherTable& table_;
  const Question& question_;
  std::map<std::string, Ends> seen_;
  int depth_ = 0;
};

struct Base {
  const OtherTable* table;
  const OtherChain* chain;
};

std::vector<Base> bases(const std::vector<OtherTable>& tables, bool ipv6, Hook hook) {
  std::vector<Base> found;
  for (const OtherTable& table : tables) {
    if (table.family != "inet" && table.family != (ipv6 ? "ip6" : "ip")) continue;
    for (const OtherChain& chain : table.chains) {
      if (chain.hook == hook) found.push_back({&table, &chain});
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Base& left, const Base& right) {
    return left.chain->priority < right.chain->priority;
  });
  return found;
}

}  // namespace

std::set<Fate> fates(const std::vector<OtherTable>& tables, const Question& question,
                     const std::vector<Hook>& hooks) {
  std::vector<Base> way;
  for (const Hook hook : hooks) {
    for (const Base& base : bases(tables, question.ipv6, hook)) way.push_back(base);
  }
  std::set<Fate> all;
  for (const Base& base : way) {
    bool goes_on = false;
    for (Fate fate : Walk(*base.table, question).base(*base.chain)) {
      // What cannot be told may be anything, and so the next chain may be reached.
      goes_on = goes_on || fate.kind == Kind::accepted || fate.kind == Kind::unknown;
      if (fate.kind == Kind::accepted) continue;
      fate.chain = base.table->family + ' ' + base.table->name + ' ' + base.chain->name;
      all.insert(std::move(fate));
    }
    if (!goes_on) return all;
  }
  all.insert(Fate{});
  return all;
}

}  // namespace knockwork
