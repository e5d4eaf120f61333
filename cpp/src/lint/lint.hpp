// How hard each sequence is to open for those who do not know it, and advice
// where it is too easy. Pure; says names and steps, never a port.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lint/odds.hpp"
#include "lint/sweep.hpp"
#include "program/program.hpp"

namespace knockwork {

struct Risk {
  const char* of;  // "observer", "guesser", "profile", "host"
  std::string text;
};

struct Assessment {  // of one sequence
  std::string name;
  std::uint32_t knocks = 0;
  Guess guess;
  bool ascending = false, descending = false;  // whether such a sweep opens it
  Strides strides;
  double tcp = 0, udp = 0, both = 0;  // odds of a random sweep over these ports
  double repeated_seconds = 0;  // after which repeated fast random sweeps of one source open it, on average
  // Of one that is opened by tokens: how many the table holds, and what is in whose power.
  std::optional<std::int64_t> tokens;
  std::vector<Risk> risks;
  std::vector<std::string> advice;

  double random() const;  // the best of the three
};

// Of a declaration in force. `ephemeral`: the ports that this host gives its own outgoing traffic, where they
// are known. `declared` says from which ports derived sequences are drawn.
std::vector<Assessment> assess(const Spec& spec, const std::optional<PortRange>& ephemeral,
                               const Spec& declared = {});

// What can be said about one sequence in the light of its odds; no full stops.
std::vector<std::string> advice(const Program& program, const Track& track, const Assessment& odds,
                                const std::optional<PortRange>& ephemeral);

// The same about how long its tokens last.
std::optional<std::string> advice(const Token& token);

// What an observer of its tokens can do, a guesser, a thief of its key and one of this host's files.
std::vector<Risk> risks(const Sequence& sequence, const Guess& guess);

std::string one_in(double odds);  // "1 in 4.4e15", "never"

// A table of 80 columns, then the advice; where it is the same for several sequences, once.
std::string to_text(const std::vector<Assessment>& assessments);

// {"sequences": [{"name": "ssh", "knocks": 3, "tokens": 0, "bits": 51.0, "guess": 4.4e-16, …,
//                 "risks": {}, "advice": ["…"]}]}
// Of one that is opened by tokens: "knocks": 0, "tokens": how many the table holds, and
// "risks": {"observer": "…", "guesser": "…", "profile": "…", "host": "…"}.
std::string to_json(const std::vector<Assessment>& assessments);

}  // namespace knockwork
