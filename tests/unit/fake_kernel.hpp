// A kernel in memory, as strict and as atomic as the real one: it works on a
// copy and swaps only when every action went through. contract.cpp runs one
// suite on both.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>

#include "knockwork/kernel.hpp"
#include "plan/difference.hpp"
#include "ruleset/ruleset.hpp"

namespace knockwork {

class FakeKernel final : public Kernel {
 public:
  std::optional<LiveTable> read() override {
    std::optional<LiveTable> live = table_;
    if (live) live->ruleset = spelled(std::move(live->ruleset));
    return live;
  }
  std::optional<Ruleset> as_listed(const Ruleset& ruleset) override {
    ++questions_;
    return secretive_ ? std::nullopt : std::optional(spelled(ruleset));
  }
  std::string others() override { return {}; }
  void expect_commit(const std::function<void()>&) override {}
  void commit(const Transaction& transaction) override;
  Generation generation() override { return {"fake", 1, generation_}; }
  std::string token_memory() override { return memory_; }
  void forget_tokens() { memory_ += '+'; }  // as if their sets had been made anew
  std::vector<Flow> flows() override { return flows_; }
  void end(const std::vector<Flow>& flows, Ending ending) override {
    if (ending == Ending::offloaded) return;  // there are none
    std::erase_if(
        flows_, [&](const Flow& flow) { return std::find(flows.begin(), flows.end(), flow) != flows.end(); });
  }
  std::vector<Link> links() override { return links_; }
  std::vector<Flowtable> flowtables() override { return flowtables_; }
  void offload(std::vector<Flowtable> flowtables) { flowtables_ = std::move(flowtables); }
  void connect(std::vector<Link> links) { links_ = std::move(links); }
  void open(const Flow& flow) { flows_.push_back(flow); }

  // Lists every rule and key in other words from now on.
  using Spelling = std::function<std::string(std::string)>;
  void spell(Spelling spelling) { spelling_ = std::move(spelling); }
  void keep_to_itself() { secretive_ = true; }
  int questions() const { return questions_; }

  // What another program does behind our back.
  void tamper(const std::function<void(std::optional<LiveTable>&)>& change);
  int commits() const { return commits_; }

 private:
  Ruleset spelled(Ruleset ruleset) const;

  std::optional<LiveTable> table_;
  std::uint32_t generation_ = 1;
  int commits_ = 0;
  int questions_ = 0;
  bool secretive_ = false;
  std::string memory_ = "fake";
  Spelling spelling_;
  std::vector<Flow> flows_;
  std::vector<Flowtable> flowtables_;
  std::vector<Link> links_{{"lo", {}, ""}, {"eth0", {}, ""}};
};

}  // namespace knockwork
