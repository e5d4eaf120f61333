#include "yaml/parse.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <istream>
#include <streambuf>

namespace knockwork::spec {
namespace {

struct Refused {};  // ends the parse; the fault is recorded

// The text as a stream, without a copy of it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // NOLINT: streambuf asks for it, and only reads
    setg(begin, begin, begin + text.size());
  }
};

class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(Document& document, Faults& faults) : document_(document), faults_(faults) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ == 0) return;
    faults_.at(document_, offset(mark), 1,
               {"a second document starts here", "one file holds one document: remove the `---`"});
    throw Refused{};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(NodeKind::null, mark, "", anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse_anchor(add(NodeKind::refused, mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const std::uint32_t id = add(NodeKind::scalar, mark, tag, anchor);
    TreeNode& node = document_.nodes[id];
    node.quoted = tag == "!";
    if (value.size() > kLongestWord) {
      faults_.at({&document_, id},
                 {fmt::format("a value of more than {} bytes", kLongestWord),
                  "nothing in a declaration is that long: is a closing quote or bracket missing?"});
      throw Refused{};
    }
    node.text = static_cast<std::uint32_t>(document_.scalars.size());
    node.length = static_cast<std::uint32_t>(value.size());
    document_.scalars += value;
    if (node.quoted) check_closed(document_.text().substr(node.offset), {&document_, id});
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(NodeKind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(NodeKind::map, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  // Closes what is open, so that what came before the fault can be walked.
  void end_here() {
    while (!open_.empty()) {
      const std::uint32_t id = open_.back();
      std::size_t children = 0;
      for (std::uint32_t at = id + 1; at < document_.nodes.size(); at = document_.nodes[at].end) ++children;
      if (document_.nodes[id].kind == NodeKind::map && children % 2 != 0) {  // a key whose value never came
        TreeNode missing;
        missing.kind = NodeKind::refused;
        missing.offset = static_cast<std::uint32_t>(document_.text().size());
        missing.end = static_cast<std::uint32_t>(document_.nodes.size() + 1);
        document_.nodes.push_back(missing);
      }
      close();
    }
  }

  // The innermost list or map that has no end yet.
  Value unfinished() const { return open_.empty() ? Value{} : Value{&document_, open_.back()}; }

 private:
  static std::size_t offset(const YAML::Mark& mark) {
    return mark.pos < 0 ? 0 : static_cast<std::size_t>(mark.pos);
  }

  std::uint32_t add(NodeKind kind, const YAML::Mark& mark, const std::string& tag = "",
                    YAML::anchor_t anchor = YAML::NullAnchor) {
    const auto id = static_cast<std::uint32_t>(document_.nodes.size());
    TreeNode node;
    node.kind = kind;
    node.offset = static_cast<std::uint32_t>(offset(mark));
    node.end = id + 1;
    document_.nodes.push_back(node);
    if (anchor != YAML::NullAnchor) refuse_anchor(id);
    if (!tag.empty() && tag != "?" && tag != "!") {
      document_.nodes[id].kind = NodeKind::refused;
      faults_.at({&document_, id}, {kTags,
                                    tag.starts_with('!')  // a local one: "!wg0"
                                        ? "write a value that begins with `!` in quotes, as in \"!eth0\""
                                        : kRemoveTag});
    }
    return id;
  }

  void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    const std::uint32_t id = add(kind, mark, tag, anchor);
    open_.push_back(id);
    if (open_.size() <= static_cast<std::size_t>(kDeepest)) return;
    faults_.at({&document_, id}, {fmt::format("more than {} nested lists and mappings", kDeepest),
                                  "a declaration needs four: is a bracket missing?"});
    throw Refused{};
  }

  void close() {
    document_.nodes[open_.back()].end = static_cast<std::uint32_t>(document_.nodes.size());
    open_.pop_back();
  }

  void refuse_anchor(std::uint32_t id) { faults_.at({&document_, id}, {kAnchors, kWriteOut}); }

  // yaml-cpp takes the end of the text for a closing quote.
  void check_closed(std::string_view rest, const Value& value) {
    if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) return;
    const char quote = rest.front();
    for (std::size_t at = 1; at < rest.size(); ++at) {
      if (quote == '"' && rest[at] == '\\') {
        ++at;
      } else if (rest[at] == quote) {
        return;
      }
    }
    faults_.at(document_, value.node().offset, 1, {kOpenQuote, kCloseQuote});
    throw Refused{};
  }

  Document& document_;
  Faults& faults_;
  std::vector<std::uint32_t> open_;
  int documents_ = 0;
};

// The tab in front of the text of the line at `offset`, if there is one.
std::size_t tab_before(std::string_view text, std::size_t offset) {
  const std::size_t newline = text.substr(0, offset).rfind('\n');
  const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  const std::size_t at = text.find_first_not_of(' ', start);
  return at != std::string_view::npos && text[at] == '\t' ? at : std::string_view::npos;
}

void report(const YAML::Exception& error, const Value& unfinished, const Document& document, Faults& faults) {
  const std::string_view text = document.text();
  std::size_t offset =
      error.mark.is_null() ? 0 : std::min(static_cast<std::size_t>(error.mark.pos), text.size());
  if (const std::size_t tab = tab_before(text, offset); tab != std::string_view::npos) {
    faults.at(document, tab, 1, {kTab, kIndent});
    return;
  }
  const bool open_flow =
      error.msg == YAML::ErrorMsg::END_OF_SEQ_FLOW || error.msg == YAML::ErrorMsg::END_OF_MAP_FLOW;
  if (open_flow && unfinished) offset = unfinished.node().offset;
  faults.at(document, offset, 1, syntax_fault(error.msg));
}

}  // namespace

Outcome parse(Document& document, Faults& faults) {
  if (check_text(document, faults) == Outcome::refused) return Outcome::refused;
  ViewBuffer buffer(document.text());
  std::istream stream(&buffer);
  TreeBuilder builder(document, faults);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Refused&) {
    builder.end_here();
    return Outcome::refused;
  } catch (const YAML::Exception& error) {
    report(error, builder.unfinished(), document, faults);
    builder.end_here();
    return Outcome::refused;
  }
  return Outcome::parsed;
}

}  // namespace knockwork::spec
