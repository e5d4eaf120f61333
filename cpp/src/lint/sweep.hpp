// Whether a sweep in a regular order opens a sequence.
//
// A sweep sends every port of one protocol once, from one source, at a steady
// rate. Its source is taken to be the luckiest one: inside every `from`, with no
// other packets on its way. A sweep that opens a sequence meets its knocks in
// their order, each soon enough, and nothing wrong from one lockout before the
// first knock to the last one. No rate helps against a wrong packet between two
// knocks: a lockout is never shorter than a step_timeout.
//
// What this decides by counting ports, the reference machine has to confirm: the
// plain directions always, of strides the smallest. Of a declaration with more
// than 300 sequences and no guards not every stride is tried, but all small ones.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "machine/machine.hpp"
#include "program/program.hpp"

namespace knockwork {

inline constexpr std::uint32_t kPorts = 65535;  // of one protocol

// p, p+stride, p+2*stride, … for the residues 0 to stride-1; a stride of 1 is plainly upwards.
struct Order {
  enum class Direction { ascending, descending };
  Direction direction = Direction::ascending;
  std::uint32_t stride = 1;  // of an ascending one

  std::uint32_t place(std::uint16_t port) const;  // from 0
};

// Where the ports of an order are.
class Places {
 public:
  explicit Places(Order order)
      : order_(order), rounds_(kPorts / order.stride), rest_(kPorts % order.stride) {}
  std::uint32_t of(std::uint16_t port) const;  // from 0

 private:
  Order order_;
  std::uint32_t rounds_, rest_;
};

struct Strides {
  std::uint32_t count = 0;              // of 2 to 65535, those by which it opens
  std::vector<std::uint32_t> smallest;  // three at most; they give distances of ports away
  bool operator==(const Strides&) const = default;
};

class Sweeps {
 public:
  explicit Sweeps(const Program& program);

  bool opens(std::size_t track, Order order) const;
  Strides strides(std::size_t track) const;

  // Ports of a protocol on which a packet is wrong unless a sequence is under
  // way, without those of the track and those that follow one of them elsewhere.
  std::uint32_t wrong_ports(std::size_t track, Protocol protocol) const;
  std::uint32_t wrong_ports(Protocol protocol) const;

 private:
  void list_watched();
  enum class Kind : std::uint8_t { quiet, wrong, knock };
  struct Use {
    Knock knock;
    std::size_t track = 0, step = 0;
    auto operator<=>(const Use&) const = default;
  };
  struct Uses {  // of uses_
    std::uint32_t begin = 0, end = 0;
  };
  struct Side {  // one protocol
    std::vector<Kind> kinds = std::vector<Kind>(kPorts + 1, Kind::quiet);
    std::vector<std::uint8_t> first =
        std::vector<std::uint8_t>(kPorts + 1);               // 1: first knock of some sequence
    std::vector<Uses> uses = std::vector<Uses>(kPorts + 1);  // as knocks
    std::vector<std::uint16_t> watched;                      // all that are not quiet, sorted
    std::uint32_t wrong = 0;                                 // those that are not a first knock
  };
  struct Passage {  // of a sweep through a track
    std::vector<std::uint32_t> places;
    std::uint32_t gap = 0, span = 0;  // the longest between two knocks, and from first to last
  };
  struct Met {
    std::uint32_t place = 0;
    std::uint16_t port = 0;
    auto operator<=>(const Met&) const = default;
  };
  enum class Meets { nothing, others, wrong };

  Side& side(Protocol protocol) { return sides_[protocol == Protocol::tcp ? 0 : 1]; }
  const Side& side(Protocol protocol) const { return sides_[protocol == Protocol::tcp ? 0 : 1]; }
  std::optional<Passage> passage(std::size_t track, Order order) const;
  std::uint32_t shadow(const Track& track, const Passage& passage) const;
  bool may_fire(Knock knock, const Places& places) const;
  Meets meets(const Track& track, const Passage& passage, Order order) const;
  std::vector<Met> met(Protocol protocol, Order order, std::uint32_t last) const;
  bool confirmed(std::size_t track, const Passage& passage, Order order) const;
  std::vector<std::uint32_t> candidates(const Track& track) const;
  std::span<const Use> uses_of(Knock knock) const;

  Program program_;        // as the luckiest source meets it
  Machine machine_;        // the same with finer times
  std::vector<Use> uses_;  // sorted
  std::array<Side, 2> sides_;
};

}  // namespace knockwork
