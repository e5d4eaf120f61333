#include "import/command/command.hpp"

#include <algorithm>

#include "import/command/firewall.hpp"
#include "import/command/shell.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using Kind = Effect::Kind;

constexpr const char* kRemainder =
    "only what opens is translated: the other commands of this line do not run";

Effect waited(const Words& words) {
  if (words.size() != 1) return other("its sleep has no single time");
  const bool digits = words[0].find_first_not_of("0123456789") == std::string::npos;
  const auto time = spec::parse_duration(digits ? words[0] + 's' : words[0]);
  if (!time) return other("its sleep has no whole number of seconds");
  return {Kind::waits, {}, {}, *time, {}};
}

std::string program_of(const std::string& word) { return word.substr(word.rfind('/') + 1); }

Effect spoiled(const char* reason) {
  Effect effect = other(reason);
  effect.spoils = true;
  return effect;
}

// Whether and how the commands around it run is the shell's to know.
bool steers_the_shell(const std::string& word) {
  constexpr std::string_view kWords[] = {"if",       "then",   "elif",  "else",   "fi",   "for",     "while",
                                         "until",    "do",     "done",  "case",   "esac", "{",       "}",
                                         "!",        "[[",     "exit",  "exec",   "eval", "trap",    "set",
                                         ".",        "source", "wait",  "kill",   "time", "return",  "break",
                                         "continue", "alias",  "unset", "export", "cd",   "function"};
  if (std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords)) return true;
  const std::size_t equals = word.find('=');  // PATH=/root/bin
  return equals != std::string::npos && equals != 0 && word.find('/') > equals;
}

std::optional<Effect> effect_of_firewall(const std::string& program, const Words& words) {
  if (program == "iptables" || program == "iptables-nft" || program == "iptables-legacy") {
    return effect_of_iptables(words, Addresses::ipv4);
  }
  if (program == "ip6tables" || program == "ip6tables-nft" || program == "ip6tables-legacy") {
    return effect_of_iptables(words, Addresses::ipv6);
  }
  if (program == "knock_add" || program == "knock_helper_ipt.sh") return effect_of_knock_helper(words);
  if (program == "ufw") return effect_of_ufw(words);
  if (program == "firewall-cmd") return effect_of_firewall_cmd(words);
  if (program == "nft") return effect_of_nft(words);
  if (program == "ipset") {
    if (!words.empty() && words[0] == "del") return Effect{Kind::closes};
    return other(kAddsToSet);
  }
  return std::nullopt;
}

Effect effect_of_words(Words words) {
  if (steers_the_shell(words.front())) {
    return spoiled("the shell decides what of it runs: only commands one after the other are understood");
  }
  while (words.size() > 1 && program_of(words.front()) == "sudo") words.erase(words.begin());
  const std::string program = program_of(words.front());
  words.erase(words.begin());
  if (auto effect = effect_of_firewall(program, words)) {
    effect->spoils = effect->kind == Kind::other;  // it may be what refuses
    return *effect;
  }
  if (program == "sleep") return waited(words);
  const bool shell = program == "sh" || program == "bash" || program == "dash";
  if (shell && words.size() == 2 && words[0] == "-c") return effect_of(words[1]);
  return other("it runs a program, and what that opens cannot be known");
}

bool same_services(std::vector<Service> one, std::vector<Service> other) {
  std::sort(one.begin(), one.end());
  std::sort(other.begin(), other.end());
  return one == other;
}

// Several commands of one line.
class Line {
 public:
  explicit Line(std::vector<Effect> effects) {
    for (Effect& effect : effects) {
      effect.spoils = effect.kind == Kind::other;
      take(effect);
    }
  }
  explicit Line(const std::vector<Command>& commands) {
    for (const Command& command : commands) take(command);
  }

  Effect whole() {
    if (!spoiled_.empty()) return spoiled(spoiled_.c_str());
    if (!opened_) {
      if (closed_) return {Kind::closes, closed_->services, {}, {}, reason_.empty() ? "" : kRemainder};
      return {Kind::other, {}, {}, {}, reason_.empty() ? "it changes nothing" : reason_};
    }
    const bool differ = !ipv4_.empty() && !ipv6_.empty() && !same_services(ipv4_, ipv6_);
    if (clash_ || differ) {
      return spoiled("its commands open different things, or to different destinations");
    }
    opened_->ipv4 = !ipv4_.empty();
    opened_->ipv6 = !ipv6_.empty();
    if (!reason_.empty()) add_reason(kRemainder);
    return *opened_;
  }

 private:
  void take(const Command& command) {
    Effect effect = effect_of_words(command.words);
    if (effect.kind == Kind::waits && !command.is_waited_for) {
      effect = spoiled("it does not wait for its sleep");
    }
    const bool counts =
        effect.kind == Kind::opens || effect.kind == Kind::closes || effect.kind == Kind::waits;
    if (counts && depends(command.runs, effect)) {
      effect = spoiled("it opens under a condition (`&&`, `||`), which a declaration cannot have");
    }
    follow(command.runs, effect);
    take(effect);
  }

  // Whether something else than what is understood decides that it runs.
  bool depends(Command::Runs runs, const Effect& effect) const {
    if (runs == Command::Runs::always) return false;
    if (runs == Command::Runs::on_success) return !sure_;
    // `iptables -C … || iptables -I …` of the same rule.
    return !asked_ || effect.kind != Kind::opens || !same_services(asked_->services, effect.services) ||
           asked_->to != effect.to || asked_->ipv4 != effect.ipv4;
  }

  void follow(Command::Runs runs, const Effect& effect) {
    const bool succeeds = effect.kind == Kind::opens || effect.kind == Kind::waits;
    if (runs == Command::Runs::always) sure_ = succeeds;
    if (runs == Command::Runs::on_success) sure_ = sure_ && succeeds;
    if (runs == Command::Runs::on_failure) sure_ = sure_ || succeeds;
    asked_.reset();
    const bool asks = effect.kind == Kind::nothing && !effect.services.empty();
    if (asks && runs == Command::Runs::always) asked_ = effect;
  }

  void take(const Effect& effect) {
    if (effect.spoils && spoiled_.empty()) spoiled_ = effect.reason;
    switch (effect.kind) {
      case Kind::opens:
        return take_opening(effect);
      case Kind::closes:
        return take_closing(effect);
      case Kind::waits:
        waited_ = effect.time;
        return;
      case Kind::nothing:
        return;
      case Kind::other:
        if (reason_.empty()) reason_ = effect.reason;
    }
  }

  void take_opening(const Effect& effect) {
    if (!opened_) opened_ = effect;
    clash_ = clash_ || opened_->to != effect.to || opened_->time != effect.time;
    waited_.reset();
    add(opened_->services, effect.services);
    if (effect.ipv4) add(ipv4_, effect.services);
    if (effect.ipv6) add(ipv6_, effect.services);
    add_reason(effect.reason);
  }

  static void add(std::vector<Service>& all, const std::vector<Service>& services) {
    for (const Service& service : services) {
      if (std::find(all.begin(), all.end(), service) == all.end()) all.push_back(service);
    }
  }

  void add_reason(const std::string& reason) {
    if (opened_->reason.find(reason) != std::string::npos) return;
    opened_->reason += (opened_->reason.empty() ? "" : "; ") + reason;
  }

  // `iptables -I …; sleep 30; iptables -D …` opens for 30 s. Before what opens it only tidies up.
  void take_closing(const Effect& effect) {
    closed_ = effect;
    if (!opened_) return;
    const bool same = same_services(opened_->services, effect.services);
    if (same && timed_) return;  // for the other family of addresses
    timed_ = same && waited_ && !opened_->time;
    if (timed_) opened_->time = waited_;
    clash_ = clash_ || !timed_;
  }

  std::optional<Effect> opened_, closed_;
  std::vector<Service> ipv4_, ipv6_;  // what is opened to each
  std::optional<Duration> waited_;
  std::optional<Effect> asked_;  // by the command before
  bool clash_ = false;
  bool timed_ = false;   // by what closes
  bool sure_ = false;    // the commands before, joined by `&&` and `||`, succeed
  std::string reason_;   // of the first that does something else
  std::string spoiled_;  // of the first because of which nothing counts
};

}  // namespace

Effect effect_of(std::string_view command) {
  const auto commands = split_commands(command);
  if (!commands) return spoiled(commands.error().c_str());
  return Line(*commands).whole();
}

Effect whole_of(std::vector<Effect> effects) { return Line(std::move(effects)).whole(); }

}  // namespace knockwork
