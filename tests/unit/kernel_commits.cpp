#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "catch.hpp"
#include "kernel/libraries/libmnl.hpp"
#include "kernel/netlink/commits.hpp"

using namespace knockwork;

namespace {

constexpr std::uint8_t kInet = NFPROTO_INET;

// A notification of nftables: what kind, of which family, and its table's name.
bool about_ours(std::uint16_t kind, std::uint8_t family, const char* table, std::uint16_t attribute = 1,
                std::uint32_t cut = 0) {
  alignas(nlmsghdr) std::array<char, 256> room{};
  nlmsghdr* header = libmnl().nlmsg_put_header(room.data());
  header->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | kind);
  static_cast<nfgenmsg*>(libmnl().nlmsg_put_extra_header(header, sizeof(nfgenmsg)))->nfgen_family = family;
  if (table != nullptr) libmnl().attr_put_strz(header, attribute, table);
  return is_about_ours({reinterpret_cast<const std::byte*>(room.data()), header->nlmsg_len - cut});
}

bool all_kinds(std::uint8_t family, const char* table, std::uint16_t attribute, bool expected) {
  constexpr std::array kKinds{NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE, NFT_MSG_NEWCHAIN,   NFT_MSG_DELCHAIN,
                              NFT_MSG_NEWRULE,  NFT_MSG_DELRULE,  NFT_MSG_NEWSET,     NFT_MSG_DELSET,
                              NFT_MSG_NEWOBJ,   NFT_MSG_DELOBJ,   NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM};
  return std::all_of(kKinds.begin(), kKinds.end(), [&](const auto kind) {
    return about_ours(static_cast<std::uint16_t>(kind), family, table, attribute) == expected;
  });
}

}  // namespace

TEST_CASE("only what happens in our table wakes the repair", "[kernel]") {
  CHECK(all_kinds(kInet, "knockwork", 1, true));
  CHECK(all_kinds(kInet, "knockwork2", 1, false));
  CHECK(all_kinds(kInet, "knock", 1, false));
  CHECK(all_kinds(NFPROTO_IPV4, "knockwork", 1, false));
  CHECK(all_kinds(kInet, nullptr, 1, false));
  CHECK(all_kinds(kInet, "knockwork", 2, false));
  CHECK_FALSE(about_ours(NFT_MSG_NEWGEN, kInet, "knockwork"));
  CHECK_FALSE(about_ours(NFT_MSG_NEWTABLE, kInet, "knockwork", 1, 1));
}
