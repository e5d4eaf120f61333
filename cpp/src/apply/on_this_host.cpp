#include "apply/on_this_host.hpp"

#include <algorithm>

#include "apply/interfaces.hpp"
#include "apply/other_firewalls.hpp"
#include "apply/warnings.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/interfaces.hpp"

namespace knockwork {
namespace {

// With what a flowtable of this host would let go on.
void warn_of_offload(std::vector<std::string>& warnings, const Spec& spec, Kernel& kernel) {
  bool cuts = false, prolongs = false;
  for (const Sequence& sequence : spec.sequences) {
    cuts = cuts || (sequence.on_expiry == OnExpiry::cut && !sequence.to.empty());
    prolongs = prolongs || (sequence.prolong && !sequence.to.empty());
  }
  if (!cuts && !prolongs) return;
  const std::vector<Flowtable> flowtables = kernel.flowtables();
  const auto add = [&](std::vector<std::string> more) {
    warnings.insert(warnings.end(), more.begin(), more.end());
  };
  if (cuts) add(offload_warnings(flowtables));
  if (prolongs) add(unseen_use_warnings(flowtables));
}

bool names_interfaces(const Spec& spec) {
  return !spec.interfaces.empty() || !spec.public_rules.empty() || !own_interfaces(spec.sequences).empty();
}

std::vector<std::string> all_interface_warnings(const Spec& spec, const std::vector<Link>& links) {
  std::vector<std::string> all = interface_warnings(spec.interfaces, spec.public_rules, links);
  for (std::string& warning : interface_warnings(own_interfaces(spec.sequences), links))
    all.push_back(std::move(warning));
  return all;
}

}  // namespace

InForce on_this_host(InForce now, Kernel& kernel, const Settings& settings) {
  warn_of_offload(now.warnings, now.spec, kernel);
  if (!names_interfaces(now.spec)) return now;
  const std::vector<Link> links = kernel.links();
  if (settings.asked == Asked::by_someone) {
    for (std::string& warning : alternative_name_warnings(now.spec, links))
      now.warnings.push_back(std::move(warning));
  }
  now.spec = by_real_names(std::move(now.spec), links);
  if (settings.asked == Asked::by_someone && settings.absent == Absent::refused) {
    refuse_if_none_exists(now.spec.interfaces, links);
  }
  for (std::string& warning : all_interface_warnings(now.spec, links)) {
    now.warnings.push_back(std::move(warning));
  }
  return now;
}

std::string left_open(const Spec& spec, Kernel& kernel) {
  if (spec.interfaces.empty()) return "";
  const std::vector<Link> links = kernel.links();
  return left_open(by_real_names(spec, links).interfaces, links);
}

std::vector<std::string> host_warnings(const Spec& spec, Kernel& kernel) {
  std::vector<std::string> all;
  Spec real = spec;
  if (names_interfaces(spec)) {
    const std::vector<Link> links = kernel.links();
    real = by_real_names(spec, links);
    all = all_interface_warnings(real, links);
  }
  warn_of_offload(all, spec, kernel);
  try {
    if (const std::vector<OtherTable> others = parse_others(kernel.others()); !others.empty())
      warn_of_others(all, others, Wanted(in_force(real)));
  } catch (const SystemError&) {  // who may not look at them, or has no secret, is told the rest
  }
  return all;
}

}  // namespace knockwork
