// Both, and where they do not agree.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "import/trial/knockd.hpp"
#include "import/trial/tries.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

KnockdDoor door_at(const std::vector<ForeignFile>& files, const ImportedFrom& origin) {
  for (const ForeignFile& file : files) {
    if (file.name != origin.file) continue;
    if (auto door = knockd_door(file, origin.line)) return std::move(*door);
  }
  throw std::logic_error("a sequence that comes from no section");
}

}  // namespace

std::vector<Agreement> compare_with_knockd(const std::vector<ForeignFile>& files, const Imported& imported) {
  if (imported.sequences.empty()) return {};
  const Spec spec = load({{Source::Kind::declaration, "the import", imported.declaration}});
  std::vector<KnockdDoor> doors;
  std::vector<std::vector<Try>> tries;
  for (std::size_t number = 0; number < spec.sequences.size(); ++number) {
    doors.push_back(door_at(files, imported.origins[number]));
    tries.push_back(tries_of(spec.sequences[number]));
  }
  const auto opened = opened_by_knockd(doors, tries);
  const Machine machine(compile(spec));
  std::vector<Agreement> compared;
  for (std::size_t number = 0; number < tries.size(); ++number) {
    Agreement& one = compared.emplace_back(Agreement{spec.sequences[number].name, 0, {}});
    for (const Try& attempt : tries[number]) {
      const auto& by_knockd = opened[number][static_cast<std::size_t>(one.tries++)];
      const auto by_import = opened_by_machine(machine, one.sequence, attempt);
      if (by_knockd == by_import) continue;
      const bool knockd = std::count(by_knockd.begin(), by_knockd.end(), true) >
                          std::count(by_import.begin(), by_import.end(), true);
      one.differences.push_back(
          fmt::format("{}: {}", attempt.what,
                      knockd ? "knockd opens, the import does not" : "the import opens, knockd does not"));
    }
  }
  return compared;
}

std::string to_text(const std::vector<Agreement>& compared) {
  std::string text;
  for (const Agreement& one : compared) {
    std::string differences;
    for (const std::string& each : one.differences) differences += (differences.empty() ? "" : "; ") + each;
    text +=
        fmt::format("{}: {}\n", one.sequence,
                    differences.empty() ? fmt::format("knockd and the import agree in {} tries", one.tries)
                                        : "differs: " + differences);
  }
  const bool differ = std::any_of(compared.begin(), compared.end(),
                                  [](const Agreement& one) { return !one.differences.empty(); });
  if (differ) text += "docs/moving.md says what differs by design.\n";
  return text;
}

std::string to_json(const std::vector<Agreement>& compared) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Agreement& one : compared) {
    all.push_back({{"sequence", one.sequence}, {"tries", one.tries}, {"differences", one.differences}});
  }
  return json_text(nlohmann::ordered_json{{"compared", std::move(all)}});
}

schema::Json comparison_schema() {
  const schema::Json one =
      schema::object("", {{"sequence", schema::text("The sequence.")},
                          {"tries", schema::integer("How many knocks both got.")},
                          {"differences", schema::texts("How they differ, as sentences.")}});
  return schema::object("Whether Debian's knockd and the import open to the same sources.",
                        {{"compared", schema::list("The sequences.", one)}});
}

}  // namespace knockwork
