// Inputs too large, too deep or too strange to keep as files. Each must end
// soon, whatever the machine: the bounds are many times what was measured.
#include <fmt/format.h>

#include <chrono>
#include <random>

#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"

using namespace knockwork;

namespace {

using Seconds = std::chrono::duration<double>;

Diagnostics faults(const std::string& text) {
  try {
    load({{Source::Kind::declaration, "knockwork.yml", text}});
    return {};
  } catch (const InvalidDeclaration& error) {
    return error.diagnostics();
  }
}

Diagnostics faults_within(const std::string& text, double seconds) {
  const auto start = std::chrono::steady_clock::now();
  Diagnostics found = faults(text);
  CHECK(Seconds(std::chrono::steady_clock::now() - start).count() < seconds);
  return found;
}

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  while (times-- > 0) all += text;
  return all;
}

std::string many_sequences(int count) {
  std::string text = "knockwork: 1\nsequences:\n";
  for (int at = 0; at < count; ++at) {
    const int port = 1000 + at % 20000;
    text += fmt::format(
        "  - name: seq-{}\n    knock: [{}/udp, {}/udp, {}/udp]\n    opens: [22/tcp]\n    step_timeout: 1s\n"
        "    open_for: 60s\n",
        at, port, port + 20000, port + 40000);
  }
  return text;
}

}  // namespace

TEST_CASE("limits: 100,000 sequences are read") {
  const auto start = std::chrono::steady_clock::now();
  const Spec spec = load({{Source::Kind::declaration, "knockwork.yml", many_sequences(100000)}});
  CHECK(spec.sequences.size() == 100000);
  CHECK(Seconds(std::chrono::steady_clock::now() - start).count() < 120);
}

TEST_CASE("limits: a word of 10 MB is refused at once, and its line is not repeated") {
  for (const char* before : {"knockwork: 1\nlog: ", "", "knockwork: 1\nlog: \"", "knockwork: 1\n# ", "["}) {
    const Diagnostics found = faults_within(before + std::string(10'000'000, 'x'), 5);
    REQUIRE(found.size() == 1);
    CHECK(found[0].message == "a word of more than 4096 bytes");
    CHECK(to_text(found).size() < 1000);
  }
}

TEST_CASE("limits: a value of 10 MB in words is refused, and a text of 65 MB unread") {
  const Diagnostics long_value = faults("knockwork: 1\nlog: " + repeat("xx ", 3'000'000));
  REQUIRE(long_value.size() == 1);
  CHECK(long_value[0].message == "a value of more than 4096 bytes");
  const Diagnostics long_text = faults_within(std::string(65U << 20, '\n'), 5);
  REQUIRE(long_text.size() == 1);
  CHECK(long_text[0].message == "larger than 64 MiB");
  CHECK(long_text[0].line == 0);
}

TEST_CASE("limits: nesting is refused before it costs a stack") {
  for (const std::string& text :
       {std::string(100000, '['), std::string(1000, '{'), repeat("{a: ", 100000), repeat("- ", 100000),
        repeat("? ", 100000), repeat("[a, ", 100000), "knockwork: 1\nsequences: " + repeat("[", 4000)}) {
    const Diagnostics found = faults_within(text, 20);
    REQUIRE(found.size() == 1);
    CHECK(to_text(found).size() < 1000);
  }
  const Diagnostics found = faults(std::string(50, '['));
  REQUIRE(found.size() == 1);
  CHECK(found[0].message == "more than 16 nested lists and mappings");
}

TEST_CASE("limits: an alias bomb costs nothing") {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level <= 30; ++level) {
    text += fmt::format("a{0}: &a{0} [{1}*a{2}]\n", level, repeat(fmt::format("*a{}, ", level - 1), 9),
                        level - 1);
  }
  const Diagnostics found = faults_within(text + "knockwork: 1\nsequences: *a30\n", 5);
  REQUIRE(found.size() == 101);
  CHECK(found[1].message == "anchors and aliases are not supported");
}

TEST_CASE("limits: 100 errors are shown, the rest counted") {
  std::string text = "knockwork: 1\nsequences:\n";
  for (int at = 0; at < 20000; ++at) text += fmt::format("  - {{name: s{}, knock: [0], opens: [22]}}\n", at);
  const Diagnostics found = faults_within(text, 60);
  REQUIRE(found.size() == 101);
  CHECK(found[99].line == 52);
  CHECK(found[100].line == 0);
  CHECK(found[100].message == "39900 more errors, not shown");
  CHECK(to_text(found).ends_with(
      "knockwork.yml: error: 39900 more errors, not shown\n  help: fix those above first\n"));
}

TEST_CASE("limits: faults far out on one long line are found and shown in a short excerpt") {
  std::string text = "{knockwork: 1, sequences: [";
  for (int at = 0; at < 20000; ++at) text += fmt::format("{{name: s{}, knock: [0], opens: [22/tcp]}}, ", at);
  const Diagnostics found = faults_within(text + "]}", 60);
  REQUIRE(found.size() == 101);
  for (const Diagnostic& diagnostic : found) CHECK(to_text({diagnostic}).size() < 500);
}

TEST_CASE("limits: a name of 300 characters") {
  const Diagnostics found = faults("knockwork: 1\nsequences: [{name: " + std::string(300, 'n') +
                                   ", knock: [7000], opens: [22/tcp]}]\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].message == "a name of 300 characters");
  CHECK(found[0].remedy == "use 1 to 64 letters, digits and . _ - @, a letter or digit first");
  CHECK(found[0].width == 300);
}

TEST_CASE("limits: wide ranges in many sequences are checked in no time") {
  std::string text = "knockwork: 1\nsequences:\n";
  for (int at = 0; at < 3000; ++at) {
    text += fmt::format("  - {{name: s{0}, knock: [{0}], opens: [2-65535/tcp]}}\n", at + 1);
  }
  CHECK(faults_within(text, 30).empty());
}

TEST_CASE("limits: a declaration cut anywhere, or with any byte changed, is read or refused") {
  const std::string whole =
      "knockwork: 1\nmode: stealth\npublic: [80/tcp]\nsequences:\n  - name: \"ssh\"\n    knock: [7000/udp, "
      "8000]\n"
      "    opens:\n      - 22/tcp\n    step_timeout: 1s # one\n  - {name: 'b', knock: [1], opens: "
      "[2-3/udp]}\n";
  REQUIRE(faults(whole).empty());
  for (std::size_t length = 0; length < whole.size(); ++length) to_text(faults(whole.substr(0, length)));
  std::mt19937 random(7);
  const std::string bytes = "\n\t :-[]{}\"'&*!|>#?,%@\\\r\x80\xff~0a";
  for (int round = 0; round < 3000; ++round) {
    std::string text = whole;
    for (int change = 0; change < 3; ++change) text[random() % text.size()] = bytes[random() % bytes.size()];
    to_text(faults(text));
  }
}
