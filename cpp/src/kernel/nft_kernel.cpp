// The kernel, by libnftables and by netlink.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/features.hpp"
#include "kernel/large_table.hpp"
#include "kernel/netlink/elements.hpp"
#include "kernel/netlink/flows.hpp"
#include "kernel/netlink/flowtables.hpp"
#include "kernel/netlink/links.hpp"
#include "kernel/netlink/netlink.hpp"
#include "kernel/nft.hpp"
#include "kernel/scratch.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "ruleset/tokens.hpp"
#include "text/ascii.hpp"

namespace knockwork {
namespace {

// The kernel takes any name for a table, nft only words.
bool is_word(std::string_view name) {
  constexpr std::string_view kOthers = "_./- ";  // a blank stands behind the family
  return std::all_of(name.begin(), name.end(),
                     [&](char byte) {
                       return is_letter_or_digit(byte) || kOthers.find(byte) != std::string_view::npos;
                     }) &&
         std::count(name.begin(), name.end(), ' ') == 1;
}

std::vector<std::string_view> empty_sets(const LiveTable& table) {
  std::vector<std::string_view> names;
  for (const Set& set : table.ruleset.sets) {
    const auto live = table.live.find(set.name);
    if (set.elements.empty() && (live == table.live.end() || live->second.empty())) names.push_back(set.name);
  }
  return names;
}

std::vector<std::string_view> empty_chains(const LiveTable& table) {
  std::vector<std::string_view> names;
  for (const Chain& chain : table.ruleset.chains) {
    if (chain.rules.empty()) names.push_back(chain.name);
  }
  return names;
}

bool lacks_something(const LiveTable& table, std::chrono::steady_clock::time_point asked) {
  return table.ours &&
         (had_elements(kTable, empty_sets(table), asked) || has_rules(kTable, empty_chains(table)));
}

// A small table is soonest listed in one go.
constexpr std::size_t kLarge = 2'000;

// Not by what nftables makes of other tables: it may not get through one of those.
std::optional<std::string> list_large() {
  try {
    return list_by_sets(kLarge);
  } catch (const SystemError&) {
    return std::nullopt;
  }
}

std::optional<LiveTable> list_table() {
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto asked = std::chrono::steady_clock::now();
    std::optional<std::string> listing = list_large();
    if (!listing) listing = nft_list({fmt::format("list table {}", kTable)}, Elements::shown);
    if (!listing) return std::nullopt;
    LiveTable table = parse_listing(*listing);
    if (!lacks_something(table, asked) && !has_twice(table)) return table;
  }
  throw SystemError("cannot read the table: libnftables returned only part of it");
}

class NftKernel final : public Kernel {
 public:
  void expect_commit(const std::function<void()>& forget) override {
    try {
      early_ = std::make_unique<EarlyLoad>(forget);
    } catch (const SystemError&) {  // the commit does without
    }
  }

  std::optional<LiveTable> read() override {
    generation();  // asks first: what is wrong then is told in clear words
    return list_table();
  }

  std::optional<Ruleset> as_listed(const Ruleset& ruleset) override {
    std::optional<LiveTable> listed;
    in_scratch_namespace([&] {
      if (nft_load(to_nft(ruleset)).how == Loaded::How::taken) listed = list_table();
    });
    return listed ? std::optional(std::move(listed->ruleset)) : std::nullopt;
  }

  std::string others() override {
    std::vector<std::string> names = read_tables();
    std::erase(names, kTable);
    if (names.empty()) return {};
    if (!std::all_of(names.begin(), names.end(), is_word))
      throw SystemError("a table has a name that nft does not accept");
    for (std::string& name : names) name.insert(0, "list table ");
    const auto listing = nft_list(names, Elements::hidden, std::chrono::seconds(5));
    if (!listing) throw SystemError("a table was deleted while it was read");
    return *listing;
  }

  // Where its answer is lost, the generation tells whether it was taken: nobody else commits in that moment,
  // or what is read back says so.
  void commit(const Transaction& transaction) override {
    const std::string script = to_nft(transaction);
    for (int attempt = 1;; ++attempt) {
      const std::uint32_t before = generation().number;
      const Loaded loaded = load(script);
      if (loaded.how == Loaded::How::taken) return;
      if (loaded.how != Loaded::How::refused && generation().number == before + 1) return;
      if (loaded.how == Loaded::How::interrupted && generation().number == before && attempt < kTries)
        continue;
      const std::string missing = missing_features(script, nft_takes);
      const std::string why =
          "the kernel refused to change nf_tables: " + (missing.empty() ? loaded.error : missing);
      if (loaded.how == Loaded::How::refused) throw Refused(why);
      throw SystemError(why);
    }
  }

  Generation generation() override { return read_generation(); }
  std::string token_memory() override { return read_handles(kTable, {kTokens, kClaimed, kUsed, kGood}); }
  std::vector<Flow> flows() override { return read_flows(); }
  std::vector<Link> links() override { return read_links(); }

  std::vector<Flowtable> flowtables() override {
    try {
      generation();  // asks first: see read()
      const auto listing = nft_list({"list flowtables"}, Elements::shown);
      return listing ? parse_flowtables(*listing) : std::vector<Flowtable>();
    } catch (const SystemError&) {
      return {};
    }
  }

  void end(const std::vector<Flow>& flows, Ending ending) override { end_flows(flows, ending); }

 private:
  Loaded load(const std::string& script) {
    const std::unique_ptr<EarlyLoad> early = std::exchange(early_, nullptr);
    return early ? early->load(script) : nft_load(script);
  }

  std::unique_ptr<EarlyLoad> early_;
};

}  // namespace

std::unique_ptr<Kernel> open_kernel() { return std::make_unique<NftKernel>(); }

}  // namespace knockwork
