// What rules do with the first packet of a connection, as far as they are understood: whether they can
// accept it, and whether they can refuse it. A rule that is not understood can do what its words allow.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "import/nft/rule.hpp"
#include "import/nft/text.hpp"

namespace knockwork {

inline constexpr int kDeepest = 16;  // chains that jump to chains: nf_tables' own limit

struct NftPacket {
  Protocol protocol = Protocol::tcp;
  std::uint16_t port = 0;
  bool ipv6 = false;
  std::vector<NftMember> members{};  // what its source is in; of other sets it is not known
};

struct NftFate {
  bool accepted = false;                   // it can come through
  bool refused = false;                    // it can be refused
  int line = 0;                            // by this line, the first that can
  std::set<const NftStatement*> met = {};  // rules that it can come to and match
};

class NftRules {
 public:
  explicit NftRules(const NftText& text);

  // With all chains that packets for this host come to: each must accept it.
  NftFate fate(const NftPacket& packet) const;

  struct Rule {
    const NftStatement* statement;
    NftRule rule;
  };
  const std::map<std::string, std::vector<Rule>>& chains() const { return chains_; }

 private:
  const NftText& text_;
  std::map<std::string, std::vector<Rule>> chains_;
};

// "inet filter " of "inet filter input".
std::string nft_table_of(const std::string& chain);

}  // namespace knockwork
