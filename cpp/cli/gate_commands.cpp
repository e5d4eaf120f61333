// Commands that meet the kernel.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "commands.hpp"
#include "knockwork/boot.hpp"
#include "knockwork/declaration_lock.hpp"
#include "knockwork/drift.hpp"
#include "knockwork/explain.hpp"
#include "knockwork/interfaces.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/unchanged.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace {

using namespace knockwork;

struct GateArguments : Common {
  std::string name;
  bool quiet = false;
  bool detailed_exitcode = false;
  std::string confirm_within;
  bool unattended = false;
  bool repair = false;
  bool watch = false;
  bool revoke_retired = false;
};

int run_plan(const GateArguments& arguments) {
  const Spec spec = load(sources(arguments.file, For::applying));
  const std::unique_ptr<Kernel> kernel = open_kernel();
  Report report = plan(spec, *kernel, settings(arguments));
  if (std::string open = left_open(spec, *kernel); !open.empty()) report.warnings.push_back(std::move(open));
  show(report, arguments, Execution::check);
  return report.changed && arguments.detailed_exitcode ? kWouldChange : kFine;
}

int run_explain(const GateArguments& arguments) {
  const std::vector<Source> read = sources(arguments.file);
  const Spec spec = load(read);
  const Report report = plan(spec, *open_kernel(), settings(arguments));
  for (const std::string& warning : report.warnings) warn(warning);
  if (arguments.json) {
    print(explain_json(report, spec, declared(read)) + '\n');
  } else {
    print_coloured(explain(report, spec, declared(read)));
  }
  return kFine;
}

// At boot: whatever is wrong, a gate stands afterwards, and the exit status says what was wrong.
int run_unattended(const GateArguments& arguments) {
  const Report report = apply_unattended(arguments.file, *open_kernel(), settings(arguments));
  if (report.changed || !report.warnings.empty() || !arguments.quiet) {
    try {
      show(report, arguments, Execution::apply);
    } catch (const SystemError&) {
      // The journal, which is the unit's standard output, may not run: the gate stands all the same.
    }
  }
  if (report.degraded.empty()) return kFine;
  fail(report.degraded);
  return kError;
}

int run_apply(const GateArguments& arguments) {
  if (arguments.unattended && !arguments.check && arguments.file != "-") return run_unattended(arguments);
  Settings wanted = settings(arguments);
  std::optional<DeclarationLock> writing;
  if (!arguments.check) writing.emplace(arguments.file, wanted.lock_timeout);
  std::vector<Source> read = sources(arguments.file, For::applying);
  if (!arguments.confirm_within.empty()) {
    wanted.confirm_within = parse_confirm_within(arguments.confirm_within, "--confirm-within");
  }
  if (arguments.revoke_retired) wanted.retired = Retired::revoked;
  if (arguments.unattended) wanted.asked = Asked::by_the_system;
  const std::unique_ptr<Kernel> kernel = open_kernel();
  Report report = apply(std::move(read), execution(arguments), *kernel, wanted);
  if (!arguments.unattended) {
    const Timer timer = report.needs_timer ? Timer::needed : Timer::not_needed;
    for (std::string& warning : boot_warnings(boot(), arguments.file, timer)) {
      report.warnings.push_back(std::move(warning));
    }
  }
  if (!report.changed && report.warnings.empty() && arguments.quiet) return kFine;
  return show(report, arguments, execution(arguments));
}

// A pipeline ends with its reader; the unit's standard output is the journal's socket, which may close.
class CommitsWhileRead final : public Commits {
 public:
  bool wait(std::chrono::milliseconds longest) override {
    constexpr std::chrono::milliseconds kLook{250};
    if (!piped_) return commits_->wait(longest);
    if (reader_is_gone()) throw ReaderGone();
    return commits_->wait(std::min(longest, kLook));
  }

 private:
  std::unique_ptr<Commits> commits_ = open_commits();
  bool piped_ = writes_to_pipe();
};

int show_drift(const Report& report, const GateArguments& arguments, Execution execution) {
  return show(report, arguments, execution, {}, drift_text(report, execution));
}

int keep_repairing(Kernel& kernel, const GateArguments& arguments) {
  Settings alone = settings(arguments);
  alone.asked = Asked::by_the_system;
  CommitsWhileRead commits;
  try {
    keep_repairing(kernel, commits, alone,
                   [&](const Report& report) { show_drift(report, arguments, Execution::apply); });
  } catch (const ReaderGone&) {
    return kFine;
  }
}

int run_drift(const GateArguments& arguments) {
  const std::unique_ptr<Kernel> kernel = open_kernel();
  const Execution execution = arguments.repair ? Execution::apply : Execution::check;
  if (arguments.watch) return keep_repairing(*kernel, arguments);
  const Report report = drift(execution, *kernel, settings(arguments));
  show_drift(report, arguments, execution);
  return report.changed && arguments.detailed_exitcode ? kWouldChange : kFine;
}

int run_remove(const GateArguments& arguments) {
  const Report report = remove(execution(arguments), *open_kernel(), settings(arguments));
  return show(report, arguments, execution(arguments), "Unchanged: there is no table inet knockwork.\n");
}

int run_renew(const GateArguments& arguments) {
  const Report report = renew(arguments.name, execution(arguments), *open_kernel(), settings(arguments));
  return show(report, arguments, execution(arguments),
              fmt::format("Unchanged: {} is not spent.\n", arguments.name));
}

int run_save(const GateArguments& arguments) {
  save(*open_kernel(), settings(arguments));
  return kFine;
}

int run_call(const GateArguments&) {
  print(call(standard_input(), *open_kernel()) + '\n');
  return kFine;
}

}  // namespace

void add_gate_commands(Commands& commands) {
  const auto arguments = std::make_shared<GateArguments>();
  CLI::App* sub = commands.add("plan", "Show what an apply would change", arguments, run_plan);
  commands.share(sub, *arguments,
                 {Shared::file, Shared::json, Shared::reveal, Shared::diff, Shared::allow_absent});
  sub->add_flag("--detailed-exitcode", arguments->detailed_exitcode,
                "exit with status 2 if something would change");

  sub = commands.add("explain", "Explain each change of a plan: why it is there, and what follows from it",
                     arguments, run_explain);
  commands.share(sub, *arguments, {Shared::file, Shared::json, Shared::reveal, Shared::allow_absent});

  sub = commands.add("apply", "Apply the declaration to the kernel", arguments, run_apply);
  commands.share(sub, *arguments,
                 {Shared::file, Shared::json, Shared::reveal, Shared::check, Shared::diff,
                  Shared::lock_timeout, Shared::allow_absent});
  CLI::Option* within =
      sub->add_option("--confirm-within", arguments->confirm_within,
                      "roll the change back unless it is confirmed within this time, as in 60s");
  sub->add_flag("--revoke-retired", arguments->revoke_retired,
                "revoke the grants of sequences that are removed or changed, and cut their connections");
  sub->add_flag(
         "--unattended", arguments->unattended,
         "boot mode: do not reapply what was rolled back; if the declaration cannot be applied and no gate "
         "is loaded, load the last good one")
      ->excludes(within);
  sub->add_flag("--quiet", arguments->quiet, "print nothing if nothing changed");

  sub = commands.add("drift", "Show how the table differs from the last apply; with --repair, restore it",
                     arguments, run_drift);
  commands.share(sub, *arguments, {Shared::json, Shared::reveal, Shared::diff, Shared::lock_timeout});
  CLI::Option* repair = sub->add_flag("--repair", arguments->repair, "put back what was last applied");
  sub->add_flag("--watch", arguments->watch,
                "repair whenever another program changes the table, until interrupted; what "
                "knockwork-drift.service runs")
      ->needs(repair);
  sub->add_flag("--detailed-exitcode", arguments->detailed_exitcode, "exit with status 2 if there was drift");

  sub = commands.add("remove", "Delete the table: protected services are then open to everyone", arguments,
                     run_remove);
  commands.share(sub, *arguments,
                 {Shared::json, Shared::reveal, Shared::check, Shared::diff, Shared::lock_timeout});

  sub = commands.add("renew", "Allow a spent `once` sequence to be used again", arguments, run_renew);
  sub->add_option("NAME", arguments->name, "the sequence")->required();
  commands.share(sub, *arguments, {Shared::json, Shared::check, Shared::lock_timeout});

  sub = commands.add("save", "Save grants and spent uses, for the next apply that finds no table", arguments,
                     run_save);
  commands.share(sub, *arguments, {Shared::lock_timeout});

  commands.add("call", "Answer one request of the Ansible modules", arguments, run_call)
      ->group("");  // not for people
}
