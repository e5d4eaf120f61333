// `knock`, and what `connect` shares with it.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/client.hpp"
#include "shared.hpp"

struct KnockArguments : Common {
  std::string host;
  std::vector<std::string> knocks;
  std::string wait_open;
  std::string sequence;
  std::string profile;
  std::string source;
  std::string interface;
  bool ipv4 = false, ipv6 = false, both = false;
  bool no_prove = false;
  std::optional<std::chrono::milliseconds> delay, within;
  std::chrono::milliseconds jitter{0}, timeout{5000};
  std::optional<int> retries;
};

void add_knock_options(CLI::App* sub, KnockArguments& arguments);
// The few of them that most knocks have: an option takes longer to describe than a knock to send.
void add_plain_knock_options(CLI::App* sub, KnockArguments& arguments);
// Those of them that `connect` has as well.
void add_way(CLI::App* sub, KnockArguments& arguments);

knockwork::Knocking knocking(const KnockArguments& arguments);
int exit_status(knockwork::Knocked::Outcome outcome);

// What the profile has for a host and a port that is to open, if one is named.
knockwork::KnockTarget target_of(const KnockArguments& arguments, const std::string& port);

int run_knock(const KnockArguments& arguments);
