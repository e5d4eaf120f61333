// What stands beside the gate: the chains of other tables, as far as they can be told.
//
// A packet that the gate refuses must end as one to a closed port does. Where another firewall
// decides how that is, the gate answers likewise by itself.
#pragma once

#include <string>
#include <vector>

#include "program/program.hpp"
#include "surroundings/answered.hpp"
#include "surroundings/others.hpp"

namespace knockwork {

// What closed ports answer to strangers because of others, where that is certain: sorted; those
// that answer as the host itself does are left out.
std::vector<Answered> answers(const std::vector<OtherTable>& others, const Program& program);

// Those of them that the gate has to give by itself: where that firewall does not see what the gate
// refuses as it sees a closed port, for a refused connection is translated, and an error for a refused
// datagram would quote another port.
std::vector<Answered> imitated(const std::vector<OtherTable>& others, const Program& program);

// Where a grant lets nobody in, since another firewall refuses the service to everybody, and where
// it cannot be told how closed ports answer, or the gate does not answer so; `given` is what it imitates.
// Names sequences and chains, never a port.
std::vector<std::string> warnings(const std::vector<OtherTable>& others, const Program& program,
                                  const std::vector<Answered>& given = {});

}  // namespace knockwork
