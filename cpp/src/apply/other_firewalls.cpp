#include "apply/other_firewalls.hpp"

#include "apply/warnings.hpp"
#include "knockwork/diagnostic.hpp"
#include "records/kept_answers.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "ruleset/on_demand/answers.hpp"

namespace knockwork {

Wanted::Wanted(const Spec& spec)
    : program(compile(spec)),
      ruleset(compile(program)),
      feeds(token_feeds(spec, program)),
      adapts(spec.refuse == Refuse::automatic) {}

Wanted::Wanted(Ruleset kept)
    : program(program_of(kept)), ruleset(std::move(kept)), adapts(kept_answers().has_value()) {}

std::vector<Answered> warn_of_others(std::vector<std::string>& all, const std::vector<OtherTable>& others,
                                     const Wanted& wanted) {
  std::vector<Answered> given;
  if (wanted.adapts) given = imitated(others, wanted.program);
  for (std::string& warning : warnings(others, wanted.program, given)) all.push_back(std::move(warning));
  return given;
}

Beside beside_others(const Wanted& wanted, std::vector<std::string>& warnings, Kernel& kernel) {
  try {
    const std::vector<Answered> given = warn_of_others(warnings, parse_others(kernel.others()), wanted);
    if (wanted.adapts) return {with_answers(wanted.ruleset, given), given};
  } catch (const SystemError& error) {
    warnings.push_back(unchecked_warning(error));
    if (wanted.adapts)
      return {with_answers(wanted.ruleset, kept_answers().value_or(std::vector<Answered>{})), {}};
  }
  return {wanted.ruleset, {}};
}

Beside as_before(const Wanted& wanted, Beside beside) {
  if (!wanted.adapts || !beside.seen || !beside.seen->empty()) return beside;
  const std::optional<std::vector<Answered>> before = kept_answers();
  if (!before || before->empty()) return beside;
  return {with_answers(std::move(beside.ruleset), *before), {}};
}

}  // namespace knockwork
