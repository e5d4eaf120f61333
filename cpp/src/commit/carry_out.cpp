#include "commit/carry_out.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "commit/verify.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "plan/difference.hpp"
#include "records/stamp.hpp"
#include "report/fingerprint.hpp"

namespace knockwork {
namespace {

// What is to be forgotten may expire between the listing and the commit, and a delete then finds nothing.
bool forgets(const Transaction& transaction) {
  return std::any_of(transaction.actions.begin(), transaction.actions.end(),
                     [](const Action& action) { return std::holds_alternative<ForgetElements>(action); });
}

void commit(const Transaction& transaction, Kernel& kernel) {
  try {
    kernel.commit(transaction);
  } catch (const SystemError&) {
    if (!forgets(transaction)) throw;
    kernel.commit(transaction);
  }
}

// As far as anybody can tell.
bool is_as_before(const Generation& before, Kernel& kernel) {
  try {
    return kernel.generation() == before;
  } catch (const SystemError&) {
    return false;
  }
}

bool is_refusal(const SystemError& error) { return dynamic_cast<const Refused*>(&error) != nullptr; }

// The kernel says no more than which object it does not find.
std::string with_reason(std::string_view refusal, bool changed_by_others) {
  if (!changed_by_others) return std::string(refusal);
  return fmt::format("another program changed nf_tables at the same time: {}. Run again", refusal);
}

// The plan, or what stands in for it where the kernel refuses; the plan then says what was done. `before` is
// the generation that the plan was made for, where that is known.
void commit(Plan& plan, const Generation& before, Kernel& kernel) {
  try {
    return commit(plan.transaction, kernel);
  } catch (const SystemError& error) {
    const bool alone = is_as_before(before, kernel);
    const bool nothing_done = is_refusal(error) || alone;
    if (!nothing_done || !plan.fallback) {
      if (is_refusal(error)) throw Refused(with_reason(error.what(), !alone));
      throw SystemError(with_reason(error.what(), !alone));
    }
    plan.warnings.push_back(plan.fallback->tells_why
                                ? fmt::format("{}: {}", plan.fallback->warning, error.what())
                                : plan.fallback->warning);
  }
  plan.changes = std::move(plan.fallback->changes);
  kernel.commit(plan.fallback->transaction);
}

// What is revoked is not to come back, neither by a rollback nor by a start of the host. Before the commit:
// who is interrupted in between has lost grants, and brings none back.
void forget_in_records(const Retirement& revoked, const LiveTable* live) {
  if (revoked.empty() || live == nullptr) return;
  std::vector<std::string> damaged;  // what cannot be read brings no grant back
  if (auto pending = read_pending(damaged)) {
    const Ruleset before = pending->before ? ruleset_before(*pending) : Ruleset();
    if (forget(pending->grants.sets, before, revoked)) write_pending(*pending);
  }
  if (auto saved = read_saved(damaged)) {
    if (forget(saved->sets, live->ruleset, revoked)) write_saved(*saved);
  }
}

// What is put into the table is noted first, on the disk: whatever happens then, no token gets there twice.
// The sets that remember them are known by their handles only afterwards.
class TokenNote {
 public:
  TokenNote(const Plan& plan, Kernel& kernel) : record_(plan.tokens), kernel_(&kernel) {
    if (!record_) return;
    std::vector<std::string> damaged;  // told where it was read to be used
    before_ = read_token_record(damaged);
    TokenRecord noted = *record_;
    noted.memory.clear();  // believed by nobody until the commit is done
    write_token_record(noted);
  }

  // Where nothing was committed, the table is still as the record of before says.
  void failed(bool nothing_done) {
    if (!record_ || !nothing_done) return;
    std::vector<std::string> unsaid;
    write(before_, unsaid);
  }

  void committed(std::vector<std::string>& warnings) {
    if (!record_) return;
    record_->memory = present(*record_).empty() ? "" : kernel_->token_memory();
    write(*record_, warnings);
  }

 private:
  // Where that cannot be written, the next apply takes all tokens for forgotten.
  static void write(const TokenRecord& record, std::vector<std::string>& warnings) {
    try {
      write_token_record(record);
    } catch (const SystemError& error) {
      warnings.push_back(fmt::format("the next apply will replace all tokens: {}", after_a_change(error)));
    }
  }

  std::optional<TokenRecord> record_;
  Kernel* kernel_;
  TokenRecord before_;
};

// The last apply's word for it, where nobody has committed since.
std::string digest_of(const Reading& read) {
  const Stamp last = last_stamp();
  const bool is_known = last.generation.netns != 0 && last.generation == read.generation;
  return is_known ? last.digest : digest(read.live->ruleset);
}

// The note, or the plan without its tokens.
std::optional<TokenNote> noted(Plan& plan, Kernel& kernel) {
  try {
    return std::optional<TokenNote>(std::in_place, plan, kernel);
  } catch (const SystemError& error) {
    if (!plan.goes_without_tokens || plan.only_tops_up) throw;
    leave_tokens_out(plan);
    plan.warnings.push_back(
        fmt::format("tokens open nothing until the next apply, since their record cannot be written: {}",
                    after_a_change(error)));
  }
  return std::nullopt;
}

// What tells the table from any other, to who has the host's key.
Tables tables_of(const Plan& plan, const std::string& target_digest, const Reading& before) {
  if (!plan.whole && plan.target) return {};
  const Fingerprints fingerprints = Fingerprints::of_this_host(MissingKey::make_if_possible);
  return {before.live ? fingerprints.of(digest_of(before)) : "",
          plan.target ? fingerprints.of(target_digest) : ""};
}

// Returns the digest of the listing where its words are not ours.
std::string verified(const Ruleset& target, const std::string& target_digest, Report& report,
                     Kernel& kernel) {
  const Verified first = verify(target, target_digest, kernel, report.warnings);
  if (!first.only_sizes_differ) return first.listed;
  const LiveTable live = read_gate(kernel);
  kernel.commit(difference(&live, target, Resize::anew));
  return verify(target, target_digest, kernel, report.warnings).listed;
}

}  // namespace

void carry_out(Plan plan, Reading from, const std::optional<Undo>& undo, const Deed& deed, Report& report,
               Kernel& kernel) {
  if (plan.empty()) return add(report, report_of(plan));
  const Generation before = kernel.generation();
  std::optional<Armed> armed;
  if (undo) armed.emplace(pointer(from.live), from.generation.boot, plan.revoked, *undo);
  std::optional<TokenNote> note;
  try {
    note = noted(plan, kernel);
    forget_in_records(plan.revoked, pointer(from.live));
    commit(plan, from.generation.boot.empty() ? before : from.generation, kernel);
  } catch (const SystemError& error) {
    const bool nothing_done = is_refusal(error) || is_as_before(before, kernel);
    if (armed && nothing_done) armed->call_off();  // else it is rolled back in time
    if (note) note->failed(nothing_done);
    throw;
  }
  if (note) note->committed(plan.warnings);
  const std::string target_digest = plan.whole && plan.target ? digest(*plan.target) : "";
  if (std::string unsaid = audit(deed, in_order(plan.changes), tables_of(plan, target_digest, from));
      !unsaid.empty())
    plan.warnings.push_back(std::move(unsaid));
  from.live.reset();  // as large as the table itself
  add(report, report_of(plan));
  plan.transaction.actions.clear();
  if (!plan.ends.empty()) kernel.end(plan.ends, plan.ending);
  const std::string listed = plan.whole ? verified(*plan.target, target_digest, report, kernel) : "";
  if (!note) forget_stamp();  // the next apply has to look at the tokens
  if (armed) armed->committed(report, listed);
}

}  // namespace knockwork
