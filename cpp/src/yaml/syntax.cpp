// yaml-cpp names its own machinery ("end of map not found"); a user needs to know
// what is wrong with the line and how to write it.
#include <yaml-cpp/exceptions.h>

#include <array>
#include <string_view>

#include "yaml/parse.hpp"

namespace knockwork::spec {
namespace {

struct Translation {
  std::string_view library;  // how the library's message starts
  std::string_view message;
  std::string_view remedy;
};

constexpr std::string_view kEscape = "an escape sequence that is not valid in double quotes";
constexpr std::string_view kSingleQuotes = "use single quotes, or double the backslash";
constexpr std::string_view kDirective = "a directive that is not supported";
constexpr std::string_view kNoDirective = "remove the line that starts with `%`";

// A function's, since the library's texts are not constant expressions.
const std::array<Translation, 29>& translations() {
  static const std::array<Translation, 29> all{{
      {YAML::ErrorMsg::TAB_IN_INDENTATION, kTab, kIndent},
      {YAML::ErrorMsg::END_OF_SEQ_FLOW, "a list that is never closed", "close it with `]`"},
      {YAML::ErrorMsg::END_OF_MAP_FLOW, "a mapping that is never closed", "close it with `}`"},
      {YAML::ErrorMsg::END_OF_MAP, "this does not belong in the mapping around it",
       "write `key: value`, indented like the keys above it"},
      {YAML::ErrorMsg::END_OF_SEQ, "this does not belong in the list around it",
       "start an entry with `- `, or indent a key like the other keys of its entry"},
      {YAML::ErrorMsg::MAP_VALUE, "a `:` where a key is not allowed",
       "write one `key: value` per line: is a `:` or an indent missing above? Put text that contains `: ` in "
       "quotes"},
      {YAML::ErrorMsg::MAP_KEY, "a key where it is not allowed", "indent it like the keys around it"},
      {YAML::ErrorMsg::BLOCK_ENTRY, "a `- ` where a list is not allowed",
       "start the list on the line below its key, indented like the entries around it"},
      {YAML::ErrorMsg::FLOW_END, "a closing bracket without an opening one",
       "remove it, or first close the last opening bracket"},
      {YAML::ErrorMsg::UNKNOWN_TOKEN, "a character that cannot start a value", "put the value in quotes"},
      {YAML::ErrorMsg::EOF_IN_SCALAR, kOpenQuote, kCloseQuote},
      {YAML::ErrorMsg::DOC_IN_SCALAR, "a document marker inside quoted text", kCloseQuote},
      {YAML::ErrorMsg::ALIAS_CONTENT, kAnchors, kWriteOut},
      {YAML::ErrorMsg::ALIAS_NOT_FOUND, kAnchors, kWriteOut},
      {YAML::ErrorMsg::ANCHOR_NOT_FOUND, kAnchors, kWriteOut},
      {YAML::ErrorMsg::CHAR_IN_ALIAS, kAnchors, kWriteOut},
      {YAML::ErrorMsg::CHAR_IN_ANCHOR, kAnchors, kWriteOut},
      {YAML::ErrorMsg::UNKNOWN_ANCHOR, kAnchors, kWriteOut},
      {YAML::ErrorMsg::MULTIPLE_ANCHORS, kAnchors, kWriteOut},
      {YAML::ErrorMsg::MULTIPLE_TAGS, kTags, kRemoveTag},
      {YAML::ErrorMsg::CHAR_IN_TAG_HANDLE, kTags, kRemoveTag},
      {YAML::ErrorMsg::TAG_WITH_NO_SUFFIX, kTags, kRemoveTag},
      {YAML::ErrorMsg::END_OF_VERBATIM_TAG, kTags, kRemoveTag},
      {YAML::ErrorMsg::INVALID_HEX, kEscape, kSingleQuotes},
      {YAML::ErrorMsg::INVALID_UNICODE, kEscape, kSingleQuotes},
      {YAML::ErrorMsg::INVALID_ESCAPE, kEscape, kSingleQuotes},
      {"bad YAML version", kDirective, kNoDirective},
      {"YAML ", kDirective, kNoDirective},
      {"repeated ", kDirective, kNoDirective},
  }};
  return all;
}

}  // namespace

Fault syntax_fault(std::string_view message) {
  for (const Translation& translation : translations()) {
    if (message.starts_with(translation.library)) {
      return {std::string(translation.message), std::string(translation.remedy)};
    }
  }
  return {"not valid YAML", "write it as in the examples of the reference page"};
}

}  // namespace knockwork::spec
