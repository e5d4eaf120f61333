#include "lint/lint.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "knockwork/derive.hpp"
#include "knockwork/words.hpp"

namespace knockwork {
namespace {

bool repeats_a_port(const Track& track) {
  std::set<Knock> seen;
  return !std::all_of(track.edges.begin(), track.edges.end(),
                      [&](const Edge& edge) { return seen.insert(edge.knock).second; });
}

bool is_all(const Track& track, Protocol protocol) {
  return std::all_of(track.edges.begin(), track.edges.end(),
                     [&](const Edge& edge) { return edge.knock.protocol == protocol; });
}

void assess_random(const Program& program, const Sweeps& sweeps, std::size_t track, Odds& odds,
                   Assessment& made) {
  const Track& swept = program.tracks[track];
  if (repeats_a_port(swept)) return;  // a sweep has each port once
  const std::uint32_t tcp = sweeps.wrong_ports(track, Protocol::tcp);
  const std::uint32_t udp = sweeps.wrong_ports(track, Protocol::udp);
  const auto random = [&](std::uint32_t ports, std::uint32_t wrong) {
    return odds.random_sweep(
        {ports, made.knocks, wrong, swept.step_timeout, program.lockout_time, swept.sequence_timeout});
  };
  if (is_all(swept, Protocol::tcp)) made.tcp = random(kPorts, tcp);
  if (is_all(swept, Protocol::udp)) made.udp = random(kPorts, udp);
  made.both = random(2 * kPorts, tcp + udp);

  const bool mixed = made.tcp == 0 && made.udp == 0;
  const std::uint32_t wrong = mixed ? tcp + udp : made.tcp > 0 ? tcp : udp;
  const double lockout =
      program.lockout ? static_cast<double>(program.lockout_time.milliseconds()) / 1000 : 0;
  made.repeated_seconds =
      ((mixed ? 2 : 1) * kPorts / kPacketsPerSecond + lockout) / odds.fast_random_sweep(made.knocks, wrong);
}

}  // namespace

double Assessment::random() const { return std::max({tcp, udp, both}); }

namespace {

const Sequence& sequence_named(const std::string& name, const Spec& spec) {
  return *std::find_if(spec.sequences.begin(), spec.sequences.end(),
                       [&](const Sequence& one) { return one.name == name; });
}

// One packet is a guess, and no wrong one costs anything. No sweep opens it.
void assess_token(const Sequence& sequence, Assessment& made) {
  made.knocks = 0;
  made.tokens = tokens_at_once(*sequence.token);
  made.guess = guess_of_token(*made.tokens);
  made.risks = risks(sequence, made.guess);
}

// As `derive show` has them, of a derived sequence.
double choices_of(const Assessment& made, const Spec& declared) {
  const auto derived =
      std::find_if(declared.sequences.begin(), declared.sequences.end(), [&](const Sequence& sequence) {
        return sequence.derive && sequence.name == made.name.substr(0, made.name.find('#'));
      });
  return derived == declared.sequences.end() ? choices_of_any_ports(made.knocks) : choices(*derived->derive);
}

}  // namespace

std::vector<Assessment> assess(const Spec& spec, const std::optional<PortRange>& ephemeral,
                               const Spec& declared) {
  const Program program = compile(spec);
  const Sweeps sweeps(program);
  Odds odds;
  const std::uint32_t wrong = sweeps.wrong_ports(Protocol::tcp) + sweeps.wrong_ports(Protocol::udp);
  const auto lockout = program.lockout ? std::optional(program.lockout_time) : std::nullopt;
  std::vector<Assessment> assessments;
  assessments.reserve(program.tracks.size());
  for (std::size_t track = 0; track < program.tracks.size(); ++track) {
    Assessment& made = assessments.emplace_back();
    made.name = program.tracks[track].name;
    if (program.tracks[track].token) {
      const Sequence& sequence = sequence_named(made.name, spec);
      assess_token(sequence, made);
      made.advice = advice(program, program.tracks[track], made, ephemeral);
      if (auto more = advice(*sequence.token)) made.advice.push_back(std::move(*more));
      continue;
    }
    made.knocks = static_cast<std::uint32_t>(program.tracks[track].edges.size());
    made.guess = guess(made.knocks, choices_of(made, declared), wrong, lockout);
    made.ascending = sweeps.opens(track, {Order::Direction::ascending});
    made.descending = sweeps.opens(track, {Order::Direction::descending});
    made.strides = sweeps.strides(track);
    assess_random(program, sweeps, track, odds, made);
    made.advice = advice(program, program.tracks[track], made, ephemeral);
  }
  std::sort(assessments.begin(), assessments.end(),
            [](const auto& left, const auto& right) { return natural_less(left.name, right.name); });
  return assessments;
}

}  // namespace knockwork
