#include "machine_against_naive.hpp"

#include <fmt/format.h>

namespace naive {
namespace {

using namespace knockwork;

bool agree(const Program& program, const Outcome& outcome, const Judgement& judgement) {
  if (outcome.verdict != judgement.verdict || outcome.granted != judgement.granted ||
      outcome.wrong != judgement.wrong || outcome.used_token != judgement.used_token ||
      outcome.locked != judgement.locked || outcome.left != judgement.left ||
      outcome.fired.size() != judgement.fired.size()) {
    return false;
  }
  for (std::size_t at = 0; at < outcome.fired.size(); ++at) {
    if (outcome.fired[at].step != judgement.fired[at].number) return false;
    if (program.tracks[outcome.fired[at].track].name != judgement.fired[at].sequence) return false;
  }
  return true;
}

std::string describe(const Judgement& judgement) {
  std::string text = to_string(judgement.verdict);
  for (const Step& step : judgement.fired)
    text += fmt::format(", knock {} of {}", step.number + 1, step.sequence);
  for (const Service& service : judgement.granted) text += ", grants " + to_string(service);
  if (judgement.wrong) text += ", wrong";
  if (judgement.used_token) text += ", a token used up";
  return text +
         fmt::format(", locks {}, {} ms left", static_cast<int>(judgement.locked), judgement.left.count());
}

Judgement restate(const Program& program, const Outcome& outcome) {
  Judgement judgement{outcome.verdict, {},          outcome.granted, outcome.wrong, outcome.used_token,
                      outcome.locked,  outcome.left};
  for (const Fired& fired : outcome.fired)
    judgement.fired.push_back({program.tracks[fired.track].name, fired.step});
  return judgement;
}

std::string describe(const Packet& packet) {
  return fmt::format(
      "{:>6} ms {} {}{} flags {:#04x} ct {} to {}{}{}\n", packet.time.count(), to_string(packet.source),
      packet.target ? to_string(*packet.target) : "portless",
      packet.token ? fmt::format(" token {} of {}", packet.token->number, packet.token->sequence) : "",
      packet.flags, static_cast<int>(packet.conntrack), static_cast<int>(packet.destination),
      packet.ingress == Ingress::loopback ? " lo" : "", packet.needed_by_ipv6 ? " needed" : "");
}

}  // namespace

std::string difference(const Spec& spec, const Machine& machine, const std::vector<Packet>& packets) {
  const std::vector<Judgement> judgements = judge(spec, packets);
  State state;
  for (std::size_t at = 0; at < packets.size(); ++at) {
    const Outcome outcome = machine.take(state, packets[at]);
    if (agree(machine.program(), outcome, judgements[at])) continue;
    std::string text = dump(machine.program());
    for (std::size_t before = 0; before <= at; ++before) text += describe(packets[before]);
    return text + "machine: " + describe(restate(machine.program(), outcome)) + "\n  (" +
           why(machine.program(), packets[at], outcome) + ")\nnaive:   " + describe(judgements[at]) + '\n';
  }
  return {};
}

}  // namespace naive
