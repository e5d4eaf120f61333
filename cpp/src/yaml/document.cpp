#include "yaml/document.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "text/utf8.hpp"

namespace knockwork::spec {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kAround = 400;   // bytes kept on either side of a place in a very long line
constexpr std::size_t kKeyShown = 40;  // of a key in a path
constexpr std::size_t kMarked = 512;   // bytes that a caret may reach: the line is cut sooner

std::string_view without_mark(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  return text;
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

std::string key_in_path(const Value& key) {
  if (key.kind() != NodeKind::scalar) return "?";
  const std::string quoted = quote_key(key.text().substr(0, kKeyShown));
  return quoted.front() == '`' ? quoted.substr(1, quoted.size() - 2) : quoted;
}

// A quoted scalar's bytes up to its closing quote, or to the end of the line.
std::size_t quoted_extent(std::string_view line) {
  const char mark = line.front();
  for (std::size_t at = 1; at < line.size(); ++at) {
    if (mark == '"' && line[at] == '\\') {
      ++at;
    } else if (line[at] == mark) {
      if (mark == '\'' && at + 1 < line.size() && line[at + 1] == mark) {
        ++at;
      } else {
        return at + 1;
      }
    }
  }
  return line.size();
}

}  // namespace

Document::Document(const Source& source, int order)
    : name_(&source.name), text_(without_mark(source.text)), order_(order) {}

int Document::line(std::size_t offset) const {
  if (line_starts_.empty()) {
    line_starts_.push_back(0);
    for (std::size_t at = 0; (at = text_.find('\n', at)) != std::string_view::npos;)
      line_starts_.push_back(++at);
  }
  const auto after = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  return static_cast<int>(after - line_starts_.begin());
}

Position Document::position(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const int number = line(offset);
  const std::size_t start = line_starts_[static_cast<std::size_t>(number) - 1];
  std::size_t stop = std::min(text_.find('\n', offset), text_.size());
  if (stop > start && text_[stop - 1] == '\r') --stop;
  offset = std::min(offset, stop);
  std::size_t first = start;
  if (offset - start > kAround) {
    first = offset - kAround;
    while (first < offset && is_continuation(text_[first])) ++first;
  }
  if (stop - offset > kAround) {
    stop = offset + kAround;
    while (stop > offset && is_continuation(text_[stop])) --stop;
  }
  // Nothing before a place is invalid UTF-8: its first fault is the last one of a text.
  const auto characters = [&](std::size_t from, std::size_t to) {
    const std::string_view part = text_.substr(from, to - from);
    return static_cast<int>(
        std::count_if(part.begin(), part.end(), [](char byte) { return !is_continuation(byte); }));
  };
  const int skipped = characters(start, first);
  const int within = characters(first, offset);
  return {number, skipped + within + 1, std::string(text_.substr(first, stop - first)), skipped + 1};
}

std::string path_to(const Value& value) {
  std::string path;
  for (Value at{&value.document(), 0}; at.id() != value.id();) {
    const bool list = at.kind() == NodeKind::list;
    std::size_t index = 0;
    Value key, child = at.first();
    while (child.node().end <= value.id()) {
      if (index++ % 2 == 0) key = child;
      child = child.next();
    }
    if (list) {
      path += fmt::format("[{}]", index);
    } else {
      if (index % 2 == 0) key = child;  // the key itself is meant
      if (!path.empty()) path += '.';
      path += key_in_path(key);
    }
    at = child;
  }
  return path;
}

std::size_t extent(const Value& value) {
  const TreeNode& node = value.node();
  const std::string_view text = value.document().text();
  std::string_view rest = text.substr(std::min<std::size_t>(node.offset, text.size()), kMarked);
  rest = rest.substr(0, rest.find_first_of("\r\n"));
  if (rest.empty()) return 1;
  if (node.kind == NodeKind::map || node.kind == NodeKind::list) return 1;
  if (node.kind == NodeKind::refused)
    return std::max<std::size_t>(1, std::min(rest.find_first_of(" ,]}"), rest.size()));
  if (node.kind == NodeKind::null) return rest.starts_with('~') ? 1 : std::min<std::size_t>(rest.size(), 4);
  if (rest.front() == '"' || rest.front() == '\'') return quoted_extent(rest);
  if (rest.starts_with(value.text())) return std::max<std::size_t>(1, value.text().size());
  if (rest.front() == '|' || rest.front() == '>') return 1;
  return rest.find_last_not_of(" \t") + 1;
}

}  // namespace knockwork::spec
