#include "surroundings/rule.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "surroundings/match.hpp"
#include "surroundings/words.hpp"
#include "text/ascii.hpp"
#include "text/words.hpp"

namespace knockwork {
namespace {

using Words = std::vector<std::string_view>;

// Of words from `at` on: "accept", "jump chain", "reject with icmpx admin-prohibited".
std::optional<RuleVerdict> verdict_at(const Words& words, std::size_t at) {
  const std::string_view word = words[at];
  if (word == "accept") return RuleVerdict{RuleVerdict::Kind::accept, ""};
  if (word == "drop") return RuleVerdict{RuleVerdict::Kind::drop, ""};
  if (word == "return") return RuleVerdict{RuleVerdict::Kind::leave, ""};
  if (word == "continue") return RuleVerdict{};
  if (is_one_of(word, {"queue", "synproxy", "tproxy", "fwd"}))
    return RuleVerdict{RuleVerdict::Kind::unknown, ""};
  if (is_one_of(word, {"jump", "goto"}) && at + 1 < words.size()) {
    return RuleVerdict{word == "jump" ? RuleVerdict::Kind::jump : RuleVerdict::Kind::go_to,
                       std::string(words[at + 1])};
  }
  if (word != "reject") return std::nullopt;
  RuleVerdict verdict{RuleVerdict::Kind::reject, ""};
  for (std::size_t next = at + 1; next < words.size() && words[next] != "comment"; ++next) {
    if (is_one_of(words[next], {"with", "type"})) continue;
    verdict.target += (verdict.target.empty() ? "" : " ") + std::string(words[next]);
  }
  if (verdict.target.empty()) verdict.target = "icmpx port-unreachable";
  return verdict;
}

class Rule {
 public:
  Rule(std::string_view rule, const Question& question) : words_(words_of(rule)), question_(question) {}

  std::vector<Step> steps() {
    while (at_ < words_.size() && matches_ != Tri::no) {
      if (const auto verdict = verdict_at(words_, at_)) return {{matches_, *verdict}};
      if (head_is_unknown_target()) return {{matches_, {RuleVerdict::Kind::unknown, ""}}};
      if (statement()) continue;
      const std::optional<Expression> expression = read_expression(words_, at_);
      if (!expression) {
        not_understood(Tri::maybe);
      } else if (expression->operation == "set") {
        not_understood(Tri::yes);
      } else if (expression->operation == "vmap") {
        return by_map(*expression);
      } else {
        narrow(matches(*expression, question_));
      }
    }
    return {};
  }

 private:
  void narrow(Tri to) { matches_ = std::min(matches_, to); }

  std::string_view word(std::size_t ahead = 0) const {
    return at_ + ahead < words_.size() ? words_[at_ + ahead] : std::string_view();
  }

  // On to the verdict, with whatever stands before it.
  void not_understood(Tri at_best) {
    narrow(at_best);
    while (at_ < words_.size() && !verdict_at(words_, at_) && word() != "comment") ++at_;
  }

  // What is no question about the packet, or one about how many came before.
  bool statement() {
    const std::string_view head = word();
    if (is_one_of(head, {"comment", "notrack"})) {
      at_ += head == "comment" ? 2 : 1;
    } else if (head == "counter") {
      at_ += word(1) == "packets" ? 5 : word(1) == "name" ? 3 : 1;
    } else if (head == "log") {
      log();
    } else if (is_one_of(head, {"limit", "quota"}) || (head == "ct" && word(1) == "count")) {
      rate();
    } else if (is_one_of(head, {"add", "update", "meter"})) {
      recorded();
    } else if (head == "xt") {
      extension();
    } else {
      return false;
    }
    return true;
  }

  void log() {
    for (++at_; is_one_of(word(), {"prefix", "level", "group", "snaplen", "queue-threshold", "flags"});
         at_ += 2) {
      if (word() == "flags" && is_one_of(word(1), {"tcp", "ip"})) ++at_;
    }
  }

  // Whoever asks slowly is below every rate.
  void rate() {
    for (++at_; at_ < words_.size() && !verdict_at(words_, at_); ++at_) {
      if (word() == "over") narrow(Tri::no);
      if (is_one_of(word(), {"log", "counter", "comment"})) return;
    }
  }

  // "update @seen { ip saddr limit rate over 1/second }"
  void recorded() {
    while (at_ < words_.size() && !word().starts_with('{')) ++at_;
    if (word().find(" over ") != std::string_view::npos) narrow(Tri::no);
    ++at_;
  }

  // Of iptables: "xt match recent", "xt target NFLOG".
  void extension() {
    if (word(1) == "match" && word(2) != "comment") narrow(Tri::maybe);
    at_ += 3;
  }

  bool head_is_unknown_target() const {
    return word() == "xt" && word(1) == "target" &&
           !is_one_of(word(2), {"LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "SET", "AUDIT"});
  }

  std::vector<Step> by_map(const Expression& expression) const {
    if (expression.value.starts_with('@')) {  // a terse listing does not say what is in it
      const Tri found = std::min(matches_, matches(expression, question_));
      return {{std::min(found, Tri::maybe), {RuleVerdict::Kind::unknown, ""}}};
    }
    std::vector<Step> steps;
    for (const std::string_view item : items_of(expression.value)) {
      const Words parts = split(item, " : ");
      const Words target = words_of(parts.back());
      if (parts.size() != 2 || target.empty()) continue;
      Expression one = expression;
      one.value = parts.front();
      const Tri found = one.value == "*" ? Tri::yes : matches(one, question_);
      steps.push_back({std::min(matches_, found),
                       verdict_at(target, 0).value_or(RuleVerdict{RuleVerdict::Kind::unknown, ""})});
    }
    return steps;
  }

  const Words words_;
  const Question& question_;
  std::size_t at_ = 0;
  Tri matches_ = Tri::yes;
};

}  // namespace

std::vector<Step> steps(std::string_view rule, const Question& question) {
  return Rule(rule, question).steps();
}

std::vector<std::uint16_t> ports_in(std::string_view rule) {
  std::vector<std::uint16_t> ports;
  const std::size_t question = rule.find("dport");
  if (question == std::string_view::npos) return ports;
  const char* at = rule.data() + question;
  const char* const end = rule.data() + rule.size();
  while ((at = std::find_if(at, end, is_digit)) != end) {
    std::uint16_t port = 0;
    const auto [rest, error] = std::from_chars(at, end, port);
    if (error == std::errc()) ports.push_back(port);
    at = rest;
  }
  return ports;
}

bool may_translate(std::string_view rule) {
  constexpr std::array<std::string_view, 5> kWords{"redirect", "REDIRECT", "dnat to", "dnat ip", "DNAT"};
  return std::any_of(kWords.begin(), kWords.end(),
                     [&](std::string_view words) { return rule.find(words) != std::string_view::npos; });
}

std::vector<std::string> interfaces_in(std::string_view rule) {
  std::vector<std::string> names;
  if (rule.find("iif") == std::string_view::npos) return names;
  std::string_view before;
  for (const std::string_view word : words_of(rule)) {
    if (before != "comment" && before != "prefix" && (word.starts_with('"') || word.starts_with('{'))) {
      for (std::size_t open = word.find('"'); open != std::string_view::npos;) {
        const std::size_t close = word.find('"', open + 1);
        if (close == std::string_view::npos) break;
        names.emplace_back(word.substr(open + 1, close - open - 1));
        open = word.find('"', close + 1);
      }
    }
    before = word;
  }
  return names;
}

}  // namespace knockwork
