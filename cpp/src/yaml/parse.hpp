// YAML text → Document. The only place that knows yaml-cpp.
//
// It takes the library's events rather than its node graph: events keep the place
// of everything, cost a fraction, and let anchors, tags, a second document and
// deep nesting be refused before they cost anything.
#pragma once

#include "yaml/document.hpp"
#include "yaml/faults.hpp"

namespace knockwork::spec {

// What a text may be at most: far beyond any declaration, and cheap to refuse.
inline constexpr std::size_t kLongestText = 64U << 20;  // bytes
inline constexpr std::size_t kLongestWord = 4096;       // bytes without a blank or comma
inline constexpr int kDeepest = 16;                     // lists and maps inside each other

enum class Outcome { parsed, refused };

// Fills `document` from its own text. Outcome::refused: it cannot be read further than what it holds.
Outcome parse(Document& document, Faults& faults);

// The part of it that needs no YAML: size, encoding, control characters.
Outcome check_text(const Document& document, Faults& faults);

// What a syntax error of yaml-cpp means to a user.
Fault syntax_fault(std::string_view message);

// Faults, and what to do about them, that yaml-cpp finds in some texts only.
inline constexpr const char* kAnchors = "anchors and aliases are not supported";
inline constexpr const char* kWriteOut = "write the value out where it is used";
inline constexpr const char* kTags = "tags are not supported";
inline constexpr const char* kRemoveTag = "remove the tag and write a plain value";
inline constexpr const char* kOpenQuote = "a quote that is never closed";
inline constexpr const char* kCloseQuote = "close the quote on the same line";
inline constexpr const char* kTab = "a tab in the indentation";
inline constexpr const char* kIndent = "indent with spaces";

}  // namespace knockwork::spec
