// Ports, knocks, services and guards.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "text/ascii.hpp"
#include "text/utf8.hpp"
#include "values/service_names.hpp"
#include "values/values.hpp"

namespace knockwork::spec {
namespace {

constexpr const char* kPortRange = "a port is a number from 1 to 65535";
constexpr std::string_view kDigits = "0123456789";

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kDigits) == std::string_view::npos;
}

bool all_letters(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_letter);
}

Fault backwards(std::uint16_t first, std::uint16_t last) {
  return {"a range that ends before it begins", "write the lower port first",
          fmt::format("write {}-{}", last, first)};
}

std::optional<Protocol> protocol_named(std::string_view text) {
  const std::string name = lower(text);
  if (name == "tcp") return Protocol::tcp;
  if (name == "udp") return Protocol::udp;
  return std::nullopt;
}

// "22", "60000-61000"
bool is_span(std::string_view text) {
  const std::size_t dash = text.find('-');
  return all_digits(text.substr(0, dash)) &&
         (dash == std::string_view::npos || all_digits(text.substr(dash + 1)));
}

struct Halves {
  std::string_view ports;
  std::optional<Protocol> protocol;
};

// "7000/udp", "7000:udp", "udp/7000" or "udp:7000" → its two halves, in whatever case the protocol is. Only
// the shape and the protocol are judged here.
Parsed<Halves> split(std::string_view text, const char* example) {
  const std::size_t at = text.find_first_of("/:");
  if (at == std::string_view::npos) return Halves{text, std::nullopt};
  const std::string_view left = text.substr(0, at), right = text.substr(at + 1);
  if (const auto protocol = protocol_named(right)) return Halves{left, protocol};
  if (const auto protocol = protocol_named(left)) return Halves{right, protocol};
  return tl::unexpected(Fault{all_letters(right) ? "unknown protocol " + quote(right) : "unknown protocol",
                              fmt::format("write the port, a slash and tcp or udp, as in {}", example),
                              is_span(left) ? fmt::format("write {0}/tcp or {0}/udp", left) : std::string()});
}

Fault unknown_service(std::string_view name, const char* example) {
  return {all_letters(name) ? "unknown service " + quote(name) : "unknown service",
          fmt::format("write its port, as in {}: the name is not in this host's /etc/services", example)};
}

Fault either(std::uint16_t tcp, std::uint16_t udp) {
  return {"a service name without a protocol, which could mean two ports",
          "write the protocol as well, as in ssh/tcp", fmt::format("write {}/tcp or {}/udp", tcp, udp)};
}

// A service by its name. Without a protocol it is the one that /etc/services has it for; where that has both,
// it may mean two ports.
Parsed<Knock> parse_named(const Halves& halves, const char* example) {
  const auto tcp = service_port(halves.ports, Protocol::tcp), udp = service_port(halves.ports, Protocol::udp);
  if (!tcp && !udp) return tl::unexpected(unknown_service(halves.ports, example));
  if (!halves.protocol) {
    if (tcp && udp) return tl::unexpected(either(*tcp, *udp));
    return tcp ? Knock{Protocol::tcp, *tcp} : Knock{Protocol::udp, *udp};
  }
  const auto& port = *halves.protocol == Protocol::tcp ? tcp : udp;
  if (port) return Knock{*halves.protocol, *port};
  const Knock other = tcp ? Knock{Protocol::tcp, *tcp} : Knock{Protocol::udp, *udp};
  return tl::unexpected(
      Fault{fmt::format("a service that /etc/services lists for {} only", tcp ? "tcp" : "udp"),
            "write the port and the protocol that you mean",
            fmt::format("write {}, or {}/{}", to_string(other), other.port, tcp ? "udp" : "tcp")});
}

// Where a port alone means udp, a name alone may mean either.
Parsed<Knock> parse_named_knock(const Halves& halves) {
  auto named = parse_named(halves, "7000/udp");
  if (named && !halves.protocol && named->protocol == Protocol::tcp)
    return tl::unexpected(either(named->port, named->port));
  return named;
}

}  // namespace

Parsed<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty()) return tl::unexpected(Fault{"a port is missing", kPortRange});
  if (!all_digits(text)) {
    const bool sign = (text.front() == '-' || text.front() == '+') && all_digits(text.substr(1));
    return tl::unexpected(Fault{sign ? "port with a sign" : "port is not a decimal number", kPortRange});
  }
  if (text.size() > 1 && text.front() == '0') {
    return tl::unexpected(
        Fault{"port with a leading zero", "write it without the zero: YAML would read it as octal"});
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 1 || number > 65535) {
    return tl::unexpected(Fault{"port out of range", kPortRange});
  }
  return static_cast<std::uint16_t>(number);
}

Parsed<Knock> parse_knock(std::string_view text) {
  const auto halves = split(text, "7000/udp");
  if (!halves) return tl::unexpected(halves.error());
  if (is_service_name(halves->ports)) return parse_named_knock(*halves);
  const std::size_t dash = halves->ports.find('-');
  if (dash != std::string_view::npos && all_digits(halves->ports.substr(0, dash))) {
    return tl::unexpected(
        Fault{"a range of ports", "a knock is one packet to one port: write a single port"});
  }
  const auto port = parse_port(halves->ports);
  if (!port) return tl::unexpected(port.error());
  return Knock{halves->protocol.value_or(Protocol::udp), *port};
}

Parsed<Knock> parse_token_port(std::string_view text) {
  auto port = parse_knock(text);
  if (port && port->protocol != Protocol::udp)
    return tl::unexpected(Fault{"a token port that is not udp", "write it as in 41873/udp"});
  return port;
}

Parsed<std::vector<Knock>> parse_guard(std::string_view text) {
  if (is_service_name(text)) {  // the port alone would mean both protocols, the name often means one
    const auto tcp = service_port(text, Protocol::tcp), udp = service_port(text, Protocol::udp);
    if (!tcp && !udp) return tl::unexpected(unknown_service(text, "7001/udp"));
    if (tcp && udp && *tcp == *udp) return std::vector<Knock>{{Protocol::tcp, *tcp}, {Protocol::udp, *udp}};
    return tl::unexpected(either(tcp ? *tcp : *udp, udp ? *udp : *tcp));
  }
  const auto knock = parse_knock(text);
  if (!knock) {
    const bool range = knock.error().message == "a range of ports";
    return tl::unexpected(range ? Fault{"a range of ports", "list each guard port separately"}
                                : knock.error());
  }
  if (text.find_first_of("/:") != std::string_view::npos) return std::vector<Knock>{*knock};
  return std::vector<Knock>{{Protocol::tcp, knock->port}, {Protocol::udp, knock->port}};
}

Parsed<Service> parse_service(std::string_view text) {
  const auto halves = split(text, "22/tcp");
  if (!halves) return tl::unexpected(halves.error());
  if (lower(halves->ports) == "all") {
    if (halves->protocol) return Service{*halves->protocol, 1, 65535};
    return tl::unexpected(Fault{"no protocol", "write all/tcp or all/udp"});
  }
  if (is_service_name(halves->ports)) {
    const auto named = parse_named(*halves, "22/tcp");
    if (!named) return tl::unexpected(named.error());
    return Service{named->protocol, named->port, named->port};
  }
  const std::size_t dash = halves->ports.find('-', 1);
  const auto first = parse_port(halves->ports.substr(0, dash));
  if (!first) return tl::unexpected(first.error());
  const auto last = dash == std::string_view::npos ? first : parse_port(halves->ports.substr(dash + 1));
  if (!last) return tl::unexpected(last.error());
  if (!halves->protocol) {
    return tl::unexpected(Fault{"no protocol", "write the port, a slash and tcp or udp, as in 22/tcp",
                                fmt::format("write {0}/tcp or {0}/udp", halves->ports)});
  }
  if (*last < *first) {
    return tl::unexpected(backwards(*first, *last));
  }
  return Service{*halves->protocol, *first, *last};
}

Parsed<PortRange> parse_range(std::string_view text) {
  if (text.find('/') != std::string_view::npos) {
    return tl::unexpected(
        Fault{"a port with a protocol", "write the port alone, as in 8080: it counts for both protocols"});
  }
  const std::size_t dash = text.find('-', 1);
  const auto first = parse_port(text.substr(0, dash));
  if (!first) return tl::unexpected(first.error());
  const auto last = dash == std::string_view::npos ? first : parse_port(text.substr(dash + 1));
  if (!last) return tl::unexpected(last.error());
  if (*last < *first) {
    return tl::unexpected(backwards(*first, *last));
  }
  return PortRange{*first, *last};
}

Parsed<Protocol> parse_protocol(std::string_view text) {
  if (const auto protocol = protocol_named(text)) return *protocol;
  return tl::unexpected(Fault{"unknown protocol " + quote(text), "write tcp or udp"});
}

}  // namespace knockwork::spec

namespace knockwork {

std::string to_string(PortRange range) {
  return range.first == range.last ? fmt::format("{}", range.first)
                                   : fmt::format("{}-{}", range.first, range.last);
}

}  // namespace knockwork
