// What the kernel's log hands over, read: the one reader of bytes that come from packets.
#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

#include <cstring>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "catch.hpp"
#include "kernel/netlink/events.hpp"
#include "ruleset/log.hpp"

using namespace knockwork;
using namespace std::chrono_literals;

namespace {

using Bytes = std::vector<std::byte>;

template <typename Value>
Bytes bytes_of(const Value& value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

Bytes bytes_of(const std::string& text) {
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

void put(Bytes& message, const Bytes& more) { message.insert(message.end(), more.begin(), more.end()); }

void put_attribute(Bytes& message, std::uint16_t type, const Bytes& value) {
  put(message, bytes_of(nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type}));
  put(message, value);
  message.resize((message.size() + 3) / 4 * 4);
}

void set_length(Bytes& message, std::uint32_t length) { std::memcpy(message.data(), &length, sizeof length); }

Bytes message_of(const std::string& prefix, const Bytes& packet) {
  Bytes message;
  put(message, bytes_of(nlmsghdr{0, (NFNL_SUBSYS_ULOG << 8) | NFULNL_MSG_PACKET, 0, 0, 0}));
  put(message, bytes_of(nfgenmsg{AF_INET, NFNETLINK_V0, 0}));
  put_attribute(message, NFULA_PREFIX, bytes_of(prefix + '\0'));
  put_attribute(message, NFULA_MARK, bytes_of(htonl(7)));
  put_attribute(message, NFULA_PAYLOAD, packet);
  set_length(message, static_cast<std::uint32_t>(message.size()));
  return message;
}

Bytes ipv4_header() {
  Bytes header(20);
  header[0] = std::byte{0x45};
  for (std::size_t at = 12; at < 16; ++at) header[at] = static_cast<std::byte>(at);
  return header;
}

Bytes ipv6_header() {
  Bytes header(40);
  header[0] = std::byte{0x60};
  header[8] = std::byte{0x20};
  header[23] = std::byte{1};
  return header;
}

// Where it is an event at all, it is one of the two kinds, of a whole address.
void check_sound(const Bytes& message) {
  const auto event = parse_event(message, 5ms);
  if (!event) return;
  CHECK(event->source.prefix == (event->source.ipv6 ? 128 : 32));
  CHECK((event->kind == Event::Kind::grant || event->edge == 0));
}

}  // namespace

TEST_CASE("events: who came in, by which step, and who knocked wrong") {
  const auto grant = parse_event(message_of(std::string(kLogGrant), ipv4_header()), 5ms);
  REQUIRE(grant);
  CHECK((grant->kind == Event::Kind::grant && grant->edge == 7 && grant->at == 5ms));
  CHECK(to_string(grant->source) == "12.13.14.15");
  const auto wrong = parse_event(message_of(std::string(kLogWrong), ipv6_header()), 5ms);
  REQUIRE(wrong);
  CHECK((wrong->kind == Event::Kind::wrong && wrong->edge == 0));
  CHECK(to_string(wrong->source) == "2000::1");
}

TEST_CASE("events: what is none of ours, or too short, is nothing") {
  CHECK_FALSE(parse_event(message_of("somebody else", ipv4_header()), 5ms));
  for (const auto& header : {ipv4_header(), ipv6_header(), Bytes(40)}) {
    Bytes some = header;
    some.resize(header[0] == std::byte{0x45} ? 15 : header[0] == std::byte{0x60} ? 23 : 40);
    CHECK_FALSE(parse_event(message_of(std::string(kLogGrant), some), 5ms));
  }
}

TEST_CASE("events: a length that is no multiple of four reads nothing of what follows the message") {
  Bytes header = ipv6_header();
  header.resize(24);  // ends with the source
  Bytes message = message_of(std::string(kLogGrant), header);
  REQUIRE(parse_event(message, 5ms));
  for (std::size_t missing = 1; missing < 4; ++missing) {
    const std::size_t length = message.size() - missing;
    set_length(message, static_cast<std::uint32_t>(length));
    CHECK_FALSE(parse_event(std::span(message).first(length), 5ms));
  }
}

TEST_CASE("events: no byte of a message makes its reader look elsewhere") {
  for (const Bytes& header : {ipv4_header(), ipv6_header()}) {
    const Bytes whole = message_of(std::string(kLogGrant), header);
    for (std::size_t length = 0; length <= whole.size(); ++length) {
      Bytes cut(whole.begin(),
                whole.begin() + static_cast<std::ptrdiff_t>(length));  // says that it is longer
      check_sound(cut);
      if (length >= sizeof(nlmsghdr)) set_length(cut, static_cast<std::uint32_t>(length));
      check_sound(cut);
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        Bytes other = whole;
        other[at] = static_cast<std::byte>(value);
        check_sound(other);
      }
    }
  }
  std::mt19937 random(1);
  for (int number = 0; number < 20'000; ++number) {
    Bytes other = message_of(std::string(kLogWrong), ipv6_header());
    for (int changes = 0; changes < 8; ++changes) other[random() % other.size()] = std::byte(random() & 255U);
    check_sound(other);
  }
}
