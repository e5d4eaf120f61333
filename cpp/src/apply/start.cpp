// A start of the host, which nobody watches: where the declaration cannot be applied and no gate
// stands, the services are shut all the same.
#include <fmt/format.h>

#include "apply/apply.hpp"
#include "apply/interfaces.hpp"
#include "apply/tokens.hpp"
#include "derive/records/clock.hpp"
#include "knockwork/declaration_lock.hpp"
#include "knockwork/kernel.hpp"
#include "pending/pending.hpp"
#include "records/last_good.hpp"
#include "ruleset/ruleset.hpp"
#include "spec/salvage.hpp"

namespace knockwork {
namespace {

// The first fault with its place, as a journal may show it: without the line, which holds ports.
std::string in_short(const InvalidDeclaration& error) {
  const Diagnostic& first = error.diagnostics().front();
  std::string text = first.file;
  if (first.line > 0) text += fmt::format(":{}:{}", first.line, first.column);
  text += ": " + first.message;
  if (const std::size_t more = error.diagnostics().size() - 1; more > 0)
    text += fmt::format(" (and {} more)", more);
  return text;
}

std::string reason(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const InvalidDeclaration& error) {
    return in_short(error);
  } catch (const SystemError& error) {
    return error.what();
  } catch (const std::exception&) {  // its text may hold ports
    return "an internal error: run `knockwork plan`, and report it";
  }
}

bool can_be_drawn(const Spec& spec, const Sequence& sequence) {
  Spec one = spec;
  one.sequences = {sequence};
  try {
    resolved(one, Keep::nothing);
    return true;
  } catch (const SystemError&) {
    return false;
  }
}

// Sequences that are drawn from a secret which is not there only shut.
Ruleset readable_part(const std::filesystem::path& file, Kernel& kernel) {
  spec::Salvaged salvaged = spec::salvage(read_what_can_be_read(file));
  std::vector<Sequence> whole;
  for (Sequence& sequence : salvaged.spec.sequences) {
    const bool usable = !sequence.derive || can_be_drawn(salvaged.spec, sequence);
    (usable ? whole : salvaged.shut).push_back(std::move(sequence));
  }
  salvaged.spec.sequences = std::move(whole);
  salvaged.spec = resolved(salvaged.spec, Keep::nothing).spec;
  const Spec closed = by_real_names(spec::shut(std::move(salvaged.spec), salvaged.shut), kernel.links());
  if (closed.mode == Mode::gate && closed.sequences.empty()) {
    throw SystemError(fmt::format("no service can be read from {}", file.string()));
  }
  return compile(compile(closed));
}

// Loads the first of them that can be had; says which.
std::string load_stand_in(const std::filesystem::path& file, Report& report, Kernel& kernel,
                          const Settings& settings) {
  try {
    if (const auto last = read_last_good()) {
      add_stand_in(*last, report, kernel, settings);
      return "the last good gate was loaded instead";
    }
  } catch (const std::exception& error) {
    const auto* known = dynamic_cast<const SystemError*>(&error);
    report.warnings.emplace_back(known != nullptr ? known->what() : "the last good gate cannot be loaded");
  }
  add_stand_in(readable_part(file, kernel), report, kernel, settings);
  return "the services that can be read from it were closed, except to always_allow and to sequences without "
         "errors";
}

bool stands(Kernel& kernel) {
  try {
    return kernel.read().has_value();
  } catch (const std::exception&) {  // then nothing can be loaded either
    return true;
  }
}

void top_up_if_possible(Kernel& kernel, const Settings& settings) {
  try {
    top_up_as_applied(kernel, settings);
  } catch (const std::exception&) {  // why the declaration cannot be applied is told instead
    return;
  }
}

Report stand_in(const std::filesystem::path& file, const std::string& why, Kernel& kernel,
                const Settings& settings) {
  Report report;
  try {
    const std::string what = load_stand_in(file, report, kernel, settings);
    report.degraded = fmt::format("the declaration could not be applied: {}. At this start, {}", why, what);
  } catch (const std::exception& error) {
    const std::string text = fmt::format(
        "the declaration could not be applied, and NO GATE IS LOADED: every service is open: {}; {}", why,
        error.what());
    note_stand_in(text);
    throw SystemError(text);
  }
  note_stand_in(report.degraded);
  return report;
}

}  // namespace

Report left_removed() {
  Report report;
  report.incomparable = "the gate was removed, and `knockwork apply` loads it again";
  return report;
}

bool stays_removed(Kernel& kernel) {
  try {
    return is_removed(kernel.generation().boot) && !is_pending() && !stands(kernel);
  } catch (const SystemError&) {  // then nothing can be loaded either
    return false;
  }
}

Report apply_unattended(const std::filesystem::path& file, Kernel& kernel, const Settings& given) {
  Settings settings = given;
  settings.asked = Asked::by_the_system;
  std::exception_ptr failure;
  try {
    const DeclarationLock writing(file, settings.lock_timeout);
    return apply(load(read_declaration(file)), Execution::apply, kernel, settings);
  } catch (const std::exception&) {
    if (stays_removed(kernel)) return left_removed();
    failure = std::current_exception();
    if (stands(kernel)) {  // the gate of before is better than any stand-in, as long as it has tokens
      top_up_if_possible(kernel, settings);
      std::rethrow_exception(failure);
    }
  }
  return stand_in(file, reason(failure), kernel, settings);
}

}  // namespace knockwork
