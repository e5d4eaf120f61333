// tests/errors/NAME.yml (the main file) and NAME.conf.d.yml (a drop-in), either
// alone or together, are refused with exactly the text of NAME.txt.
// UPDATE_GOLDEN=1 writes what is said now: read it as a user would before you
// commit it. Does it say what is wrong, where, and what to do?
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
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

namespace {

// The ports of a text: numbers beside a protocol or within the brackets of a list of ports.
std::set<std::string> ports(const std::string& text) {
  static const std::regex kPort(R"((\d+)(?:-(\d+))?[/:](?:tcp|udp|sctp|icmp))", std::regex::icase);
  static const std::regex kList(R"((?:knock|opens|public|guards|exclude|ports): *(\[[^\n]*|[0-9-]+))");
  static const std::regex kNumber(R"(\d{3,})");
  std::set<std::string> found;
  const auto add = [&](const std::string& part) {
    for (std::sregex_iterator at(part.begin(), part.end(), kNumber), end; at != end; ++at)
      found.insert(at->str());
  };
  for (std::sregex_iterator at(text.begin(), text.end(), kPort), end; at != end; ++at) add(at->str());
  for (std::sregex_iterator at(text.begin(), text.end(), kList), end; at != end; ++at) add((*at)[1]);
  return found;
}

}  // namespace

TEST_CASE("errors: without its lines no port of a declaration is told") {
  // Of our own: the range of ports, the examples of remedies, limits.
  const std::set<std::string> ours{"443", "7000", "7001", "7999", "8000", "8080", "9000", "65535"};
  for (const std::string& name : cases()) {
    try {
      load(sources(name));
    } catch (const InvalidDeclaration& error) {
      std::set<std::string> secret;
      for (const Source& source : sources(name)) secret.merge(ports(source.text));
      for (const Diagnostic& each : error.diagnostics()) {
        const std::string said = each.path + ' ' + each.message + ' ' + each.remedy;
        INFO(name << ": " << said);
        for (const std::string& port : secret) {
          if (!ours.contains(port)) CHECK_FALSE(std::regex_search(said, std::regex("\\b" + port + "\\b")));
        }
        CHECK(to_text({each}, SourceLines::hidden).find('^') == std::string::npos);
      }
    }
  }
}

TEST_CASE("errors: a port where something else should stand is not quoted") {
  const auto message = [](const std::string& text) {
    try {
      load({{Source::Kind::declaration, "f", "knockwork: 1\n" + text}});
    } catch (const InvalidDeclaration& error) {
      return to_text(error.diagnostics(), SourceLines::hidden);
    }
    return std::string("valid");
  };
  for (const std::string port :
       {"17421/udp", "17421", "udp/17421", "17421:UDP", "17421-17422/tcp", "17421,9307"}) {
    for (const std::string before :
         {"", "mode: ", "refuse: ", "public: ", "always_allow: [", "interfaces: [", "ipv6_prefix: ",
          "sequences:\n  - ", "sequences: [{name: /", "sequences: [{knock: [x", "sequences: [{opens: [",
          "sequences: [{from: [", "sequences: [{once: ", "sequences: [{derive: {host: ", "knock: {"}) {
      const std::size_t brackets = static_cast<std::size_t>(std::count(before.begin(), before.end(), '['));
      std::string text = before + port;
      for (std::size_t at = before.size(); at-- > 0;)
        text += before[at] == '[' ? "]" : before[at] == '{' ? "}" : "";
      INFO(brackets << text);
      CHECK(message(text).find("1742") == std::string::npos);
      CHECK(message(text + ": x").find("1742") == std::string::npos);
    }
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
