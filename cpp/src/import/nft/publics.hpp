// Which ports a ruleset opens to everyone: those that it cannot refuse, and that no sequence opens.
#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "import/nft/packet.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

class PublicPorts {
 public:
  // `knocked`: what sequences open.
  PublicPorts(const NftRules& rules, std::vector<Service> knocked);

  // What of these ports is public; it is added to rules().
  struct Answer {
    bool open = false;     // a part is, to IPv4 and IPv6
    bool halved = false;   // a part is, to one of them
    bool knocked = false;  // a sequence opens a part
    bool refused = false;  // a part may be refused
    int line = 0;          // by this line
    int half_line = 0;     // the line that may refuse the other family
  };
  Answer take(const std::vector<Service>& services);

  std::vector<PublicRule> rules() const;

  bool is_knocked(const Service& service) const;

 private:
  enum class To { both, ipv4, ipv6, nobody };
  struct Piece {
    To to = To::nobody;
    bool knocked = false;
    int line = 0;
  };
  const Piece& piece(Protocol protocol, std::uint16_t port);

  const NftRules& rules_;
  std::vector<Service> knocked_;
  std::map<Protocol, std::set<std::uint32_t>> bounds_;  // ports between two of them meet the same rules
  std::map<std::pair<Protocol, std::uint16_t>, Piece> pieces_;
  std::map<std::pair<Protocol, To>, std::vector<bool>> open_;  // by port
};

}  // namespace knockwork
