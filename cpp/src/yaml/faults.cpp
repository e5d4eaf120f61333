#include "yaml/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "text/utf8.hpp"

namespace knockwork::spec {
namespace {

// yaml-cpp reports an empty entry (`- ` with nothing behind it) at the token
// after it: the entry's own dash is the last thing written before that.
std::size_t place_of_null(const Value& value) {
  const std::string_view text = value.document().text();
  const std::size_t offset = std::min<std::size_t>(value.node().offset, text.size());
  const std::string_view here = text.substr(offset, 4);
  if (here.starts_with('~') || here == "null" || here == "Null" || here == "NULL") return offset;
  const std::size_t before = text.substr(0, offset).find_last_not_of(" \t\r\n");
  return before == std::string_view::npos ? 0 : before;
}

}  // namespace

void Faults::at(const Value& value, Fault fault) {
  const bool null = value.kind() == NodeKind::null;
  const std::size_t offset = null ? place_of_null(value) : value.node().offset;
  const std::size_t bytes = null && offset != value.node().offset ? 1 : extent(value);
  found_.push_back({&value.document(), false, offset, bytes, value, std::move(fault)});
}

void Faults::at(const Document& document, std::size_t offset, std::size_t bytes, Fault fault) {
  found_.push_back({&document, false, offset, bytes, {}, std::move(fault)});
}

void Faults::in(const Document& document, Fault fault) {
  found_.push_back({&document, true, 0, 0, {}, std::move(fault)});
}

std::vector<std::size_t> Faults::offsets(const Document& document) const {
  std::vector<std::size_t> offsets;
  for (const Found& found : found_) {
    if (found.document == &document && !found.whole) offsets.push_back(found.offset);
  }
  std::sort(offsets.begin(), offsets.end());
  return offsets;
}

Diagnostic Faults::materialise(const Found& found) {
  Diagnostic diagnostic;
  diagnostic.file = found.document->name();
  diagnostic.message = found.fault.message;
  diagnostic.remedy = found.fault.remedy;
  diagnostic.exact = found.fault.exact;
  if (found.value) diagnostic.path = path_to(found.value);
  if (found.whole) return diagnostic;
  Position position = found.document->position(found.offset);
  diagnostic.line = position.line;
  diagnostic.column = position.column;
  diagnostic.source_column = position.source_column;
  const std::string_view text = found.document->text();
  const std::size_t offset = std::min(found.offset, text.size());
  const std::string_view marked = text.substr(offset, std::min<std::size_t>(found.bytes, 4096));
  diagnostic.width = std::max(1, static_cast<int>(count_characters(marked)));
  diagnostic.source = std::move(position.source);
  return diagnostic;
}

Diagnostics Faults::diagnostics() const {
  std::vector<std::size_t> order(found_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto place = [&](std::size_t at) {
    return std::make_pair(found_[at].document->order(),
                          found_[at].whole ? std::size_t{0} : found_[at].offset);
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t left, std::size_t right) { return place(left) < place(right); });
  Diagnostics diagnostics;
  for (std::size_t at = 0; at < std::min(order.size(), kShown); ++at) {
    diagnostics.push_back(materialise(found_[order[at]]));
  }
  if (order.size() > kShown) {
    Diagnostic more;
    more.file = found_[order[kShown]].document->name();
    more.message = fmt::format("{} more errors, not shown", order.size() - kShown);
    more.remedy = "fix those above first";
    diagnostics.push_back(std::move(more));
  }
  return diagnostics;
}

}  // namespace knockwork::spec
