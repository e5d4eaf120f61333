// tests/errors/NAME.yml (the main file) and NAME.conf.d.yml (a drop-in), either
// alone or together, are refused with exactly the text of NAME.txt.
// UPDATE_GOLDEN=1 writes what is said now: read it as a user would before you
// commit it. Does it say what is wrong, where, and what to do?
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "catch.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/spec.hpp"

using namespace knockwork;

namespace {

namespace fs = std::filesystem;

const fs::path kErrors = KNOCKWORK_ERRORS;
constexpr std::string_view kDropIn = ".conf.d.yml";
constexpr std::string_view kMain = ".yml";

std::string read(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

std::set<std::string> cases() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(kErrors)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kDropIn)) {
      names.insert(name.substr(0, name.size() - kDropIn.size()));
    } else if (name.ends_with(kMain)) {
      names.insert(name.substr(0, name.size() - kMain.size()));
    }
  }
  return names;
}

std::vector<Source> sources(const std::string& name) {
  std::vector<Source> all;
  const std::string main = name + std::string(kMain), drop_in = name + std::string(kDropIn);
  if (fs::exists(kErrors / main)) all.push_back({Source::Kind::declaration, main, read(kErrors / main)});
  if (fs::exists(kErrors / drop_in)) all.push_back({Source::Kind::drop_in, drop_in, read(kErrors / drop_in)});
  return all;
}

}  // namespace

TEST_CASE("errors: every bad declaration is refused with its whole text") {
  REQUIRE(cases().size() >= 80);
  for (const std::string& name : cases()) {
    INFO(name);
    std::string text;
    try {
      load(sources(name));
    } catch (const InvalidDeclaration& error) {
      text = to_text(error.diagnostics());
    }
    REQUIRE_FALSE(text.empty());
    const fs::path golden = kErrors / (name + ".txt");
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(golden, std::ios::binary) << text;
    CHECK(text == read(golden));
  }
}

TEST_CASE("errors: no expected text is without its case") {
  const std::set<std::string> names = cases();
  for (const auto& entry : fs::directory_iterator(kErrors)) {
    if (entry.path().extension() != ".txt") continue;
    INFO(entry.path().filename().string());
    CHECK(names.contains(entry.path().stem().string()));
  }
}
