// Small declarations, and packets whose whole trace is asserted.
#pragma once

#include <string>
#include <vector>

#include "knockwork/knockwork.hpp"

namespace rules {

using namespace knockwork;

inline Knock udp(std::uint16_t port) { return {Protocol::udp, port}; }
inline Knock tcp(std::uint16_t port) { return {Protocol::tcp, port}; }

inline const Service kSsh{Protocol::tcp, 22, 22}, kHttp{Protocol::tcp, 80, 80},
    kMedia{Protocol::udp, 60000, 61000};

inline Sequence sequence(std::string name, std::vector<Knock> knock, std::vector<Service> opens,
                         int seconds = 60) {
  Sequence made;
  made.name = std::move(name);
  made.knock = std::move(knock);
  made.opens = std::move(opens);
  made.step_timeout = Duration::milliseconds(1000);
  made.open_for = Duration::milliseconds(seconds * 1000);
  return made;
}

inline Spec spec_of(std::vector<Sequence> sequences) {
  Spec spec;
  spec.lockout = Duration::milliseconds(2000);
  spec.sequences = std::move(sequences);
  return spec;
}

inline Spec ssh() { return spec_of({sequence("ssh", {udp(7000), udp(8000), udp(9000)}, {kSsh})}); }
inline Spec one_knock(std::vector<Service> opens) {
  return spec_of({sequence("ssh", {udp(7000)}, std::move(opens))});
}

template <typename Change>
inline Spec with(Spec spec, Change change) {
  change(spec);
  return spec;
}
inline void ignoring(Spec& spec) { spec.wrong_knock = WrongKnock::ignore; }
inline void stealth(Spec& spec) { spec.mode = Mode::stealth; }
inline void public_http(Spec& spec) {
  spec.mode = Mode::stealth;
  spec.public_services = {kHttp};
}
inline void room_for_one(Spec& spec) { spec.sources = 1; }

struct Case {
  const char* what;
  Spec spec;
  const char* script;
  const char* told;  // with a newline before it
};

// Checks each case.
void require_told(const std::vector<Case>& cases);

}  // namespace rules
