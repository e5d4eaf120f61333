#include "machine/script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

#include "knockwork/diagnostic.hpp"
#include "machine/script_words.hpp"
#include "text/ascii.hpp"
#include "text/utf8.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

constexpr Instant kLatest = std::chrono::hours(24 * 3650);  // ten years: no sum of times overflows
constexpr std::size_t kMaximumDigits = 9;
constexpr std::size_t kMaximumWords = 10;  // time, source, target and one word for each aspect

struct Word {
  std::string_view text;
  int column = 0;  // in characters, from 1
  int width = 0;
};

int characters(std::string_view text) { return static_cast<int>(spec::count_characters(text)); }

bool is_blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

// The words of a line up to its comment. No line needs more than kMaximumWords: the
// rest of a longer one is left unread, for it could be a whole file.
std::vector<Word> split(std::string_view line) {
  std::vector<Word> words;
  for (std::size_t at = 0; at < line.size() && line[at] != '#' && words.size() <= kMaximumWords;) {
    if (is_blank(line[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < line.size() && !is_blank(line[end]) && line[end] != '#') ++end;
    const std::string_view text = line.substr(at, end - at);
    words.push_back({text, characters(line.substr(0, at)) + 1, characters(text)});
    at = end;
  }
  return words;
}

std::optional<std::int64_t> whole_number(std::string_view digits) {
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  if (digits.empty() || digits.size() > kMaximumDigits ||
      !std::all_of(digits.begin(), digits.end(), is_digit)) {
    return std::nullopt;
  }
  std::from_chars(digits.data(), end, value);
  return value;
}

std::optional<std::int64_t> unit_milliseconds(std::string_view unit) {
  if (unit == "ms") return 1;
  if (unit == "s") return 1000;
  if (unit == "m") return 60'000;
  if (unit == "h") return 3'600'000;
  if (unit == "d") return 86'400'000;
  return std::nullopt;
}

// "0", "1.5s", "1m30s"; nullopt where it is no time or finer than 1 ms.
std::optional<Instant> parse_time(std::string_view text) {
  if (text == "0") return Instant(0);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  const auto take = [&text](auto belongs) {
    const auto end = std::find_if_not(text.begin(), text.end(), belongs);
    const std::string_view taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
  };
  while (!text.empty()) {
    const auto whole = whole_number(take(is_digit));
    std::int64_t fraction = 0, parts = 1;
    if (!text.empty() && text.front() == '.') {
      text.remove_prefix(1);
      const std::string_view digits = take(is_digit);
      const auto value = whole_number(digits);
      if (!value) return std::nullopt;
      fraction = *value;
      for (std::size_t digit = 0; digit < digits.size(); ++digit) parts *= 10;
    }
    const auto unit = unit_milliseconds(take(is_lower));
    if (!whole || !unit || fraction * *unit % parts != 0) return std::nullopt;
    total += *whole * *unit + fraction * *unit / parts;
    if (Instant(total) > kLatest) return std::nullopt;
  }
  return Instant(total);
}

// "7000/udp", "7000:udp", "7000".
std::optional<Knock> parse_target(std::string_view text) {
  const std::size_t border = text.find_first_of("/:");
  const std::string_view digits = text.substr(0, border);
  const auto port = whole_number(digits);
  if (!port || *port < 1 || *port > 65535 || digits.front() == '0') return std::nullopt;
  Knock target{Protocol::udp, static_cast<std::uint16_t>(*port)};
  if (border == std::string_view::npos) return target;
  const std::string_view protocol = text.substr(border + 1);
  if (protocol != "udp" && protocol != "tcp") return std::nullopt;
  if (protocol == "tcp") target.protocol = Protocol::tcp;
  return target;
}

bool is_other_protocol(std::string_view text) {
  return text != "tcp" && text != "udp" && !is_digit(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char byte) { return is_lower(byte) || is_digit(byte) || byte == '-'; });
}

constexpr std::string_view kToken = "token=";

// The tokens of a script: which sequences have some, and how many each has named.
class Tokens {
 public:
  explicit Tokens(const Program& program) {
    for (const Track& track : program.tracks) {
      if (track.token) ports_.emplace(track.name, track.edges.front().knock);
    }
  }

  const Knock* port(std::string_view sequence) const {
    const auto found = ports_.find(sequence);
    return found == ports_.end() ? nullptr : &found->second;
  }

  // "alice" or "alice, bob, carol and others": the sequences that have tokens.
  std::string names() const {
    constexpr std::size_t kShown = 3;
    std::string text;
    std::size_t shown = 0;
    for (const auto& [name, port] : ports_) {
      if (shown == kShown) return text + " and others";
      text += (shown++ == 0 ? "" : ", ") + name;
    }
    return text;
  }

  std::uint32_t last(const std::string& sequence) const {
    const auto found = last_.find(sequence);
    return found == last_.end() ? 0 : found->second;
  }
  std::uint32_t newest(const std::string& sequence) { return last_[sequence] = ++most_[sequence]; }
  std::uint32_t named(const std::string& sequence, std::uint32_t number) {
    most_[sequence] = std::max(most_[sequence], number);
    return last_[sequence] = number;
  }

 private:
  std::map<std::string, Knock, std::less<>> ports_;
  std::map<std::string, std::uint32_t> last_, most_;
};

class Reader {
 public:
  Reader(std::string_view name, const Program& program) : name_(name), tokens_(program) {}

  void read(std::string_view line) {
    ++line_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    source_ = line;
    const std::vector<Word> words = split(line);
    if (words.empty()) return;
    Packet packet;
    if (!read_time(words[0], packet) && !has_the_rest(words)) return;
    if (words.size() > 1) read_source(words[1], packet);
    if (words.size() < 3) {
      return fault(words.back(),
                   words.size() == 1 ? "a packet needs a source and a port" : "a packet needs a port",
                   "write it as: +1s 192.0.2.7 7000/udp");
    }
    const bool token = words[2].text.starts_with(kToken);
    if (token ? read_token_target(words[2], packet) : read_target(words[2], packet))
      read_words(words, packet);
    std::string text(words[2].text);
    for (std::size_t at = 3; at < words.size(); ++at) text.append(" ").append(words[at].text);
    packets_.push_back({packet, text});
  }

  std::vector<ScriptedPacket> finish() {
    if (!faults_.empty()) throw InvalidDeclaration(std::move(faults_));
    return std::move(packets_);
  }

 private:
  void fault(const Word& word, std::string message, std::string remedy) {
    faults_.push_back({name_, line_, word.column, std::max(word.width, 1), "", std::move(message),
                       std::move(remedy), std::string(source_), 1, ""});
  }

  // False where the word is none.
  bool read_time(const Word& word, Packet& packet) {
    const bool relative = word.text.front() == '+';
    const std::optional<Instant> time = parse_time(word.text.substr(relative ? 1 : 0));
    if (!time) {
      fault(
          word, "not a time",
          "begin the line with 1.5s or 1m30s since the start, or +200ms since the previous packet, as in: +1s "
          "192.0.2.7 7000/udp; units: ms, s, m, h, d");
      return false;
    }
    packet.time = relative ? now_ + *time : *time;
    if (packet.time < now_) return fault(word, "time goes back", "sort the packets by time"), true;
    if (packet.time > kLatest)
      return fault(word, "more than ten years after the start", "use earlier times"), true;
    now_ = packet.time;
    return true;
  }

  // Whether its other words are where they belong: a time is wrong there, and not missing.
  static bool has_the_rest(const std::vector<Word>& words) {
    return words.size() > 2 && !parse_network(words[0].text) && !parse_target(words[0].text);
  }

  void read_source(const Word& word, Packet& packet) {
    const std::optional<Network> source = parse_network(word.text);
    if (!source || word.text.find('/') != std::string_view::npos) {
      return fault(word, "not an address", "write one IPv4 or IPv6 address: 192.0.2.7 or 2001:db8::7");
    }
    packet.source = *source;
  }

  // False where it is neither a port nor the name of another protocol.
  bool read_target(const Word& word, Packet& packet) {
    packet.target = parse_target(word.text);
    if (packet.target) return true;
    if (is_other_protocol(word.text)) {
      if (const auto named = spec::parse_public(word.text)) packet.protocol = named->protocol;
      return true;
    }
    fault(word, "not a port and protocol",
          "write 7000/udp or 22/tcp with a port from 1 to 65535, or the name of another protocol: icmp");
    return false;
  }

  // To the port that the sequence's tokens are sent to.
  bool read_token_target(const Word& word, Packet& packet) {
    if (!read_token(word, packet)) return false;
    packet.target = *tokens_.port(packet.token->sequence);
    return true;
  }

  // "token=alice", "token=alice:3". Without a number it is 0 until all words are read.
  bool read_token(const Word& word, Packet& packet) {
    const std::string_view text = word.text.substr(kToken.size());
    const std::size_t border = text.find(':');
    const std::string_view sequence = text.substr(0, border);
    if (!tokens_.port(sequence)) {
      const std::string names = tokens_.names();
      fault(word, "not a sequence that has tokens",
            names.empty() ? "only a sequence with `token` has them" : "write one of: " + names);
      return false;
    }
    std::int64_t number = 0;
    if (border != std::string_view::npos) {
      number = whole_number(text.substr(border + 1)).value_or(0);
      if (number == 0) {
        fault(word, "not the number of a token", fmt::format("count from 1: {}{}:1", kToken, sequence));
        return false;
      }
    }
    packet.token = SentToken{std::string(sequence), static_cast<std::uint32_t>(number)};
    return true;
  }

  void number_token(const Word* again, Packet& packet) {
    if (!packet.token) {
      if (again)
        fault(*again, "no token that could be sent again", "write it after a token: token=NAME again");
      return;
    }
    SentToken& token = *packet.token;
    if (again && token.number != 0)
      return fault(*again, "the token has a number already", "keep one of them");
    if (again && tokens_.last(token.sequence) == 0) {
      return fault(*again, "no token of this sequence was sent before", "remove the word");
    }
    token.number = again              ? tokens_.last(token.sequence)
                   : token.number > 0 ? tokens_.named(token.sequence, token.number)
                                      : tokens_.newest(token.sequence);
  }

  std::optional<Aspect> read_word(const Word& word, Packet& packet) {
    if (word.text == "again") return Aspect::again;
    if (!word.text.starts_with(kToken)) return apply_word(word.text, packet);
    if (packet.token || read_token(word, packet)) return Aspect::token;
    return std::nullopt;
  }

  void read_words(const std::vector<Word>& words, Packet& packet) {
    std::set<Aspect> said;
    if (packet.token) said.insert(Aspect::token);
    const Word* again = nullptr;
    for (std::size_t at = 3; at < words.size(); ++at) {
      if (at == kMaximumWords) return fault(words[at], "too many words", "write one packet per line");
      const std::size_t before = faults_.size();
      const std::optional<Aspect> aspect = read_word(words[at], packet);
      if (faults_.size() > before) continue;
      if (aspect == Aspect::again) again = &words[at];
      if (!aspect) {
        fault(
            words[at], "unknown word",
            "use TCP flags (ack), a ct state (invalid), reply, a kind of destination (broadcast, unicast), "
            "its address (to=203.0.113.10), its interface (on=eth1), lo, unlisted, an ICMP type (packet-too-big), the "
            "connection it begins (connection=1), or a token (token=NAME)");
      } else if (!said.insert(*aspect).second) {
        fault(words[at], "duplicate word for the " + std::string(to_string(*aspect)),
              *aspect == Aspect::flags ? "join the flags: syn,ack" : "keep one of them");
      } else {
        check_word(words[at], *aspect, packet);
      }
    }
    number_token(again, packet);
  }

  void check_word(const Word& word, Aspect aspect, const Packet& packet) {
    if (aspect == Aspect::flags && (!packet.target || packet.target->protocol != Protocol::tcp)) {
      fault(word, "only TCP has flags", "remove the word, or write the port as 22/tcp");
    }
    if (aspect == Aspect::token && (!packet.target || packet.target->protocol != Protocol::udp)) {
      fault(word, "only a UDP packet carries a token", "leave the port out, or write it as 7000/udp");
    }
    if (aspect == Aspect::need && packet.source.prefix == 32) {
      fault(word, "an IPv6 message from an IPv4 address", "use an IPv6 source address, or remove the word");
    }
  }

  std::string name_;
  Tokens tokens_;
  std::string_view source_;
  int line_ = 0;
  Instant now_{0};
  std::vector<ScriptedPacket> packets_;
  Diagnostics faults_;
};

}  // namespace

std::vector<ScriptedPacket> read_script(std::string_view script, std::string_view name,
                                        const Program& program) {
  Reader reader(name, program);
  while (!script.empty()) {
    const std::size_t end = script.find('\n');
    reader.read(script.substr(0, end));
    script.remove_prefix(end == std::string_view::npos ? script.size() : end + 1);
  }
  return reader.finish();
}

}  // namespace knockwork
