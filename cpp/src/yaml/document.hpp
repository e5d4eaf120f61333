// A parsed YAML text as a flat tree with places: what every reader of the room
// walks. Nodes stand in document order and know where their subtree ends, so the
// tree is one vector; places are byte offsets, and lines, columns and paths are
// worked out only for the nodes that a diagnostic names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "knockwork/spec.hpp"

namespace knockwork::spec {

enum class NodeKind : std::uint8_t {
  null,
  scalar,
  list,
  map,
  refused,  // an alias or a tagged node: reported already, to be passed over
};

struct TreeNode {
  NodeKind kind = NodeKind::null;
  bool quoted = false;
  std::uint32_t offset = 0;  // where it starts in the text
  std::uint32_t end = 0;     // the number of the first node after its subtree
  std::uint32_t text = 0;    // a scalar's value: where it starts in `scalars`
  std::uint32_t length = 0;  // and its length
};

// What a source is called that no file is: a task's options, written out.
inline constexpr std::string_view kOptions = "options";

// Where something stands, in a user's terms.
struct Position {
  int line = 0, column = 0;  // from 1; column in characters
  std::string source;        // the line, or what surrounds the column in a very long one
  int source_column = 1;
};

class Document {
 public:
  // Both outlive the document.
  Document(const Source& source, int order);

  const std::string& name() const { return *name_; }
  std::string_view text() const { return text_; }  // without a byte order mark
  int order() const { return order_; }             // its place among the sources

  Position position(std::size_t offset) const;
  int line(std::size_t offset) const;

  std::vector<TreeNode> nodes;
  std::string scalars;

 private:
  const std::string* name_;
  std::string_view text_;
  int order_;
  mutable std::vector<std::size_t> line_starts_;  // filled when first asked for
};

// A handle on one node. Cheap to copy; false where there is none.
class Value {
 public:
  Value() = default;
  Value(const Document* document, std::uint32_t id) : document_(document), id_(id) {}
  explicit operator bool() const { return document_ != nullptr; }

  NodeKind kind() const { return node().kind; }
  std::string_view text() const {
    return std::string_view(document_->scalars).substr(node().text, node().length);
  }
  const Document& document() const { return *document_; }
  std::uint32_t id() const { return id_; }
  const TreeNode& node() const { return document_->nodes[id_]; }

  // The children of a list, or the keys and values of a map by turns.
  Value first() const { return {document_, id_ + 1}; }
  Value next() const { return {document_, node().end}; }
  Value stop() const { return {document_, node().end}; }
  bool empty() const { return id_ + 1 == node().end; }
  bool operator==(const Value&) const = default;

 private:
  const Document* document_ = nullptr;
  std::uint32_t id_ = 0;
};

// "sequences[2].knock[0]": how `value` is reached from the top.
std::string path_to(const Value& value);

// Bytes of the source text that the value takes on its first line, at least 1.
std::size_t extent(const Value& value);

}  // namespace knockwork::spec
