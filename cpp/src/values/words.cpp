// Numbers, booleans, names, and the rest of the single values.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "crypto/crypto.hpp"
#include "text/ascii.hpp"
#include "text/utf8.hpp"
#include "values/all_ports.hpp"
#include "values/host_names.hpp"
#include "values/values.hpp"

namespace knockwork {

std::string to_string(Knock knock) {
  return fmt::format("{}/{}", knock.port, knock.protocol == Protocol::tcp ? "tcp" : "udp");
}

std::string to_string(Service service) {
  const char* protocol = service.protocol == Protocol::tcp ? "tcp" : "udp";
  if (service.first == service.last) return fmt::format("{}/{}", service.first, protocol);
  if (is_all_ports(service)) return fmt::format("all/{}", protocol);
  return fmt::format("{}-{}/{}", service.first, service.last, protocol);
}

namespace spec {
namespace {

bool is_printable_ascii(char byte) { return byte > ' ' && byte < 0x7f; }

}  // namespace

Parsed<std::uint32_t> parse_integer(std::string_view text, std::uint32_t least, std::uint32_t most) {
  const std::string remedy = fmt::format("write a number from {} to {}", least, most);
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits) return tl::unexpected(Fault{"not a whole number", remedy});
  if (text.size() > 1 && text.front() == '0') {
    return tl::unexpected(
        Fault{"a number with a leading zero", "write it without the zero: YAML would read it as octal"});
  }
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < least || number > most) {
    return tl::unexpected(Fault{"a number out of range", remedy});
  }
  return number;
}

Parsed<std::uint64_t> parse_epoch(std::string_view text) {
  const auto number = parse_integer(text, 0, kLastEpoch);
  if (!number) return tl::unexpected(number.error());
  return *number;
}

Parsed<std::string> parse_host(std::string_view text) {
  if (auto name = derivation::normal_host(text)) return std::move(*name);
  return tl::unexpected(Fault{quote(text) + " is not a valid host name", "use letters, digits and . - _"});
}

Parsed<bool> parse_boolean(std::string_view text) {
  if (text == "true" || text == "yes") return true;
  if (text == "false" || text == "no") return false;
  return tl::unexpected(Fault{quote(text) + " is not true or false", "write true or false"});
}

Parsed<std::string> parse_name(std::string_view text) {
  const std::string remedy =
      fmt::format("use 1 to {} letters, digits and . _ - @, a letter or digit first", kLongestName);
  const auto legal = [](char byte) {
    return is_letter_or_digit(byte) || byte == '.' || byte == '_' || byte == '-' || byte == '@';
  };
  if (text.empty()) return tl::unexpected(Fault{"an empty name", remedy});
  if (text.size() > kLongestName) {
    return tl::unexpected(Fault{fmt::format("a name of {} characters", count_characters(text)), remedy});
  }
  const auto wrong = std::find_if_not(text.begin(), text.end(), legal);
  if (wrong != text.end()) {
    const std::string_view rest = text.substr(static_cast<std::size_t>(wrong - text.begin()));
    return tl::unexpected(
        Fault{fmt::format("a name with {} in it",
                          *wrong == ' ' ? "a blank" : quote(rest.substr(0, decode(rest).bytes))),
              remedy});
  }
  if (!is_letter_or_digit(text.front())) {
    return tl::unexpected(Fault{"a name that starts with " + quote(text.substr(0, 1)), remedy});
  }
  return std::string(text);
}

namespace {

// What only looks like a wildcard, or matches more than is meant.
std::optional<Fault> wildcard_fault(std::string_view text) {
  const std::size_t at = text.find_first_of("*?");
  const bool plus = text.size() > 1 && text.ends_with('+');  // iptables' spelling
  if (at == std::string_view::npos && !plus) return std::nullopt;
  const std::string_view start = text.substr(0, plus ? text.size() - 1 : at);
  if (start.empty()) {
    return Fault{quote(text) + " means every interface", "remove the key: the default is all interfaces"};
  }
  if (text != fmt::format("{}*", start)) {
    return Fault{quote(text) + " is not a valid interface wildcard",
                 fmt::format("write {}* for all whose names begin with it: one * at the end", start)};
  }
  if (std::string_view("lo").starts_with(start)) {
    return Fault{quote(text) + " covers the loopback interface, which is never protected",
                 "write a longer prefix"};
  }
  return std::nullopt;
}

}  // namespace

// What the kernel takes (dev_valid_name, net/core/dev.c), less what nftables or a
// shell would read as more than a name; a * at its end stands for any rest.
Parsed<std::string> parse_interface(std::string_view text) {
  const std::string message = quote(text) + " is not a valid interface name";
  const auto legal = [](char byte) {
    return is_printable_ascii(byte) && std::string_view("/:\"'`\\").find(byte) == std::string_view::npos;
  };
  if (text == "lo") return tl::unexpected(Fault{"the loopback interface is never protected", "remove it"});
  if (text.empty() || text == "." || text == ".." || !std::all_of(text.begin(), text.end(), legal)) {
    return tl::unexpected(Fault{message, "write the name as `ip link` shows it, one interface per entry"});
  }
  if (text.starts_with('!')) {
    return tl::unexpected(
        Fault{message, "write the name as `ip link` shows it; only `interfaces` takes one `!` before it"});
  }
  if (auto fault = wildcard_fault(text)) return tl::unexpected(std::move(*fault));
  if (text.size() > kLongestInterface) {
    return tl::unexpected(Fault{message, fmt::format("Linux allows {} characters", kLongestInterface)});
  }
  return std::string(text);
}

Parsed<std::string> parse_protected_interface(std::string_view text) {
  if (!text.starts_with('!')) return parse_interface(text);
  if (text == "!*") {
    return tl::unexpected(Fault{quote(text) + " leaves out every interface",
                                "nothing would be protected: name those that you mean"});
  }
  auto name = parse_interface(text.substr(1));
  if (!name) return name;
  return '!' + *name;
}

std::optional<std::string_view> left_out(std::string_view interface) {
  if (!interface.starts_with('!')) return std::nullopt;
  return interface.substr(1);
}

Parsed<std::string> parse_absolute_path(std::string_view text) {
  if (text.starts_with('/') && text.size() <= kLongestPath) return std::string(text);
  return tl::unexpected(Fault{"not an absolute path", "write the whole path, from / on"});
}

Parsed<std::string> parse_sequence_key(std::string_view text) {
  auto bytes = crypto::from_base64(text);
  const bool whole = bytes && bytes->size() == sizeof(crypto::Digest);
  if (bytes) crypto::wipe(*bytes);
  if (whole) return std::string(text);
  return tl::unexpected(
      Fault{"not a key of 32 bytes in base64", "copy it whole from what `knockwork export --for` printed"});
}

Parsed<std::string> parse_pattern(std::string_view text) {
  if (!text.empty() && text.size() <= kLongestHost &&
      std::all_of(text.begin(), text.end(), is_printable_ascii)) {
    return std::string(text);
  }
  return tl::unexpected(Fault{quote(text) + " cannot be a host's name", "write it as you name it to ssh"});
}

Parsed<std::string> parse_address(std::string_view text) {
  const auto legal = [](char byte) {
    return is_letter_or_digit(byte) || std::string_view(".:_-%").find(byte) != std::string_view::npos;
  };
  const bool shape = !text.empty() && text.size() <= kLongestHost && text.front() != '-';
  if (shape && std::all_of(text.begin(), text.end(), legal)) return std::string(text);
  return tl::unexpected(Fault{quote(text) + " is neither a name nor an address",
                              "write one, as in `192.0.2.10`, without port or brackets"});
}

}  // namespace spec
}  // namespace knockwork
