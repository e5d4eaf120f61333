#include "knockwork/unchanged.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "apply/apply.hpp"
#include "host/files.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/rotation.hpp"
#include "pending/pending.hpp"
#include "records/in_doubt.hpp"
#include "records/last_good.hpp"
#include "records/stamp.hpp"
#include "unchanged/note.hpp"
#include "unchanged/this_build.hpp"

namespace knockwork {
namespace {

// Which file stands there, without reading it; empty where none does.
std::string identity(const std::filesystem::path& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0) return {};
  return fmt::format("{}:{}:{}:{}.{}", file.st_dev, file.st_ino, file.st_size, file.st_ctim.tv_sec,
                     file.st_ctim.tv_nsec);
}

// The record that an apply would mend.
std::string kept_files() { return digest(identity(std::filesystem::path(kStateDirectory) / "last_good")); }

std::string digest_of(const std::vector<Link>& links) {
  std::string all;
  for (const Link& link : links)
    all +=
        fmt::format("{} {} {} {}\n", link.name, fmt::join(link.other_names, ","), link.master, link.is_vrf);
  return digest(all);
}

bool names_interfaces(const Spec& spec) {
  return !spec.interfaces.empty() ||
         std::any_of(spec.public_rules.begin(), spec.public_rules.end(),
                     [](const PublicRule& rule) { return !rule.interface.empty(); }) ||
         std::any_of(spec.sequences.begin(), spec.sequences.end(),
                     [](const Sequence& sequence) { return !sequence.interfaces.empty(); });
}

// Sequences that are drawn, and tokens, are others at another time, or by another record or secret.
bool stays(const Spec& spec) {
  return std::none_of(spec.sequences.begin(), spec.sequences.end(),
                      [](const Sequence& sequence) { return sequence.derive || sequence.token; });
}

// Nothing waits to be confirmed, brought back or cleared up.
bool settled() {
  try {
    return !is_pending() && !read_rolled_back() && !in_doubt() && !stand_in_note();
  } catch (const SystemError&) {
    return false;
  }
}

void note(const std::string& bytes, const Spec& spec, Kernel& kernel) {
  const Stamp stamp = last_stamp();
  if (!(stamp.generation == kernel.generation())) return;  // this apply could not write its own
  write_bytes_note(
      {bytes, stamp.digest, kept_files(), names_interfaces(spec) ? digest_of(kernel.links()) : "-"});
}

// A digest of sources and of what else they are read by: this build, the names of services. Empty where this
// build cannot be told from others.
std::string bytes_of(const std::vector<Source>& sources) {
  const std::string build = this_build();
  if (build.empty()) return {};
  std::string all = fmt::format("{} {} {}\n", version(), build, identity("/etc/services"));
  for (const Source& source : sources)
    all += fmt::format("{} {} {}\n{}{}", static_cast<int>(source.kind), source.name.size(),
                       source.text.size(), source.name, source.text);
  return digest(all);
}

// It takes no lock: what it says was true when the kernel was asked.
bool known_unchanged(const std::string& bytes, Execution execution, Kernel& kernel,
                     const Settings& settings) {
  if (bytes.empty() || !settings.files.empty()) return false;
  const std::optional<BytesNote> noted = read_bytes_note();
  const bool known = noted && noted->sources == bytes && noted->kept == kept_files() && settled() &&
                     stamped(kernel.generation(), noted->ruleset) &&
                     (noted->links == "-" || noted->links == digest_of(kernel.links()));
  // As whoever takes the lock does.
  if (known && execution == Execution::apply) {
    for (const char* folder : {kRunDirectory, kStateDirectory}) remove_leftovers(folder);
    stamp_again();
  }
  return known;
}

Report apply_noted(const std::string& bytes, const Spec& spec, Kernel& kernel, const Settings& settings) {
  const Lock lock(settings.lock_timeout);
  Report report = apply(spec, lock, kernel, settings);
  if (!bytes.empty() && stays(spec) && report.warnings.empty() && report.incomparable.empty() && settled())
    note(bytes, spec, kernel);
  return report;
}

// Of a host that keeps them itself: its controller compares them with its profile.
void add_epochs(Report& report, const Spec& spec) {
  if (needs_record(spec)) report.epochs = read_epoch_record().accepts;
}

}  // namespace

Report apply(std::vector<Source> sources, Execution execution, Kernel& kernel, const Settings& settings) {
  const std::string bytes = bytes_of(sources);
  if (known_unchanged(bytes, execution, kernel, settings)) return {};
  if (execution == Execution::apply) kernel.expect_commit([&sources] { sources = {}; });
  const Spec spec = load(std::exchange(sources, {}));
  Report report = execution == Execution::check ? plan(spec, kernel, settings)
                                                : apply_noted(bytes, spec, kernel, settings);
  add_epochs(report, spec);
  return report;
}

}  // namespace knockwork
