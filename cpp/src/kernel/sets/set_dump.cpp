#include "kernel/sets/set_dump.hpp"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>

#include "host/system_calls.hpp"
#include "kernel/netlink/netlink.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {
namespace {

using Bytes = std::span<const unsigned char>;

std::uint32_t host_order(Bytes bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// Each takes its part of a key; false for a value that nftables has a word for.
using Write = bool (*)(Bytes, std::string&);

bool write_ipv4(Bytes bytes, std::string& text) {
  std::array<char, INET_ADDRSTRLEN> name{};
  text += inet_ntop(AF_INET, bytes.data(), name.data(), name.size());
  return true;
}

bool write_ipv6(Bytes bytes, std::string& text) {
  std::array<char, INET6_ADDRSTRLEN> name{};
  text += inet_ntop(AF_INET6, bytes.data(), name.data(), name.size());
  return true;
}

bool write_byte(Bytes bytes, std::string& text) {
  text += std::to_string(bytes[0]);
  return true;
}

bool write_port(Bytes bytes, std::string& text) {
  text += std::to_string(bytes[0] << 8 | bytes[1]);
  return true;
}

bool write_mark(Bytes bytes, std::string& text) {
  text += nft_mark(host_order(bytes));
  return true;
}

bool write_edge(Bytes bytes, std::string& text) {
  const std::uint32_t edge = host_order(bytes);
  text += edge_key(edge);
  return edge != 0 && edge != 0xffffffff;
}

// The numbers are nftables' own, which it stores with a set and never changes.
struct Type {
  std::uint32_t number;
  std::size_t size;
  Write write;
};
constexpr std::array kTypes{Type{7, 4, write_ipv4},  Type{8, 16, write_ipv6}, Type{12, 1, write_byte},
                            Type{13, 2, write_port}, Type{19, 4, write_mark}, Type{23, 4, write_edge}};
constexpr std::uint32_t kTypeBits = 6, kVerdict = 0xffffff00;

// The types of a concatenation, first to last; empty where one is not known.
std::vector<Type> types_of(std::uint32_t packed) {
  std::vector<Type> types;
  for (; packed != 0; packed >>= kTypeBits) {
    const auto type = std::find_if(kTypes.begin(), kTypes.end(), [&](const Type& each) {
      return each.number == (packed & ((1U << kTypeBits) - 1));
    });
    if (type == kTypes.end()) return {};
    types.insert(types.begin(), *type);
  }
  return types;
}

// In a concatenation each part fills whole words.
bool write(const std::vector<Type>& types, Bytes bytes, std::string& text) {
  for (std::size_t part = 0; part < types.size(); ++part) {
    const Type& type = types[part];
    const std::size_t taken = types.size() == 1 ? type.size : (type.size + 3) / 4 * 4;
    if (bytes.size() < taken) return false;
    if (part != 0) text += " . ";
    if (!type.write(bytes.first(type.size), text)) return false;
    bytes = bytes.subspan(taken);
  }
  return bytes.empty();
}

// Attributes by their number.
template <std::size_t kMost>
using Table = std::array<const nlattr*, kMost + 1>;

template <std::size_t kMost>
int take(const nlattr* attribute, void* data) {
  if (const std::uint16_t type = libmnl().attr_get_type(attribute); type <= kMost)
    (*static_cast<Table<kMost>*>(data))[type] = attribute;
  return MNL_CB_OK;
}

template <std::size_t kMost>
Table<kMost> nested(const nlattr* attribute) {
  Table<kMost> table{};
  if (libmnl().attr_parse_nested(attribute, take<kMost>, &table) < 0) return {};
  return table;
}

Bytes bytes_of(const nlattr* attribute) {
  return {static_cast<const unsigned char*>(libmnl().attr_get_payload(attribute)),
          libmnl().attr_get_payload_len(attribute)};
}

bool write_verdict(const nlattr* verdict, std::string& text) {
  const auto parts = nested<NFTA_VERDICT_MAX>(verdict);
  if (parts[NFTA_VERDICT_CODE] == nullptr) return false;
  const nlattr* const chain = parts[NFTA_VERDICT_CHAIN];
  switch (static_cast<std::int32_t>(ntohl(libmnl().attr_get_u32(parts[NFTA_VERDICT_CODE])))) {
    case NF_ACCEPT:
      text += "accept";
      return true;
    case NF_DROP:
      text += "drop";
      return true;
    case NFT_RETURN:
      text += "return";
      return true;
    case NFT_CONTINUE:
      text += "continue";
      return true;
    case NFT_JUMP:
      text += "jump ";
      break;
    case NFT_GOTO:
      text += "goto ";
      break;
    default:
      return false;
  }
  if (chain == nullptr || libmnl().attr_validate(chain, MNL_TYPE_NUL_STRING) < 0) return false;
  text += libmnl().attr_get_str(chain);
  return true;
}

// nftables keeps a comment among what the kernel does not look at: type, length, text with its zero.
bool write_comment(Bytes bytes, std::string& text) {
  constexpr unsigned char kComment = 0;
  if (bytes.size() < 3 || bytes[0] != kComment || bytes[1] != bytes.size() - 2 || bytes.back() != 0)
    return false;
  const std::string_view said(reinterpret_cast<const char*>(bytes.data()) + 2, bytes.size() - 3);
  if (said.find_first_of(std::string_view("\"\n\0", 3)) != std::string_view::npos) return false;
  text.append(" comment \"").append(said).append("\"");
  return true;
}

std::optional<std::chrono::milliseconds> time_of(const nlattr* attribute) {
  if (attribute == nullptr || libmnl().attr_validate(attribute, MNL_TYPE_U64) < 0) return std::nullopt;
  return std::chrono::milliseconds(be64toh(libmnl().attr_get_u64(attribute)));
}

struct Dump {
  DumpedSet set;
  std::vector<Type> key, data;
  bool verdicts = false;
};

bool write_data(const Dump& dump, const nlattr* attribute, std::string& text) {
  const auto value = nested<NFTA_DATA_MAX>(attribute);
  if (dump.verdicts)
    return value[NFTA_DATA_VERDICT] != nullptr && write_verdict(value[NFTA_DATA_VERDICT], text);
  return value[NFTA_DATA_VALUE] != nullptr && write(dump.data, bytes_of(value[NFTA_DATA_VALUE]), text);
}

bool write_element(const Dump& dump, const nlattr* attribute, std::string& text) {
  const auto parts = nested<NFTA_SET_ELEM_MAX>(attribute);
  for (std::size_t type = 1; type < parts.size(); ++type) {
    constexpr std::array kKnown{NFTA_SET_ELEM_KEY,        NFTA_SET_ELEM_DATA,     NFTA_SET_ELEM_TIMEOUT,
                                NFTA_SET_ELEM_EXPIRATION, NFTA_SET_ELEM_USERDATA, NFTA_SET_ELEM_PAD};
    const bool known = std::any_of(kKnown.begin(), kKnown.end(),
                                   [&](auto each) { return static_cast<std::size_t>(each) == type; });
    if (parts[type] != nullptr && !known) return false;
  }
  if (parts[NFTA_SET_ELEM_KEY] == nullptr || dump.set.is_map != (parts[NFTA_SET_ELEM_DATA] != nullptr))
    return false;
  const auto key = nested<NFTA_DATA_MAX>(parts[NFTA_SET_ELEM_KEY])[NFTA_DATA_VALUE];
  if (key == nullptr || !write(dump.key, bytes_of(key), text)) return false;
  const auto timeout = time_of(parts[NFTA_SET_ELEM_TIMEOUT]),
             expires = time_of(parts[NFTA_SET_ELEM_EXPIRATION]);
  if (timeout) text.append(" timeout ").append(nft_time(*timeout));
  if (expires) text.append(" expires ").append(nft_time(*expires));
  const nlattr* const comment = parts[NFTA_SET_ELEM_USERDATA];
  if (comment != nullptr && !write_comment(bytes_of(comment), text)) return false;
  if (!dump.set.is_map) return true;
  text += " : ";
  return write_data(dump, parts[NFTA_SET_ELEM_DATA], text);
}

int take_element(const nlattr* attribute, void* data) {
  auto* dump = static_cast<Dump*>(data);
  DumpedSet& set = dump->set;
  if (set.count++ != 0) set.elements += ", ";
  set.understood = set.understood && write_element(*dump, attribute, set.elements);
  return MNL_CB_OK;
}

int take_elements(const nlmsghdr* header, void* data) {
  Table<NFTA_SET_ELEM_LIST_MAX> parts{};
  if (libmnl().attr_parse(header, sizeof(nfgenmsg), take<NFTA_SET_ELEM_LIST_MAX>, &parts) < 0)
    return MNL_CB_ERROR;
  const nlattr* const elements = parts[NFTA_SET_ELEM_LIST_ELEMENTS];
  return elements == nullptr ? MNL_CB_OK : libmnl().attr_parse_nested(elements, take_element, data);
}

std::uint32_t number_of(const nlattr* attribute) {
  return attribute == nullptr || libmnl().attr_validate(attribute, MNL_TYPE_U32) < 0
             ? 0
             : ntohl(libmnl().attr_get_u32(attribute));
}

int take_set(const nlmsghdr* header, void* data) {
  Table<NFTA_SET_MAX> parts{};
  if (libmnl().attr_parse(header, sizeof(nfgenmsg), take<NFTA_SET_MAX>, &parts) < 0) return MNL_CB_ERROR;
  const std::uint32_t flags = number_of(parts[NFTA_SET_FLAGS]);
  if (parts[NFTA_SET_NAME] == nullptr || (flags & NFT_SET_ANONYMOUS) != 0) return MNL_CB_OK;
  Dump dump;
  dump.set.name = libmnl().attr_get_str(parts[NFTA_SET_NAME]);
  dump.set.is_map = (flags & NFT_SET_MAP) != 0;
  dump.key = types_of(number_of(parts[NFTA_SET_KEY_TYPE]));
  const std::uint32_t type = number_of(parts[NFTA_SET_DATA_TYPE]);
  dump.verdicts = type == kVerdict;
  if (dump.set.is_map && !dump.verdicts) dump.data = types_of(type);
  dump.set.understood = (flags & (NFT_SET_INTERVAL | NFT_SET_OBJECT)) == 0 && !dump.key.empty() &&
                        (!dump.set.is_map || dump.verdicts || dump.data.size() == 1);
  static_cast<std::vector<Dump>*>(data)->push_back(std::move(dump));
  return MNL_CB_OK;
}

// All answers to one question; nothing comes of what has gone meanwhile.
void ask(const mnl_socket* socket, std::uint16_t message, std::string_view table, const std::string& set,
         mnl_cb_t take_answer, void* data) {
  static_assert(static_cast<int>(NFTA_SET_TABLE) == static_cast<int>(NFTA_SET_ELEM_LIST_TABLE));
  std::array<char, 32768> buffer{};
  nlmsghdr* const header = libmnl().nlmsg_put_header(buffer.data());
  header->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message);
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  auto* family = static_cast<nfgenmsg*>(libmnl().nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  family->nfgen_family = NFPROTO_INET;
  family->version = NFNETLINK_V0;
  libmnl().attr_put_strz(header, NFTA_SET_TABLE, std::string(table.substr(table.find(' ') + 1)).c_str());
  if (!set.empty()) libmnl().attr_put_strz(header, NFTA_SET_ELEM_LIST_SET, set.c_str());
  if (libmnl().socket_sendto(socket, header, header->nlmsg_len) < 0) cannot_read_nf_tables();
  for (int more = MNL_CB_OK; more == MNL_CB_OK;) {
    const ssize_t length = libmnl().socket_recvfrom(socket, buffer.data(), buffer.size());
    if (length < 0) cannot_read_nf_tables();
    more = libmnl().cb_run(buffer.data(), static_cast<std::size_t>(length), 0,
                           libmnl().socket_get_portid(socket), take_answer, data);
    if (more < 0 && errno == ENOENT) return;
    if (more < 0) cannot_read_nf_tables();
  }
}

std::vector<DumpedSet> ask_sets(std::string_view table) {
  const Socket socket(libmnl().socket_open(NETLINK_NETFILTER));
  if (!socket || libmnl().socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0) cannot_read_nf_tables();
  std::vector<Dump> dumps;
  ask(socket.get(), NFT_MSG_GETSET, table, "", take_set, &dumps);
  std::vector<DumpedSet> sets;
  for (Dump& dump : dumps) {
    if (dump.set.understood)
      ask(socket.get(), NFT_MSG_GETSETELEM, table, dump.set.name, take_elements, &dump);
    sets.push_back(std::move(dump.set));
  }
  return sets;
}

}  // namespace

std::vector<DumpedSet> dump_sets(std::string_view table) {
  return asked_again([&] { return ask_sets(table); });
}

}  // namespace knockwork
