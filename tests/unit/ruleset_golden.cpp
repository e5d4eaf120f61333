// Each tests/golden/NAME.yml compiles to NAME.nft, to the letter. UPDATE_GOLDEN=1
// writes what is compiled now: read the difference before you commit it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "catch.hpp"
#include "knockwork/knockwork.hpp"
#include "program/program.hpp"

using namespace knockwork;

namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<std::filesystem::path> declarations() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(KNOCKWORK_GOLDEN)) {
    if (entry.path().extension() == ".yml") paths.push_back(entry.path());
  }
  return paths;
}

void compare(const std::filesystem::path& golden, const std::string& text) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(golden) << text;
  INFO(golden.filename().string());
  CHECK(text == read(golden));
}

}  // namespace

TEST_CASE("golden: a declaration's program and its rendered table") {
  REQUIRE(declarations().size() >= 4);
  for (std::filesystem::path path : declarations()) {
    const Spec spec = load({{Source::Kind::declaration, path.filename().string(), read(path)}});
    compare(path.replace_extension(".program"), dump(compile(spec)));
    compare(path.replace_extension(".nft"), render(spec));
  }
}
