// Confirm and roll back: the two ends of an apply that waits.
#include <fmt/format.h>

#include <thread>

#include "commit/reading.hpp"
#include "host/clocks.hpp"
#include "host/lock.hpp"
#include "host/session.hpp"
#include "journal/audit.hpp"
#include "knockwork/words.hpp"
#include "pending/proof.hpp"
#include "pending/timer.hpp"
#include "records/in_doubt.hpp"
#include "records/last_good.hpp"
#include "records/stamp.hpp"
#include "undo/rollback.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using namespace std::chrono_literals;

[[noreturn]] void refuse_none(const std::string& id) {
  const std::optional<Pending> last = read_rolled_back();
  if (last && (id.empty() || last->id == id)) {
    throw SystemError(
        fmt::format("no apply waits for confirmation: apply {} was already rolled back", last->id));
  }
  throw SystemError(
      "no apply waits for confirmation: `knockwork apply --confirm-within 60s` creates one, if something "
      "changes");
}

Pending read_waiting(const std::string& id) {
  const std::optional<Pending> pending = read_pending();
  if (!pending) refuse_none(id);
  if (!id.empty() && id != pending->id) {
    throw SystemError(
        fmt::format("apply {} waits for confirmation, not {}; nothing was changed", pending->id, id));
  }
  return *pending;
}

struct Limits {
  std::chrono::milliseconds shortest, longest;
};
constexpr Limits kConfirmWithin{1s, 1h}, kGrant{100ms, 720h}, kSpan{0s, 720h};

std::string written(std::chrono::milliseconds time) {
  return to_string(Duration::milliseconds(time.count()));
}

// A time within the limits of the option that takes it, which are the ones to be told.
std::chrono::milliseconds limited(std::string_view text, std::string_view what, const Limits& limits) {
  const auto refuse = [&](const std::string& message, const std::string& remedy) {
    throw SystemError(fmt::format("{}: {}; {}", what, message, remedy));
  };
  const auto time = spec::parse_any_time(text);
  if (!time) refuse(time.error().message, time.error().remedy);
  if (*time < limits.shortest || *time > limits.longest) {
    refuse(fmt::format("{} is too {}", text, *time < limits.shortest ? "short" : "long"),
           fmt::format("use {} to {}", written(limits.shortest), written(limits.longest)));
  }
  return *time;
}

}  // namespace

std::chrono::milliseconds parse_time(std::string_view text, std::string_view what) {
  const std::chrono::milliseconds time = limited(text, what, kGrant);
  if (const auto kept = spec::parse_duration(text); !kept)  // the kernel does not keep finer durations
    throw SystemError(fmt::format("{}: {}; {}", what, kept.error().message, kept.error().remedy));
  return time;
}

std::chrono::milliseconds parse_span(std::string_view text, std::string_view what) {
  return text == "0" ? 0ms : limited(text, what, kSpan);
}

std::chrono::milliseconds parse_confirm_within(std::string_view text, std::string_view what) {
  return limited(text, what, kConfirmWithin);
}

std::string confirm(const std::string& id, Proof proof, Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  const Pending pending = read_waiting(id);
  const auto refuse = [&](const std::string& why) {
    throw SystemError(fmt::format("apply {} is not confirmed, and will be rolled back in {}: {}", pending.id,
                                  time_left(waiting(pending, boot_clock()).remaining), why));
  };
  if (is_over(pending, kernel.generation().boot, init_start(), boot_clock())) {
    roll_back(pending, kernel,
              settings);  // whoever was to do it is late: the host slept, or has started since
    disarm(pending.id);
    throw SystemError(
        fmt::format("apply {} is not confirmed: its time is up, and it was rolled back", pending.id));
  }
  const std::optional<LiveTable> live = read_ours(kernel);
  const std::string listed = live ? digest(live->ruleset) : "";
  if (!live || (listed != pending.digest && listed != pending.listed)) {
    refuse("the table is not the one that it created; look at `knockwork plan`");
  }
  if (proof == Proof::fresh) {
    const auto missing =
        missing_proof(pending, *live, {settings.ssh_connection, ssh_session_began(), awake_clock()});
    if (missing) refuse(*missing);
  }
  note_in_doubt(pending.digest);
  forget_pending();
  forget_rolled_back();
  std::vector<std::string> warnings;  // the next apply says them, where they still hold
  keep_last_good(live->ruleset, pending.digest, warnings);
  disarm(pending.id);
  audit(deed("confirm", settings), {{Change::Kind::change, "apply", pending.id, "", "", "confirmed"}}, {});
  return pending.id;
}

Report rollback(const std::string& id, Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  const Pending pending = read_waiting(id);
  Report report = roll_back(pending, kernel, settings);
  disarm(pending.id);
  return report;
}

void rollback_armed(const std::string& id, Kernel& kernel) {
  const auto last = std::chrono::steady_clock::now() + 1h;
  for (;; std::this_thread::sleep_for(1s)) {
    try {
      const Lock lock(1min);
      const std::optional<Pending> pending = read_pending();
      Settings alone;
      alone.asked = Asked::by_the_system;
      if (pending && pending->id == id) roll_back(*pending, kernel, alone);
      return;
    } catch (const std::exception&) {  // a busy kernel, a full disk: what waits must not stay
      if (std::chrono::steady_clock::now() >= last) throw;
    }
  }
}

}  // namespace knockwork
