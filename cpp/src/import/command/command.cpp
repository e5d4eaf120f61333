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

Effect effect_of_words(Words words) {
  while (words.size() > 1 && program_of(words.front()) == "sudo") words.erase(words.begin());
  const std::string program = program_of(words.front());
  words.erase(words.begin());
  if (program.starts_with("iptables") || program.starts_with("ip6tables")) return effect_of_iptables(words);
  if (program == "knock_add" || program == "knock_helper_ipt.sh") return effect_of_knock_helper(words);
  if (program == "ufw") return effect_of_ufw(words);
  if (program == "firewall-cmd") return effect_of_firewall_cmd(words);
  if (program == "nft") return effect_of_nft(words);
  if (program == "sleep") return waited(words);
  const bool shell = program == "sh" || program == "bash" || program == "dash";
  if (shell && words.size() == 2 && words[0] == "-c") return effect_of(words[1]);
  if (program == "ipset") {
    if (!words.empty() && words[0] == "del") return {Kind::closes};
    return other("it adds the source to a set: what that opens is said where the set is used");
  }
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
  void take(const Effect& effect) {
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

  Effect whole() {
    if (!opened_) {
      if (closed_) return {Kind::closes, closed_->services, {}, {}, reason_.empty() ? "" : kRemainder};
      return {Kind::other, {}, {}, {}, reason_.empty() ? "it changes nothing" : reason_};
    }
    if (clash_) return other("its commands open different things, or to different destinations");
    if (!reason_.empty()) opened_->reason += (opened_->reason.empty() ? "" : "; ") + std::string(kRemainder);
    return *opened_;
  }

 private:
  void take_opening(const Effect& effect) {
    if (!opened_) {
      opened_ = effect;
      return;
    }
    clash_ = clash_ || opened_->to != effect.to || opened_->time != effect.time;
    for (const Service& service : effect.services) {
      auto& all = opened_->services;
      if (std::find(all.begin(), all.end(), service) == all.end()) all.push_back(service);
    }
    if (opened_->reason.empty()) opened_->reason = effect.reason;
  }

  // `iptables -I …; sleep 30; iptables -D …` opens for 30 s. Before what opens it only tidies up.
  void take_closing(const Effect& effect) {
    closed_ = effect;
    if (!opened_) return;
    if (waited_ && !opened_->time && same_services(opened_->services, effect.services)) {
      opened_->time = waited_;
    } else {
      clash_ = true;
    }
  }

  std::optional<Effect> opened_, closed_;
  std::optional<Duration> waited_;
  bool clash_ = false;
  std::string reason_;  // of the first that does something else
};

}  // namespace

Effect effect_of(std::string_view command) {
  const auto commands = split_commands(command);
  if (!commands) return {Kind::other, {}, {}, {}, commands.error()};
  Line line;
  for (const Words& words : *commands) line.take(effect_of_words(words));
  return line.whole();
}

}  // namespace knockwork
