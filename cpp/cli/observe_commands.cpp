// What there is to see of the gate.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "commands.hpp"
#include "knockwork/boot.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/observe.hpp"
#include "live_screen.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace {

using namespace knockwork;

struct ObserveArguments : Common {
  std::size_t count = 0;
  bool journal = false;
  bool live = false;
  bool no_pager = false;
  std::string output;
};

int run_live_status(const ObserveArguments& arguments) {
  show_live([&] {
    const Status now = status(*open_kernel(), settings(arguments));
    std::string text = to_live_text(now, boot());
    for (const std::string& warning : now.warnings) text += "\nwarning: " + warning + '\n';
    return painted(text, status_colours());
  });
  return kFine;
}

// Events as long as somebody reads what is printed about them.
class EventsWhileRead final : public Events {
 public:
  EventsWhileRead(std::unique_ptr<Events> events, bool printed)
      : events_(std::move(events)), printed_(printed) {}
  Batch next(std::chrono::milliseconds longest) override {
    constexpr std::chrono::milliseconds kLook{250};
    if (!printed_) return events_->next(longest);
    const auto end = std::chrono::steady_clock::now() + longest;
    while (true) {
      if (reader_is_gone()) throw ReaderGone();
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
      Batch batch = events_->next(std::clamp(left, std::chrono::milliseconds(0), kLook));
      if (left <= kLook || batch.lost || !batch.events.empty()) return batch;
    }
  }

 private:
  std::unique_ptr<Events> events_;
  bool printed_;
};

// Not said to CLI11, which would then describe --json otherwise than other commands do.
void refuse_json_with(const ObserveArguments& arguments, bool other, std::string_view name) {
  if (arguments.json && other) throw SystemError(fmt::format("--json and {} exclude each other", name));
}

int run_status(const ObserveArguments& arguments) {
  refuse_json_with(arguments, arguments.live, "--watch");
  if (arguments.live) return run_live_status(arguments);
  const Status now = status(*open_kernel(), settings(arguments));
  for (const std::string& warning : now.warnings) warn(warning);
  if (arguments.json) {
    print(to_json(now, boot()) + '\n');
  } else {
    print_paged(painted(to_text(now, boot()), status_colours()),
                arguments.no_pager ? Paging::none : Paging::automatic);
  }
  return now.declared && !now.present ? kNoGate : kFine;
}

// Events for the journal. What it did not take is lost, which it is told before the next event that it takes.
class ToJournal {
 public:
  void operator()(const Seen& seen) {
    if (lost_ && to_journal({Seen::Kind::lost, seen.at, {}, {}})) lost_ = false;
    if (!lost_ && to_journal(seen)) return;
    if (!std::exchange(lost_, true)) warn("the journal does not take events: does systemd-journald run?");
  }

 private:
  bool lost_ = false;
};

int run_watch(const ObserveArguments& arguments) {
  refuse_json_with(arguments, arguments.journal, "--journal");
  const std::unique_ptr<Kernel> kernel = open_kernel();
  const std::string log = log_of(*kernel);
  if (log.empty()) warn("there is no gate in this network namespace yet");
  if (log == "none")
    warn("nothing will be reported: the declaration has `log: none`; set it to grants or all");
  ToJournal to_the_journal;
  EventsWhileRead events(open_events(), !arguments.journal);
  try {
    watch(*kernel, events, arguments.count, [&](const Seen& seen) {
      if (arguments.journal) return to_the_journal(seen);
      print(arguments.json ? to_json(seen) : to_text(seen));
    });
  } catch (const ReaderGone&) {
    return kFine;
  }
  return kFine;
}

int run_metrics(const ObserveArguments& arguments) {
  const std::string text = to_metrics(measure(*open_kernel()));
  if (arguments.output.empty()) {
    print(text);
  } else {
    write_public(arguments.output, text);
  }
  return kFine;
}

}  // namespace

void add_observe_commands(Commands& commands) {
  const auto arguments = std::make_shared<ObserveArguments>();
  CLI::App* sub = commands.add(
      "status",
      "Show the gate: sequences, grants with their remaining time, lockouts, drift, and how full its sets are. "
      "Exit status 3: a declaration exists, but no gate is loaded",
      arguments, run_status);
  commands.share(sub, *arguments, {Shared::json, Shared::reveal});
  CLI::Option* live =
      sub->add_flag("--watch", arguments->live, "show it on a live screen, until Ctrl-C or q");
  sub->add_flag("--no-pager", arguments->no_pager, "do not use $PAGER on a terminal")->excludes(live);

  sub = commands.add("watch", "Show grants, when they end, and wrong knocks, as they happen (needs `log`)",
                     arguments, run_watch);
  commands.share(sub, *arguments, {Shared::json});
  add_number(sub, "--count", arguments->count, "exit after this many events; 0: never")->default_str("0");
  sub->add_flag("--journal", arguments->journal, "send each event to the journal instead of printing it");

  sub = commands.add("metrics", "Print metrics of the gate in the text format of Prometheus", arguments,
                     run_metrics);
  sub->add_option("--output", arguments->output,
                  "replace this file, readable by all, for node_exporter's textfile collector");
}
