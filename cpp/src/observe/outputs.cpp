// Which command prints which JSON, and what the least of them say.
#include <array>
#include <string_view>

#include "knockwork/observe.hpp"
#include "knockwork/printable.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

using nlohmann::ordered_json;

schema::Json validated_schema() {
  return schema::object(
      "A valid declaration.",
      {{"valid", schema::flag("True.")}, {"sequences", schema::integer("How many sequences it has.")}});
}

schema::Json confirmed_schema() {
  return schema::object("An apply that is kept.", {{"confirmed", schema::text("Its ID.")}});
}

schema::Json new_secret_schema() {
  return schema::object("A new master secret.",
                        {{"changed", schema::flag("True.")},
                         {"from_epoch", schema::integer("The epoch from which on it is valid.")}});
}

schema::Json exported_schema() {
  const schema::Json other = schema::object("Any format other than a profile, with --format.",
                                            {{"format", schema::text("The format that was asked for.")},
                                             {"text", schema::text("What to write into a file.")}});
  return {{"anyOf", schema::Json::array({profile_schema(), other})}};
}

struct Output {
  std::string_view command;
  schema::Json (*schema)();
};

constexpr std::array kOutputs{
    Output{"validate", validated_schema},   Output{"lint", lint_schema},
    Output{"trace", trace_schema},          Output{"plan", report_schema},
    Output{"apply", report_schema},         Output{"remove", report_schema},
    Output{"status", status_schema},        Output{"watch", event_schema},
    Output{"renew", report_schema},         Output{"confirm", confirmed_schema},
    Output{"rollback", report_schema},      Output{"grant", report_schema},
    Output{"revoke", report_schema},        Output{"derive new-secret", new_secret_schema},
    Output{"derive show", drawn_schema},    Output{"derive clock", clock_schema},
    Output{"epoch show", epochs_schema},    Output{"epoch publish", report_schema},
    Output{"epoch retire", report_schema},  Output{"knock", knocked_schema},
    Output{"export", exported_schema},      Output{"log", log_schema},
    Output{"import knockd", import_schema}, Output{"import nft", import_schema},
    Output{"import fwknop", import_schema}, Output{"import check", comparison_schema},
    Output{"explain", explain_schema},      Output{"drift", report_schema},
    Output{"error", error_schema},
};

}  // namespace

std::optional<std::string> output_schema(std::string_view command) {
  for (const Output& output : kOutputs) {
    if (output.command != command) continue;
    schema::Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                        {"title", "knockwork " + std::string(command) + " --json"}};
    schema.update(output.schema());
    return json_text(schema, 2) + '\n';
  }
  return std::nullopt;
}

std::vector<std::string> outputs() {
  std::vector<std::string> all;
  all.reserve(kOutputs.size());
  for (const Output& output : kOutputs) all.emplace_back(output.command);
  return all;
}

std::string validated_json(std::size_t sequences) {
  return json_text(ordered_json{{"valid", true}, {"sequences", sequences}}) + '\n';
}

std::string confirmed_json(const std::string& id) {
  return json_text(ordered_json{{"confirmed", id}}) + '\n';
}

std::string new_secret_json(std::uint64_t from_epoch) {
  return json_text(ordered_json{{"changed", true}, {"from_epoch", from_epoch}}) + '\n';
}

}  // namespace knockwork
