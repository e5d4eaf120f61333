// Reading a listing back: the one place that normalises what nftables prints.
//
// Lines carry the structure: one tab for an object of the table, two for what
// is in it. Only `elements = { … }` spans lines.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <system_error>

#include "ruleset/ruleset.hpp"
#include "text/words.hpp"

namespace knockwork {
namespace {

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
  return std::string(text);
}

// Finds `wanted` outside of quotes.
std::size_t find_bare(std::string_view text, std::string_view wanted, std::size_t from = 0) {
  bool quoted = false;
  for (std::size_t at = from; at < text.size(); ++at) {
    if (text[at] == '"') quoted = !quoted;
    if (!quoted && text[at] == wanted.front() && text.substr(at, wanted.size()) == wanted) return at;
  }
  return std::string_view::npos;
}

// Cuts at commas outside of quotes.
template <typename Take>
void for_each_item(std::string_view items, Take take) {
  for (;;) {
    const std::size_t comma = find_bare(items, ",");
    if (const std::string_view item = trimmed(items.substr(0, comma)); !item.empty()) take(item);
    if (comma == std::string_view::npos) return;
    items.remove_prefix(comma + 1);
  }
}

std::vector<std::string> sorted_items(std::string_view items) {
  std::vector<std::string> list;
  for_each_item(items, [&](std::string_view item) { list.emplace_back(item); });
  std::sort(list.begin(), list.end());
  return list;
}

// `tcp flags & (fin | syn) != syn`, as releases from 1.1 on write it, is `tcp flags != syn / fin,syn`.
std::string normal_flags(std::string_view rule) {
  constexpr std::string_view kMasked = "tcp flags & (";
  std::string text;
  for (;;) {
    const std::size_t at = find_bare(rule, kMasked);
    if (at == std::string_view::npos) return text.append(rule);
    const std::string_view masked = rule.substr(at + kMasked.size());
    const std::size_t close = masked.find(") ");
    if (close == std::string_view::npos) return text.append(rule);
    std::string_view rest = masked.substr(close + 2);
    const bool not_equal = take_prefix(rest, "!= ");
    if (!not_equal && !take_prefix(rest, "== ")) return text.append(rule);
    const std::size_t end = std::min(rest.find(' '), rest.size());
    std::string mask(masked.substr(0, close));
    for (std::size_t bar; (bar = mask.find(" | ")) != std::string::npos;) mask.replace(bar, 3, ",");
    text.append(rule.substr(0, at)).append(not_equal ? "tcp flags != " : "tcp flags ");
    text.append(rest.substr(0, end)).append(" / ").append(mask);
    rule = rest.substr(end);
  }
}

// `fib saddr . iif check exists`, as 1.1.7 writes it, is `fib saddr . iif oif exists`.
std::string normal_fib(std::string rule) {
  const std::size_t fib = find_bare(rule, "fib ");
  if (fib == std::string::npos) return rule;
  for (const std::string_view what : {"exists", "missing"}) {
    const std::string theirs = fmt::format(" check {}", what);
    const std::size_t at = find_bare(rule, theirs, fib);
    if (at != std::string::npos) rule.replace(at, theirs.size(), fmt::format(" oif {}", what));
  }
  return rule;
}

// What stands in the braces of `add @set { … }` is one element, whatever commas `@th,64,128` has.
bool is_statement(std::string_view before) {
  const std::string_view word = before.substr(before.find_last_of(' ', before.size() - 2) + 1);
  return word.starts_with('@');
}

// The order inside a literal set is the hash's, not the author's.
std::string normal_sets(std::string_view rule) {
  std::string text;
  for (;;) {
    const std::size_t open = find_bare(rule, "{ ");
    const std::size_t close = open == std::string_view::npos ? open : find_bare(rule, " }", open);
    if (close == std::string_view::npos) return text.append(rule);
    if (open > 1 && is_statement(rule.substr(0, open))) {
      text.append(rule.substr(0, close + 2));
      rule.remove_prefix(close + 2);
      continue;
    }
    text.append(rule.substr(0, open)).append("{ ");
    const std::vector<std::string> items = sorted_items(rule.substr(open + 2, close - open - 2));
    for (std::size_t at = 0; at < items.size(); ++at) text.append(at == 0 ? "" : ", ").append(items[at]);
    text.append(" }");
    rule.remove_prefix(close + 2);
  }
}

struct ReadElement {
  Element element;
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds expires{0};
};

// `4184:accc counter packets 3 bytes 84`, in a set of counters.
LiveElement counted(LiveElement element) {
  constexpr std::string_view kCounter = " counter packets ";
  const std::size_t at = element.key.find(kCounter);
  if (at == std::string::npos) return element;
  element.count = std::strtoull(element.key.c_str() + at + kCounter.size(), nullptr, 10);
  element.key.resize(at);
  return element;
}

std::uint32_t read_size(std::string_view text) {
  std::uint32_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size())
    throw UnknownListing("a size that is no number in the listing");
  return size;
}

std::chrono::milliseconds read_time(std::string_view text) {
  if (text.empty()) return {};
  const auto time = parse_nft_time(text);
  if (!time) throw UnknownListing("a time of an unknown unit in the listing");
  return *time;
}

// `10.1.1.1 . 6 . 22 timeout 1m expires 33s comment "…" : value`; what stands
// between key and value and is not known stays with the key: it is drift.
ReadElement read_element(std::string_view item) {
  ReadElement read;
  if (const std::size_t colon = find_bare(item, " : "); colon != std::string_view::npos) {
    read.element.value = trimmed(item.substr(colon + 3));
    item = item.substr(0, colon);
  }
  std::string_view* const rest = &item;
  const auto take_word = [rest](std::string_view word) -> std::string_view {
    const std::size_t at = find_bare(*rest, word);
    if (at == std::string_view::npos) return {};
    const std::string_view value = rest->substr(at + word.size());
    *rest = rest->substr(0, at);
    return trimmed(value);
  };
  if (item.size() > 20 || item.find(' ') != std::string_view::npos) {
    read.element.comment = unquoted(take_word(" comment "));
    read.expires = read_time(take_word(" expires "));
    // Of an element that was renewed for longer, the kernel lists the timeout that it was made with, and
    // takes no such element. Where a hand gave the set that very timeout for all, none is listed.
    read.timeout = std::max(read_time(take_word(" timeout ")), read.expires);
  }
  read.element.key = trimmed(item);
  return read;
}

class Reader {
 public:
  explicit Reader(std::string_view listing) : rest_(listing) {}

  LiveTable table() {
    if (trimmed(line()) != "table inet knockwork {") throw UnknownListing("not a listing of our table");
    for (;;) {
      const std::string_view text = trimmed(line());
      if (text == "}") break;
      if (!text.empty()) object(text);
    }
    const auto by_name = [](const auto& left, const auto& right) { return left.name < right.name; };
    std::sort(table_.ruleset.sets.begin(), table_.ruleset.sets.end(), by_name);
    std::sort(table_.ruleset.chains.begin(), table_.ruleset.chains.end(), by_name);
    return std::move(table_);
  }

 private:
  std::string_view line() {
    if (rest_.empty()) throw UnknownListing("a listing that ends early");
    const std::size_t end = std::min(rest_.find('\n'), rest_.size());
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return text;
  }

  void object(std::string_view text) {
    if (take_prefix(text, "comment ")) {
      table_.comment = unquoted(text);
      table_.ours = table_.comment == kTableComment;
    } else if (!text.ends_with(" {")) {
      table_.extra.emplace_back(text);
    } else if (text.remove_suffix(2); take_prefix(text, "chain ")) {
      read_chain(text);
    } else if (take_prefix(text, "set ") || take_prefix(text, "map ")) {
      read_set(text);
    } else {
      skip_stranger(text);
    }
  }

  void read_chain(std::string_view name) {
    Chain chain{std::string(name), "", {}, {}};
    for (;;) {
      const std::string_view text = trimmed(line());
      if (text == "}") break;
      if (text.starts_with("type ") && text.find(" hook ") != std::string_view::npos) {
        chain.hook = text;
      } else if (text.starts_with("comment ") && chain.rules.empty()) {
        chain.extra.emplace_back(text);
      } else {
        chain.rules.push_back(normal_sets(normal_fib(normal_flags(text))));
      }
    }
    table_.ruleset.chains.push_back(std::move(chain));
  }

  void read_set(std::string_view name) {
    Set set{std::string(name), "", {}, {}, 0, {}};
    std::vector<LiveElement> live;
    for (;;) {
      std::string_view text = trimmed(line());
      if (text == "}") break;
      if (take_prefix(text, "type ") || text.starts_with("typeof ")) {
        set.type = text;
      } else if (take_prefix(text, "flags ")) {
        set.flags = sorted_items(text);
      } else if (take_prefix(text, "size ")) {
        set.size = read_size(text.substr(0, text.find_first_of(" \t")));  // then "# count 1"
      } else if (take_prefix(text, "elements = {")) {
        read_elements(text, set, live);
      } else {
        set.extra.emplace_back(text);
      }
    }
    sort(set.elements);
    if (set.is_dynamic() || !live.empty()) table_.live.emplace(set.name, std::move(live));
    table_.ruleset.sets.push_back(std::move(set));
  }

  void read_elements(std::string_view first, Set& set, std::vector<LiveElement>& live) {
    // Up to the closing brace, which ends a line of its own elements.
    const char* const begin = first.data();
    const char* end = first.data() + first.size();
    std::string_view last = first;
    while (!last.ends_with('}')) {
      last = line();
      end = last.data() + last.size();
    }
    std::string_view items(begin, static_cast<std::size_t>(end - begin));
    items.remove_suffix(1);
    for_each_item(items, [&](std::string_view item) {
      ReadElement read = read_element(item);
      if (read.timeout.count() != 0 || set.keeps_for_good() || set.is_fed()) {
        LiveElement element{std::move(read.element.key), read.timeout, read.expires};
        live.push_back(set.keeps_for_good() ? counted(std::move(element)) : std::move(element));
      } else {
        set.elements.push_back(std::move(read.element));
      }
    });
  }

  void skip_stranger(std::string_view head) {
    const std::size_t space = head.rfind(' ');
    table_.strangers.push_back({std::string(head.substr(0, space)), std::string(head.substr(space + 1))});
    for (int depth = 1; depth > 0;) {
      const std::string_view text = trimmed(line());
      if (text.ends_with('{')) ++depth;
      if (text == "}") --depth;
    }
  }

  std::string_view rest_;
  LiveTable table_;
};

}  // namespace

UnknownListing::UnknownListing(const std::string& reason)
    : SystemError(fmt::format(
          "the table {} cannot be read: {}. Report this with the output of `nft --version`", kTable, reason)),
      reason_(reason) {}

LiveTable parse_listing(std::string_view listing) { return Reader(listing).table(); }

bool has_twice(const LiveTable& table) {
  const auto same = [](const Element& one, const Element& next) { return one.key == next.key; };
  return std::any_of(table.ruleset.sets.begin(), table.ruleset.sets.end(), [&](const Set& set) {
    return std::adjacent_find(set.elements.begin(), set.elements.end(), same) != set.elements.end();
  });
}

}  // namespace knockwork
