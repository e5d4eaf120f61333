// Small inputs exhaustively: the machine against the naive machine.
//
// One source with room enough is tried in everything. Where sets are full, and in builds
// that are slow by intention, a sample is drawn by stride; KNOCKWORK_EXHAUSTIVE=1 tries all.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "catch.hpp"
#include "machine_against_naive.hpp"

namespace {

using namespace knockwork;
using Scripts = std::vector<std::vector<std::size_t>>;  // letters by their index

#if !defined(NDEBUG) || defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kEverything = 127, kSample = 127;
#else
constexpr std::size_t kEverything = 1, kSample = 7;
#endif

constexpr std::uint16_t kFirstPort = 7000;

// Gaps between packets, used in turn, around a step timeout of 1 s: well within
// it; the last moment and the first that is too late; halves that add up to it.
const std::vector<std::vector<int>> kSpacings{{100}, {999, 1000}, {500}};

// Never so long that fewer than eight declarations were left.
std::size_t stride(std::size_t wanted, std::size_t declarations) {
  return std::getenv("KNOCKWORK_EXHAUSTIVE") != nullptr ? 1 : std::min(wanted, declarations / 8);
}

// All words of exactly `length` letters. What a packet does depends on nothing
// after it, so shorter scripts are covered as beginnings.
Scripts words(std::size_t letters, std::size_t length) {
  Scripts all{{}};
  for (std::size_t at = 0; at < length; ++at) {
    Scripts longer;
    for (const auto& word : all) {
      for (std::size_t letter = 0; letter < letters; ++letter) {
        longer.push_back(word);
        longer.back().push_back(letter);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::vector<std::vector<Knock>> all_knocks(std::size_t ports, std::size_t steps) {
  std::vector<std::vector<Knock>> all;
  for (std::size_t length = 1; length <= steps; ++length) {
    for (const auto& word : words(ports, length)) {
      std::vector<Knock>& knocks = all.emplace_back();
      for (const std::size_t letter : word) {
        knocks.push_back({Protocol::udp, static_cast<std::uint16_t>(kFirstPort + letter)});
      }
    }
  }
  return all;
}

// Two sequences that differ in everything that could be mixed up.
Sequence first_sequence(std::vector<Knock> knock) {
  Sequence sequence;
  sequence.name = "a";
  sequence.knock = std::move(knock);
  sequence.opens = {{Protocol::tcp, 22, 22}};
  sequence.step_timeout = Duration::milliseconds(1000);
  sequence.open_for = Duration::milliseconds(2000);
  return sequence;
}

Sequence second_sequence(std::vector<Knock> knock) {
  Sequence sequence = first_sequence(std::move(knock));
  sequence.name = "b";
  sequence.opens = {{Protocol::udp, 60000, 60010}, {Protocol::tcp, 22, 22}};
  sequence.step_timeout = Duration::milliseconds(1500);
  sequence.open_for = Duration::milliseconds(700);
  return sequence;
}

std::vector<Spec> declarations(std::size_t sequences) {
  const std::vector<std::vector<Knock>> knocks = all_knocks(3, 3);
  std::vector<Spec> specs(1);
  for (const auto& knock : knocks) specs.emplace_back().sequences = {first_sequence(knock)};
  if (sequences == 2) {
    for (const auto& first : knocks) {
      for (const auto& second : knocks) {
        specs.emplace_back().sequences = {first_sequence(first), second_sequence(second)};
      }
    }
  }
  for (Spec& spec : specs) spec.lockout = Duration::milliseconds(1000);
  return specs;
}

Packet packet(Instant time, Knock target, std::uint8_t host) {
  Packet packet;
  packet.time = time;
  packet.source = {false, {192, 0, 2, host}, 32};
  packet.target = target;
  return packet;
}

// The script's knocks (host = letter / ports, port = letter % ports), and then a
// try at either service from each host, so that what is left of a grant counts too.
std::vector<Packet> play(const std::vector<std::size_t>& word, const std::vector<int>& spacing,
                         std::size_t hosts, std::size_t ports) {
  std::vector<Packet> packets;
  Instant now{0};
  for (std::size_t at = 0; at < word.size(); ++at) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + word[at] % ports);
    packets.push_back(packet(now, {Protocol::udp, port}, static_cast<std::uint8_t>(word[at] / ports)));
    now += Instant(spacing[at % spacing.size()]);
  }
  for (std::size_t host = 0; host < hosts; ++host) {
    packets.push_back(packet(now, {Protocol::tcp, 22}, static_cast<std::uint8_t>(host)));
    packets.push_back(packet(now, {Protocol::udp, 60005}, static_cast<std::uint8_t>(host)));
  }
  return packets;
}

// Every script in every spacing, once.
std::vector<std::vector<Packet>> plays(std::size_t length, std::size_t hosts, std::size_t ports) {
  std::vector<std::vector<Packet>> all;
  for (const auto& spacing : kSpacings) {
    for (const auto& word : words(hosts * ports, length)) all.push_back(play(word, spacing, hosts, ports));
  }
  return all;
}

void require_agreement(const char* what, std::size_t wanted, const std::vector<Spec>& specs,
                       const std::vector<std::vector<Packet>>& scripts) {
  const auto began = std::chrono::steady_clock::now();
  const std::size_t step = stride(wanted, specs.size());
  std::size_t tried = 0;
  for (std::size_t at = 0; at < specs.size(); at += step, ++tried) {
    const Machine machine(compile(specs[at]));
    for (const auto& script : scripts) {
      const std::string difference = naive::difference(specs[at], machine, script);
      if (!difference.empty()) FAIL(difference);
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << what << ": " << tried << " of " << specs.size() << " declarations x " << scripts.size()
            << " scripts agree with the naive machine, " << took.count() << " s"
            << (step == 1 ? "\n" : " (KNOCKWORK_EXHAUSTIVE=1 tries all)\n");
  CHECK(tried > 0);
}

}  // namespace

TEST_CASE("machine and naive machine agree on all small declarations and scripts", "[machine][exhaustive]") {
  std::vector<Spec> specs;
  for (const Spec& declared : declarations(2)) {
    specs.push_back(declared);
    specs.push_back(declared);
    specs.back().wrong_knock = WrongKnock::ignore;
  }
  require_agreement("two sequences", kEverything, specs, plays(6, 1, 3));
}

TEST_CASE("machine and naive machine agree where a guard port is among the knocks", "[machine][exhaustive]") {
  require_agreement("with a guard", kEverything, declarations(1), plays(6, 1, 4));
}

namespace {

// Tokens of one or two sequences, beside a knock, as each key makes a difference.
std::vector<Spec> token_declarations() {
  std::vector<Spec> specs;
  for (const Mode mode : {Mode::gate, Mode::stealth}) {
    for (const bool once : {false, true}) {
      for (const bool picky : {false, true}) {
        for (const std::uint32_t room : {1u, 65536u}) {
          Spec& spec = specs.emplace_back();
          spec.mode = mode;
          spec.sources = room;
          spec.lockout = Duration::milliseconds(1000);
          Sequence token = first_sequence({});
          token.token.emplace().port = {Protocol::udp, kFirstPort + 3};
          token.once = once;
          if (picky) token.from = {*parse_network("192.0.2.1")};
          Sequence other = second_sequence({});
          other.token.emplace().port = {Protocol::udp, kFirstPort + 3};
          Sequence knocks = second_sequence({{Protocol::udp, kFirstPort}});
          knocks.name = "c";
          spec.sequences = {token, other, knocks};
        }
      }
    }
  }
  return specs;
}

// Of either host: two tokens of one sequence, one of the other, none, a knock, and a token to the knock's
// port.
std::vector<Packet> play_tokens(const std::vector<std::size_t>& word, const std::vector<int>& spacing) {
  constexpr std::size_t kLetters = 6;
  std::vector<Packet> packets = play(word, spacing, 2, kLetters);
  for (std::size_t at = 0; at < word.size(); ++at) {
    const std::size_t letter = word[at] % kLetters;
    packets[at].target->port = letter < 4 ? kFirstPort + 3 : kFirstPort;
    if (letter < 2) packets[at].token = {"a", static_cast<std::uint32_t>(letter)};
    if (letter == 2 || letter == 5) packets[at].token = {"b", 0};
  }
  return packets;
}

}  // namespace

TEST_CASE("machine and naive machine agree on all small scripts with tokens", "[machine][exhaustive]") {
  std::vector<std::vector<Packet>> scripts;
  for (const auto& spacing : kSpacings) {
    for (const auto& word : words(12, 4)) scripts.push_back(play_tokens(word, spacing));
  }
  require_agreement("tokens", kEverything, token_declarations(), scripts);
}

TEST_CASE("machine and naive machine agree where sets are full", "[machine][exhaustive]") {
  std::vector<Spec> specs;
  for (const Spec& declared : declarations(2)) {
    for (const std::uint32_t room : {1u, 2u}) {
      specs.push_back(declared);
      specs.back().sources = room;
    }
  }
  require_agreement("two hosts, little room", kSample, specs, plays(4, 2, 3));
}
