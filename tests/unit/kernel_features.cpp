// A kernel that lacks a module: which one is said.
#include <algorithm>

#include "catch.hpp"
#include "kernel/features.hpp"
#include "plan/difference.hpp"
#include "program/program.hpp"

using namespace knockwork;

namespace {

// A kernel without what these words stand for.
Takes kernel_without(std::vector<std::string> words, std::vector<std::string>* asked = nullptr) {
  return [words = std::move(words), asked](const std::string& script) {
    if (asked != nullptr) asked->push_back(script);
    return std::none_of(words.begin(), words.end(),
                        [&](const std::string& word) { return script.find(word) != std::string::npos; });
  };
}

std::string script() {
  return to_nft(compile(compile(load({{Source::Kind::declaration, "knockwork.yml",
                                       "knockwork: 1\nsequences:\n"
                                       "  - {name: ssh, knock: [7000, 8000], opens: [22/tcp]}\n"}}))));
}

}  // namespace

TEST_CASE("features: what is missing is named, with its module") {
  CHECK(missing_features(script(), kernel_without({"fib daddr"})) ==
        "this kernel has no `fib` in nf_tables: run `modprobe nft_fib_inet` (in a container, on its host)");
  CHECK(missing_features(script(), kernel_without({"ct state", "type nat"})) ==
        "this kernel has no `ct`, `nat` in nf_tables: run `modprobe nft_ct nft_chain_nat nft_nat` (in a "
        "container, on its host)");
}

TEST_CASE("features: nothing is said where nothing is missing, or no table can be made") {
  CHECK(missing_features(script(), kernel_without({})).empty());
  CHECK(missing_features(script(), kernel_without({"add table"})).empty());
}

TEST_CASE("features: only what the script uses is asked for, and no port is told") {
  std::vector<std::string> asked;
  CHECK(
      missing_features("add rule inet knockwork gate accept", kernel_without({"log group"}, &asked)).empty());
  CHECK(asked.size() == 1);
  missing_features(script(), kernel_without({}, &asked));
  for (const std::string& each : asked) CHECK(each.find("7000") == std::string::npos);
}
