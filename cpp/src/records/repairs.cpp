#include "records/repairs.hpp"

#include <nlohmann/json.hpp>

#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "text/whole.hpp"

namespace knockwork {
namespace {

std::filesystem::path repairs_path() { return std::filesystem::path(kStateDirectory) / "repairs.json"; }

}  // namespace

Repairs read_repairs() {
  try {
    const auto value = nlohmann::json::parse(read_file(repairs_path()).value_or("{}"));
    return {whole_or(value, "count", std::uint64_t{0}),
            std::chrono::milliseconds(whole_or(value, "last", std::int64_t{0}))};
  } catch (const std::exception&) {  // damaged by whomever: it decides nothing
    return {};
  }
}

void note_repair(std::chrono::milliseconds now) {
  const nlohmann::json value{{"count", read_repairs().count + 1}, {"last", now.count()}};
  try {
    write_file(repairs_path(), value.dump() + '\n');
  } catch (const SystemError&) {
    return;
  }
}

}  // namespace knockwork
