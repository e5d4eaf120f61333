// How a diagnostic looks: the caret stands under its place whatever the line holds.
#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/printable.hpp"

using namespace knockwork;

namespace {

std::string excerpt(const std::string& source, int column, int width, int source_column = 1) {
  Diagnostic diagnostic{"f", 1, column, width, "", "m", "r", source, source_column, ""};
  const std::string text = to_text({diagnostic});
  const std::string head = "f:1:" + std::to_string(column) + ": error: m\n", tail = "  help: r\n";
  REQUIRE(text.starts_with(head));
  REQUIRE(text.ends_with(tail));
  return text.substr(head.size(), text.size() - head.size() - tail.size());
}

}  // namespace

TEST_CASE("diagnostic: its parts, and those that are missing") {
  CHECK(to_text({{"a.yml", 7, 3, 4, "p", "port out of range", "a number", "  12345", 1, ""}}) ==
        "a.yml:7:3: error: port out of range\n    12345\n    ^~~~\n  help: a number\n");
  CHECK(to_text({{"a.yml", 0, 0, 1, "", "the declaration is empty", "start it", "", 1, ""}}) ==
        "a.yml: error: the declaration is empty\n  help: start it\n");
  CHECK(to_text({{"a.yml", 2, 1, 1, "", "m", "", "", 1, ""}}) == "a.yml:2:1: error: m\n");
  CHECK(to_text({{"", 0, 0, 1, "", "m", "", "", 1, ""}}) == "error: m\n");
  CHECK(to_text({}).empty());
}

TEST_CASE("diagnostic: the caret aligns behind tabs, accents, wide characters and escapes") {
  CHECK(excerpt("ab", 2, 1) == "  ab\n   ^\n");
  CHECK(excerpt("\tx", 2, 1) == "      x\n      ^\n");
  CHECK(excerpt("é: x", 4, 1) == "  é: x\n     ^\n");
  CHECK(excerpt("日本x", 3, 1) == "  日本x\n      ^\n");
  CHECK(excerpt("日本x", 1, 2) == "  日本x\n  ^~~~\n");
  CHECK(excerpt("e\xcc\x81x", 3, 1) == "  e\xcc\x81x\n   ^\n");
  CHECK(excerpt("\x1b[2Jx", 5, 1) == "  \\x1b[2Jx\n         ^\n");
  CHECK(excerpt("\xe2\x80\xaex", 2, 1) == "  \\u{202e}x\n          ^\n");
  CHECK(excerpt("\xffx", 2, 1) == "  \\xffx\n      ^\n");
}

TEST_CASE("diagnostic: a caret never stands beyond the line") {
  CHECK(excerpt("ab", 3, 1) == "  ab\n    ^\n");
  CHECK(excerpt("ab", 99, 9) == "  ab\n    ^\n");
  CHECK(excerpt("ab", 1, 99) == "  ab\n  ^~\n");
}

TEST_CASE("diagnostic: a long line is cut around its caret") {
  const std::string x(500, 'x');
  CHECK(excerpt(x + "!" + x, 501, 1) ==
        "  …" + std::string(40, 'x') + "!" + std::string(55, 'x') + "…\n  " + std::string(41, ' ') + "^\n");
  CHECK(excerpt(x, 1, 500) == "  " + std::string(96, 'x') + "…\n  ^" + std::string(95, '~') + "\n");
  CHECK(excerpt("!" + x, 1, 1) == "  !" + std::string(95, 'x') + "…\n  ^\n");
  CHECK(excerpt(x + "!", 501, 1) == "  …" + std::string(95, 'x') + "!\n  " + std::string(96, ' ') + "^\n");
  CHECK(excerpt("abc!", 1004, 1, 1001) == "  …abc!\n      ^\n");  // of a line that was cut before
}

TEST_CASE("diagnostic: a hostile file name does nothing to the terminal") {
  CHECK(to_text({{"a\n\x1b[2J.yml", 0, 0, 1, "", "m", "", "", 1, ""}}) == "a\\x0a\\x1b[2J.yml: error: m\n");
}

TEST_CASE("printable: what acts on a terminal is shown instead") {
  CHECK(printable("plain\ttext\nand é, 日本, …") == "plain\ttext\nand é, 日本, …");
  CHECK(printable("\x1b[31m\x07\r\x7f") == "\\x1b[31m\\x07\\x0d\\x7f");
  CHECK(printable("\xc2\x9b"
                  "31m \xe2\x80\xae \xe2\x80\x8b") == "\\u{9b}31m \\u{202e} \\u{200b}");
  CHECK(printable("\xff\xc3(\xe2\x80") == "\\xff\\xc3(\\xe2\\x80");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("printable: JSON keeps its value") {
  CHECK(json_string("a\"\\\n\x1b") == "\"a\\\"\\\\\\n\\u001b\"");
  CHECK(json_string("\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81") == "\"\\u007f\\u009b\\u202e\\udb40\\udc01\"");
  CHECK(json_string("\xff") == "\"\xef\xbf\xbd\"");
  CHECK(json_string("é…") == "\"é…\"");
}
