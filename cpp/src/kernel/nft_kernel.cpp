// The only user of libnftables.
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/apart.hpp"
#include "kernel/features.hpp"
#include "kernel/libnftables.hpp"
#include "kernel/netlink/flows.hpp"
#include "kernel/netlink/flowtables.hpp"
#include "kernel/netlink/links.hpp"
#include "kernel/netlink/netlink.hpp"
#include "kernel/scratch.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/kernel.hpp"
#include "ruleset/tokens.hpp"

namespace knockwork {
namespace {

struct ContextDeleter {
  void operator()(nft_ctx* context) const { libnftables().ctx_free(context); }
};
using Context = std::unique_ptr<nft_ctx, ContextDeleter>;

// A context a command: what libnftables remembers of one command can be stale in the next.
Context open_context() {
  Context context(libnftables().ctx_new(NFT_CTX_DEFAULT));
  if (!context) throw SystemError("libnftables does not start (out of memory?)");
  // Numbers for protocols: names depend on /etc/protocols, which may be missing.
  libnftables().ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_NUMERIC_PROTO);
  libnftables().ctx_buffer_output(context.get());
  libnftables().ctx_buffer_error(context.get());
  return context;
}

// What libnftables says without where it says it: its excerpts quote our
// script, which holds ports.
std::string reason(std::string_view error) {
  std::string text;
  while (!error.empty()) {
    const std::string_view line = error.substr(0, error.find('\n'));
    error.remove_prefix(std::min(line.size() + 1, error.size()));
    const std::size_t at = line.find("Error: ");
    if (at == std::string_view::npos) continue;
    if (!text.empty()) text += "; ";
    text += line.substr(at + 7);
    if (text.size() > 300) break;
  }
  return text.empty() ? "no reason given" : text;
}

bool says(std::string_view error, std::string_view text) {
  return error.find(text) != std::string_view::npos;
}

[[noreturn]] void refuse(std::string_view doing, std::string_view error) {
  throw SystemError(fmt::format("the kernel refused to {} nf_tables: {}", doing, reason(error)));
}

// In check mode the kernel judges everything and keeps nothing.
bool takes(const std::string& script) {
  const Context context = open_context();
  libnftables().ctx_set_dry_run(context.get(), true);
  return libnftables().run_cmd_from_buffer(context.get(), script.c_str()) == 0;
}

// The kernel takes any name for a table, nft only words.
bool is_word(std::string_view name) {
  constexpr std::string_view kOthers = "_./- ";  // a blank stands behind the family
  return std::all_of(name.begin(), name.end(),
                     [&](char byte) {
                       return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                              (byte >= 'a' && byte <= 'z') || kOthers.find(byte) != std::string_view::npos;
                     }) &&
         std::count(name.begin(), name.end(), ' ') == 1;
}

// Without the elements of named sets.
std::string terse_listing(const std::string& table) {
  const Context context = open_context();
  libnftables().ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_NUMERIC_PROTO | NFT_CTX_OUTPUT_TERSE);
  if (libnftables().run_cmd_from_buffer(context.get(), ("list table " + table).c_str()) != 0) {
    refuse("read", libnftables().ctx_get_error_buffer(context.get()));
  }
  return libnftables().ctx_get_output_buffer(context.get());
}

std::optional<LiveTable> list_table() {
  const Context context = open_context();
  const std::string command = fmt::format("list table {}", kTable);
  if (libnftables().run_cmd_from_buffer(context.get(), command.c_str()) != 0) {
    const std::string_view error = libnftables().ctx_get_error_buffer(context.get());
    if (says(error, "No such file or directory")) return std::nullopt;
    refuse("read", error);
  }
  return parse_listing(libnftables().ctx_get_output_buffer(context.get()));
}

class NftKernel final : public Kernel {
 public:
  std::optional<LiveTable> read() override {
    generation();  // asks first: where nothing may be asked, libnftables prints or ends the process
    return list_table();
  }

  std::optional<Ruleset> as_listed(const Ruleset& ruleset) override {
    std::optional<LiveTable> listed;
    in_scratch_namespace([&] {
      const Context context = open_context();
      if (libnftables().run_cmd_from_buffer(context.get(), to_nft(ruleset).c_str()) == 0)
        listed = list_table();
    });
    return listed ? std::optional(std::move(listed->ruleset)) : std::nullopt;
  }

  // Apart: libnftables ends its process over what it does not know, and what others write may be that.
  std::string others() override {
    std::vector<std::string> names = read_tables();
    std::erase(names, kTable);
    if (names.empty()) return {};
    if (!std::all_of(names.begin(), names.end(), is_word))
      throw SystemError("a table has a name that nft does not accept");
    const auto list_each = [&] {
      std::string text;
      for (const std::string& name : names) text += terse_listing(name);
      return text;
    };
    return apart(list_each, std::chrono::seconds(5));
  }

  void commit(const Transaction& transaction) override {
    const Context context = open_context();
    const std::string script = to_nft(transaction);
    if (libnftables().run_cmd_from_buffer(context.get(), script.c_str()) == 0) return;
    const std::string missing = missing_features(script, takes);
    if (!missing.empty()) throw SystemError("the kernel refused to change nf_tables: " + missing);
    refuse("change", libnftables().ctx_get_error_buffer(context.get()));
  }

  Generation generation() override { return read_generation(); }
  std::string token_memory() override { return read_handles(kTable, {kTokens, kClaimed, kUsed, kGood}); }
  std::vector<Flow> flows() override { return read_flows(); }
  std::vector<Link> links() override { return read_links(); }

  std::vector<Flowtable> flowtables() override {
    try {
      generation();  // asks first: see read()
    } catch (const SystemError&) {
      return {};
    }
    const Context context = open_context();
    if (libnftables().run_cmd_from_buffer(context.get(), "list flowtables") != 0) return {};
    return parse_flowtables(libnftables().ctx_get_output_buffer(context.get()));
  }

  void end(const std::vector<Flow>& flows, Ending ending) override { end_flows(flows, ending); }
};

}  // namespace

std::unique_ptr<Kernel> open_kernel() { return std::make_unique<NftKernel>(); }

}  // namespace knockwork
