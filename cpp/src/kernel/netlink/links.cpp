#include "kernel/netlink/links.hpp"

#include <fmt/format.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <map>
#include <string_view>

#include "host/system_calls.hpp"
#include "kernel/netlink/netlink.hpp"
#include "knockwork/diagnostic.hpp"

namespace knockwork {
namespace {

// Linux 5.5; newer than the headers of some distributions.
constexpr std::uint16_t kPropertyList = 52, kAlternativeName = 53;
constexpr std::uint32_t kSkipStatistics = 1U << 3;

struct Numbered {
  Link link;
  std::uint32_t master = 0;  // 0: none
};
using Found = std::map<std::uint32_t, Numbered>;  // by their numbers

std::uint16_t type_of(const nlattr* attribute) {
  return static_cast<std::uint16_t>(libmnl().attr_get_type(attribute));
}

int take_property(const nlattr* attribute, void* data) {
  if (type_of(attribute) == kAlternativeName) {
    static_cast<Link*>(data)->other_names.emplace_back(libmnl().attr_get_str(attribute));
  }
  return MNL_CB_OK;
}

int take_info(const nlattr* attribute, void* data) {
  if (type_of(attribute) == IFLA_INFO_KIND)
    static_cast<Link*>(data)->is_vrf = std::string_view(libmnl().attr_get_str(attribute)) == "vrf";
  return MNL_CB_OK;
}

int take_link_attribute(const nlattr* attribute, void* data) {
  auto& found = *static_cast<Numbered*>(data);
  switch (type_of(attribute)) {
    case IFLA_IFNAME:
      found.link.name = libmnl().attr_get_str(attribute);
      break;
    case IFLA_MASTER:
      found.master = libmnl().attr_get_u32(attribute);
      break;
    case IFLA_LINKINFO:
      return libmnl().attr_parse_nested(attribute, take_info, &found.link);
    case kPropertyList:
      return libmnl().attr_parse_nested(attribute, take_property, &found.link);
    default:
      break;
  }
  return MNL_CB_OK;
}

int take_link(const nlmsghdr* header, void* data) {
  const auto* link = static_cast<const ifinfomsg*>(libmnl().nlmsg_get_payload(header));
  Numbered found;
  if (libmnl().attr_parse(header, sizeof *link, take_link_attribute, &found) < 0) return MNL_CB_ERROR;
  (*static_cast<Found*>(data))[static_cast<std::uint32_t>(link->ifi_index)] = std::move(found);
  return MNL_CB_OK;
}

bool ask(const mnl_socket* socket, Found& found) {
  std::array<char, 1024> buffer{};
  nlmsghdr* header = libmnl().nlmsg_put_header(buffer.data());
  header->nlmsg_type = RTM_GETLINK;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header->nlmsg_seq = static_cast<std::uint32_t>(std::time(nullptr));
  libmnl().nlmsg_put_extra_header(header, sizeof(ifinfomsg));
  libmnl().attr_put_u32(header, IFLA_EXT_MASK, kSkipStatistics);
  return dump(socket, header, take_link, &found) == Dumped::all;
}

Found read_numbered() {
  Found found;
  const Socket socket = open_netlink(NETLINK_ROUTE);
  if (socket && ask(socket.get(), found)) return found;
  const std::string why = fmt::format("cannot read the network interfaces: {}", std::strerror(errno));
  if (errno == EINTR) throw Interrupted(why);
  throw SystemError(why);
}

}  // namespace

std::vector<Link> read_links() {
  const Found found = asked_again(read_numbered);
  std::vector<Link> links;
  for (const auto& [number, each] : found) {
    Link& link = links.emplace_back(each.link);
    if (const auto master = found.find(each.master); master != found.end())
      link.master = master->second.link.name;
  }
  return links;
}

}  // namespace knockwork
