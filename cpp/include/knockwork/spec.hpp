// A declaration, read and valid: the value at the head of every stage.
//
// A Port, a Duration or a Network that exists is valid, so no later stage
// checks again. Reading lives in spec/, whose table of keys (keys.hpp) is the one
// definition of every key, its default and its documentation.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace knockwork {

inline constexpr const char* kDefaultDeclaration = "/etc/knockwork/knockwork.yml";

enum class Protocol : std::uint8_t { tcp = 6, udp = 17 };  // IANA protocol numbers

// A span of time in steps of 100 ms: the kernel's clock keeps no finer ones.
class Duration {
 public:
  constexpr Duration() = default;
  static constexpr Duration milliseconds(std::int64_t ms) { return Duration(ms); }
  constexpr std::int64_t milliseconds() const { return ms_; }
  auto operator<=>(const Duration&) const = default;

 private:
  constexpr explicit Duration(std::int64_t ms) : ms_(ms) {}
  std::int64_t ms_ = 0;
};
std::string to_string(Duration duration);  // "1s", "500ms", "1m30s", "1d": as a declaration writes it

// One knock: one packet to one closed port.
struct Knock {
  Protocol protocol = Protocol::udp;
  std::uint16_t port = 0;  // 1-65535
  auto operator<=>(const Knock&) const = default;
};
std::string to_string(Knock knock);  // "7000/udp"

// What a completed sequence opens: one port or a range of them.
struct Service {
  Protocol protocol = Protocol::tcp;
  std::uint16_t first = 0;  // 1-65535
  std::uint16_t last = 0;   // at least `first`
  auto operator<=>(const Service&) const = default;
};
std::string to_string(Service service);  // "22/tcp", "60000-61000/udp"

// An address or network, host bits zero. IPv4 uses the first four bytes.
struct Network {
  bool ipv6 = false;
  std::array<std::uint8_t, 16> bytes{};
  std::uint8_t prefix = 0;  // 0-32 or 0-128
  auto operator<=>(const Network&) const = default;
};
std::string to_string(const Network& network);  // "192.0.2.0/28"; a single address without its prefix
// nullopt where the text is not an address or network, or has host bits set.
std::optional<Network> parse_network(std::string_view text);
bool contains(const Network& network, const Network& address);
// The network of `prefix` bits around it; the network itself where that is no wider.
Network widened(Network network, int prefix);

// What stealth lets in beside services for everyone: a service from some sources, or a protocol without
// ports. Exactly one of `service` and `protocol` is there.
struct PublicRule {
  std::optional<Service> service;
  std::optional<std::uint8_t> protocol;   // IANA's number, 1-254, neither TCP's nor UDP's
  std::optional<std::uint8_t> icmp_type;  // with kIcmp and kIcmpv6; without one: all types
  std::string interface;                  // by name, or `eth*`; empty: any
  std::vector<Network> from;              // sorted; empty: any source
  auto operator<=>(const PublicRule&) const = default;
};
inline constexpr std::uint8_t kIcmp = 1, kIcmpv6 = 58;
std::string to_string(
    const PublicRule& rule);  // without its conditions: "53/udp", "gre", "icmp/echo-request"

// Where gate mode sends refused TCP connections, to be answered by a closed port: tcpmux (RFC 1078),
// obsolete.
inline constexpr std::uint16_t kClosedPort = 1;

enum class Mode { gate, stealth };
enum class Refuse { automatic, drop, reject };
enum class WrongKnock { lockout, ignore };
enum class Log { none, grants, all };
enum class OnExpiry { keep, cut };

struct Guards {
  enum class Kind { automatic, none, listed };
  Kind kind = Kind::automatic;
  std::vector<Knock> ports;  // with Kind::listed; a bare port stands for both protocols, as two entries
  bool operator==(const Guards&) const = default;
};

// Ports of any protocol.
struct PortRange {
  std::uint16_t first = 0;  // 1-65535
  std::uint16_t last = 0;   // at least `first`
  auto operator<=>(const PortRange&) const = default;
};
std::string to_string(PortRange range);  // "8080", "1024-32767"

// Sequences drawn from a secret instead of written down: derive.hpp.
struct Derivation {
  std::string secret_file;
  std::string host;  // in lower case; empty for this host's name
  int length = 0;
  std::vector<Protocol> protocols{Protocol::udp};  // ascending, none twice
  PortRange ports{1024, 32767};
  std::vector<PortRange> exclude;
  Duration period;   // zero with `epoch`; without both the host's record says (knockwork/rotation.hpp)
  Duration overlap;  // shorter than `period`
  std::optional<std::uint64_t> epoch;
  std::vector<std::uint64_t> accepts;  // ascending, holds `epoch`; empty without it
  bool by_record() const { return !epoch && period == Duration{}; }
  bool operator==(const Derivation&) const = default;
};

// One packet with a token that opens once, drawn from a secret: token.hpp.
struct Token {
  Knock port;               // udp
  std::string secret_file;  // empty with `key`
  std::string key;          // of this sequence alone, 32 bytes in base64; empty with `secret_file`
  std::string host;         // in lower case; empty for this host's name
  Duration period = Duration::milliseconds(15'000);  // of one token
  Duration ahead = Duration::milliseconds(600'000);  // the table holds the tokens of that time to come,
  Duration skew = Duration::milliseconds(120'000);   // and of that time past
  std::uint32_t serial = 1;
  bool operator==(const Token&) const = default;
};

// How many of them the table holds: those of the time from `skew` ago to `ahead` from now.
std::int64_t tokens_at_once(const Token& token);

struct Sequence {
  std::string name;
  std::vector<Knock> knock;  // 1-32 of them; empty with `derive` and `token`
  std::vector<Service> opens;
  Duration step_timeout = Duration::milliseconds(5000);
  Duration open_for = Duration::milliseconds(30000);
  std::optional<Duration> sequence_timeout;
  std::vector<Network> from;
  std::vector<Network> to;
  // Where its knocks count and its services open, of those that the declaration protects; empty: all of them.
  std::vector<std::string> interfaces;
  bool once = false;
  int connections = 0;   // new ones that a grant lets in; 0: any number
  bool prolong = false;  // the grant is renewed while it is used
  OnExpiry on_expiry = OnExpiry::keep;
  std::string closes;  // the sequence whose grant it ends; then it opens nothing
  std::optional<Derivation> derive;
  std::optional<Token> token;
  bool operator==(const Sequence&) const = default;
};

struct Spec {
  Mode mode = Mode::gate;
  std::vector<Service> public_services;  // for everyone
  std::vector<PublicRule> public_rules;
  bool ping = true;  // echo requests pass; stealth only
  Refuse refuse = Refuse::automatic;
  std::vector<Network> always_allow;
  WrongKnock wrong_knock = WrongKnock::lockout;
  Duration lockout;  // resolved: the declared one, else the longest step_timeout (5 s without sequences)
  Guards guards;
  std::vector<std::string> interfaces;
  int ipv4_prefix = 32;
  int ipv6_prefix = 128;
  std::uint32_t sources = 65536;
  Log log = Log::none;
  std::vector<Sequence> sequences;  // in the order of their declaration
  bool operator==(const Spec&) const = default;
};

// One text of a declaration: the main document, or a drop-in (a list of sequences).
struct Source {
  enum class Kind { declaration, drop_in };
  Kind kind = Kind::declaration;
  std::string name;  // what diagnostics call it
  std::string text;
};

// Reads and validates. Faults of all sources are reported together.
// Throws InvalidDeclaration. Pure: touches no kernel, and no file but /etc/services where one is named.
Spec load(const std::vector<Source>& sources);

// The declaration in its normal form, every key written out; load() reads it
// back to an equal Spec. Holds knock ports: for its owner's eyes.
std::string to_yaml(const Spec& spec);

// The JSON Schema (draft 2020-12) of the main document, from the table of keys.
std::string json_schema();

// The table of keys itself, as JSON: for each key its name, scope ("declaration",
// "public", "sequence", "derive"), type and elements (in Ansible's words), choices, default,
// doc, example, whether it is secret and required, whether its value is hidden where it is
// shown and what of it is counted then, and the type of Python's property.
std::string keys_json();

// The reference page of all keys in Markdown, from the table of keys.
std::string reference_page();

}  // namespace knockwork
