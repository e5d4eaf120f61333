#include "kernel/netlink/elements.hpp"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "host/system_calls.hpp"
#include "kernel/netlink/netlink.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kTick{20};  // the kernel counts an element's time in ticks

struct Search {
  Clock::time_point at;
  bool found = false;
};

struct Seen {
  bool end = false;  // of an interval: nothing of its own, and one is left where all intervals have gone
  std::optional<std::uint64_t> timeout, expires;
};

int take_part(const nlattr* attribute, void* data) {
  auto* seen = static_cast<Seen*>(data);
  const int type = libmnl().attr_get_type(attribute);
  if (type == NFTA_SET_ELEM_FLAGS && libmnl().attr_validate(attribute, MNL_TYPE_U32) == 0)
    seen->end = (ntohl(libmnl().attr_get_u32(attribute)) & NFT_SET_ELEM_INTERVAL_END) != 0;
  if (libmnl().attr_validate(attribute, MNL_TYPE_U64) != 0) return MNL_CB_OK;
  if (type == NFTA_SET_ELEM_TIMEOUT) seen->timeout = be64toh(libmnl().attr_get_u64(attribute));
  if (type == NFTA_SET_ELEM_EXPIRATION) seen->expires = be64toh(libmnl().attr_get_u64(attribute));
  return MNL_CB_OK;
}

// One whose timeout is the set's own says only when it expires: nothing is known of its age.
int take_element(const nlattr* attribute, void* data) {
  auto* search = static_cast<Search*>(data);
  Seen seen;
  if (libmnl().attr_parse_nested(attribute, take_part, &seen) < 0) return MNL_CB_ERROR;
  const bool lasts = !seen.timeout && !seen.expires;
  const bool old = seen.timeout && seen.expires && *seen.timeout >= *seen.expires &&
                   Clock::now() - milliseconds(*seen.timeout - *seen.expires) + kTick < search->at;
  search->found = search->found || (!seen.end && (lasts || old));
  return MNL_CB_OK;
}

int take_elements(const nlattr* attribute, void* data) {
  if (libmnl().attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS) return MNL_CB_OK;
  return libmnl().attr_parse_nested(attribute, take_element, data);
}

int take_message(const nlmsghdr* header, void* data) {
  return libmnl().attr_parse(header, sizeof(nfgenmsg), take_elements, data);
}

nlmsghdr* put_question(char* buffer, int message, std::string_view table) {
  static_assert(static_cast<int>(NFTA_SET_ELEM_LIST_TABLE) == static_cast<int>(NFTA_RULE_TABLE));
  nlmsghdr* header =
      put_request(buffer, NFNL_SUBSYS_NFTABLES, message, NLM_F_REQUEST | NLM_F_DUMP, NFPROTO_INET);
  libmnl().attr_put_strz(header, NFTA_RULE_TABLE, std::string(table.substr(table.find(' ') + 1)).c_str());
  return header;
}

// Nothing comes of what has gone meanwhile.
void take_all(const mnl_socket* socket, const nlmsghdr* question, mnl_cb_t take, void* data) {
  const Dumped dumped = dump(socket, question, take, data);
  const bool has_gone = dumped == Dumped::refused && errno == ENOENT;
  if (dumped != Dumped::all && !has_gone) cannot_read_nf_tables();
}

Socket open_to_read() {
  Socket socket = open_netlink(NETLINK_NETFILTER);
  if (!socket) cannot_read_nf_tables();
  return socket;
}

struct Chains {
  const std::vector<std::string_view>& names;
  bool found = false;
};

int take_chain(const nlattr* attribute, void* data) {
  if (libmnl().attr_get_type(attribute) != NFTA_RULE_CHAIN ||
      libmnl().attr_validate(attribute, MNL_TYPE_NUL_STRING) != 0)
    return MNL_CB_OK;
  auto* chains = static_cast<Chains*>(data);
  const std::string_view name = libmnl().attr_get_str(attribute);
  chains->found =
      chains->found || std::find(chains->names.begin(), chains->names.end(), name) != chains->names.end();
  return MNL_CB_OK;
}

// The tables' names are not looked at: the kernel sends the rules of the one that was asked for.
int take_rule(const nlmsghdr* header, void* data) {
  return libmnl().attr_parse(header, sizeof(nfgenmsg), take_chain, data);
}

}  // namespace

bool had_elements(std::string_view table, const std::vector<std::string_view>& sets, Clock::time_point at) {
  return asked_again([&] {
    const Socket socket = open_to_read();
    Search search{at};
    for (const std::string_view set : sets) {
      std::array<char, 1024> buffer{};
      nlmsghdr* const request = put_question(buffer.data(), NFT_MSG_GETSETELEM, table);
      libmnl().attr_put_strz(request, NFTA_SET_ELEM_LIST_SET, std::string(set).c_str());
      take_all(socket.get(), request, take_message, &search);
    }
    return search.found;
  });
}

bool has_rules(std::string_view table, const std::vector<std::string_view>& chains) {
  if (chains.empty()) return false;
  return asked_again([&] {
    Chains found{chains};
    std::array<char, 1024> buffer{};
    take_all(open_to_read().get(), put_question(buffer.data(), NFT_MSG_GETRULE, table), take_rule, &found);
    return found.found;
  });
}

}  // namespace knockwork
