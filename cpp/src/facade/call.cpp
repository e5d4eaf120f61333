// One request as JSON in, one answer as JSON out: what both backends of the
// Ansible modules speak, so that they cannot answer differently.
//
//   {"version": "0.1.0", "protocol": 1, "command": "…",
//    "sources": [{"kind": "declaration" | "drop_in", "name": "…", "text": "…"}],
//    "check": false, "reveal": false, "lock_timeout_ms": 30000, "ssh_connection": "…",
//    and of each command its own:
//      validate, plan, remove, status, clock, declared, boot, lint (advice on few sequences)
//      apply: "confirm_within": "60s", "revoke_retired": true, "allow_absent": true,
//             "files": [{"path": "…", "before": "…" | null, "after": "…" | null}]
//      confirm, rollback: "id": "5f1d92ab", "prove": true
//      revoke: "sequence": "ssh", "source": "192.0.2.7"
//      grant: "address": "192.0.2.7", "sequence": "ssh", "for": "60s"
//      rotate: "phase": "publish" | "retire", "epoch": 42, "expected": 41, "prove": true,
//        "keys": {"file": "/etc/knockwork/secret", "text": "host:…"},
//              "revoke_retired": true
//      units: "program": "/…"
//      host_key: "secret_file": "/…", "host": "web1"
//      those of call_client.hpp}
//
//   {"version": "0.1.0", "ok": true, "report": {…} | "status": {…} | "clock": {…}
//   | "declared": [{"name": "…", "file": "…", "line": 1}] | "boot": {…} | "lint": {…}
//   | "units": {"knockwork.service": "…"}}
//   {"version": "0.1.0", "ok": false,
//    "error": {"kind": "declaration" | "system" | "proof" | "version" | "bug",
//              "message": "…", "diagnostics": […]}}
//
// Diagnostics come without their source lines, which hold ports.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apply/warnings.hpp"
#include "boot/units.hpp"
#include "facade/call_client.hpp"
#include "knockwork/boot.hpp"
#include "knockwork/declared.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/rotation.hpp"
#include "knockwork/trust.hpp"
#include "knockwork/unchanged.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"
#include "text/whole.hpp"
#include "yaml/document.hpp"

namespace knockwork {
namespace {

using nlohmann::json;

constexpr int kProtocol = 1;  // changes with what a request or an answer means

json failure(const char* kind, const std::string& message, json diagnostics = json::array()) {
  return {{"version", version()},
          {"ok", false},
          {"error", {{"kind", kind}, {"message", message}, {"diagnostics", std::move(diagnostics)}}}};
}

json success(const char* what, const std::string& value) {
  return {{"version", version()}, {"ok", true}, {what, json::parse(value)}};
}

// What a task's options were written into is a text that nobody sees: an option is known by its path, and
// in the only sequence of a drop-in by its name.
Diagnostic as_option(Diagnostic diagnostic) {
  constexpr std::string_view kOnly = "[0].";
  if (diagnostic.file != spec::kOptions) return diagnostic;
  diagnostic.file.clear();
  diagnostic.line = diagnostic.column = diagnostic.width = 0;
  if (diagnostic.path.starts_with(kOnly)) diagnostic.path.erase(0, kOnly.size());
  return diagnostic;
}

json to_values(const Diagnostics& diagnostics) {
  json values = json::array();
  for (const Diagnostic& written : diagnostics) {
    const Diagnostic each = as_option(written);
    values.push_back({{"file", each.file},
                      {"line", each.line},
                      {"column", each.column},
                      {"width", each.width},
                      {"path", each.path},
                      {"message", each.message},
                      {"remedy", each.remedy}});
  }
  return values;
}

// A source that is a file of this host was read by who asks: who may write it is judged here, for both
// backends of the modules alike.
Trust trust_of(const json& request) {
  Trust trust;
  for (const json& each : request.at("sources")) {
    const std::string name = each.at("name");
    if (!name.starts_with('/')) continue;
    const Trust one = judge_file(name);
    trust.faults.insert(trust.faults.end(), one.faults.begin(), one.faults.end());
    trust.warnings.insert(trust.warnings.end(), one.warnings.begin(), one.warnings.end());
  }
  return trust;
}

// Who has to knock is told as a value: the action plugins know the host's name, and what proves that it can.
json reported(Report report) {
  if (!report.must_knock.empty()) std::erase(report.warnings, way_back_warning(report.must_knock));
  return success("report", to_json(report));
}

// With what is to be said about the files of the declaration.
Report warned(Report report, const json& request) {
  const Trust trust = trust_of(request);
  report.warnings.insert(report.warnings.end(), trust.warnings.begin(), trust.warnings.end());
  return report;
}

std::vector<Source> sources_of(const json& request) {
  std::vector<Source> sources;
  for (const json& each : request.at("sources")) {
    const bool drop_in = each.at("kind") == "drop_in";
    sources.push_back(
        {drop_in ? Source::Kind::drop_in : Source::Kind::declaration, each.at("name"), each.at("text")});
  }
  return sources;
}

Spec spec_of(const json& request) {
  refuse_untrusted(trust_of(request));
  return load(sources_of(request));
}

std::string declared_json(const json& request) {
  json values = json::array();
  for (const Declared& each : declared(sources_of(request))) {
    values.push_back({{"name", each.name}, {"file", each.file}, {"line", each.line}});
  }
  return json_text(values);
}

std::optional<std::string> text_or_null(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<std::string>());
}

Settings settings_of(const json& request) {
  Settings settings;
  settings.via = "Ansible";
  settings.ports = request.value("reveal", false) ? Ports::revealed : Ports::hidden;
  settings.lock_timeout = std::chrono::milliseconds(whole_or(request, "lock_timeout_ms", 30000));
  settings.ssh_connection = request.contains("ssh_connection")
                                ? request.at("ssh_connection").get<std::string>()
                                : operator_connection();
  if (request.contains("confirm_within")) {
    settings.confirm_within =
        parse_confirm_within(request.at("confirm_within").get<std::string>(), "confirm_within");
  }
  if (request.value("revoke_retired", false)) settings.retired = Retired::revoked;
  if (request.value("allow_absent", false)) settings.absent = Absent::allowed;
  for (const json& file : request.value("files", json::array())) {
    settings.files.push_back(
        {file.at("path"), text_or_null(file.at("before")), text_or_null(file.at("after"))});
  }
  return settings;
}

Rotation rotation_of(const json& request) {
  Rotation rotation;
  rotation.phase = request.at("phase") == "retire" ? Rotation::Phase::retire : Rotation::Phase::publish;
  rotation.epoch = whole<Epoch>(request.at("epoch"));
  if (request.contains("expected")) rotation.expected = whole<Epoch>(request.at("expected"));
  rotation.proof = request.value("prove", false) ? Proof::fresh : Proof::none;
  if (request.contains("keys")) {
    const json& keys = request.at("keys");
    rotation.keys = Rotation::Keys{keys.at("file").get<std::string>(), keys.at("text").get<std::string>()};
  }
  return rotation;
}

Report rotated(const json& request, Execution execution, Kernel& kernel, const Settings& settings) {
  const Rotation rotation = rotation_of(request);
  Report report = rotate(spec_of(request), rotation, execution, kernel, settings);
  const EpochRecord record = read_epoch_record();
  report.epochs = (execution == Execution::check ? foreseen(record, rotation) : record).accepts;
  return report;
}

Report confirmed(const std::string& id) {
  Report report;
  report.changed = true;
  report.changes.push_back({Change::Kind::change, "apply", id, "waits", "kept", "confirmed"});
  return report;
}

// What is nested deeper than any request is refused before it is copied, level by level, on the stack.
json parsed(std::string_view text) {
  constexpr int kDeepest = 16;
  return json::parse(text, [](int depth, json::parse_event_t, const json&) {
    if (depth > kDeepest) throw SystemError("the request is nested too deeply");
    return true;
  });
}

// A fleet is upgraded host by host: any patch of the same minor version will do, as long as both speak alike.
bool understood(const json& request) {
  const auto minor = [](std::string_view text) { return text.substr(0, text.rfind('.')); };
  return minor(request.at("version").get<std::string>()) == minor(version()) &&
         request.value("protocol", kProtocol) == kProtocol;
}

// Every task asks, so it must cost next to nothing: what many sequences open by chance takes minutes to tell.
std::string advice(const Spec& spec) {
  constexpr std::size_t kMost = 25;
  return spec.sequences.size() > kMost ? R"({"sequences": []})" : lint_json(spec);
}

json answer(const json& request, Kernel& kernel) {
  if (const auto answered = call_client(request)) return success(answered->first, answered->second);
  const std::string command = request.at("command");
  const Settings settings = settings_of(request);
  const Execution execution = request.value("check", false) ? Execution::check : Execution::apply;
  if (command == "status") return success("status", to_json(status(kernel, settings), boot()));
  if (command == "remove") return reported(remove(execution, kernel, settings));
  if (command == "apply") {
    refuse_untrusted(trust_of(request));
    return reported(warned(apply(sources_of(request), execution, kernel, settings), request));
  }
  if (command == "plan") return reported(warned(plan(spec_of(request), kernel, settings), request));
  if (command == "declared") return success("declared", declared_json(request));
  if (command == "boot") return success("boot", to_json(boot()));
  if (command == "units") return success("units", units_json(request.at("program")));
  if (command == "lint") return success("lint", advice(spec_of(request)));
  if (command == "clock") return success("clock", to_json(clock_status(spec_of(request))));
  if (command == "revoke") {
    const Revocation what{request.value("sequence", ""), request.value("source", "")};
    return reported(revoke(what, execution, kernel, settings));
  }
  if (command == "grant") {
    std::optional<std::chrono::milliseconds> time;
    if (request.contains("for")) time = parse_time(request.at("for").get<std::string>(), "open_for");
    return reported(grant(request.at("address"), request.at("sequence"), time, execution, kernel, settings));
  }
  if (command == "confirm") {
    const Proof proof = request.value("prove", false) ? Proof::fresh : Proof::none;
    return reported(confirmed(confirm(request.value("id", ""), proof, kernel, settings)));
  }
  if (command == "rollback") {
    return reported(rollback(request.value("id", ""), kernel, settings));
  }
  if (command == "host_key") {  // of the controller; holds the key
    const Secrets secrets = read_secrets(request.at("secret_file").get<std::string>());
    return success("host_key",
                   json_text(json(host_key_lines(secrets, request.at("host").get<std::string>()))));
  }
  if (command == "rotate") return reported(rotated(request, execution, kernel, settings));
  if (command == "validate") {
    Report report;
    report.warnings = host_warnings(spec_of(request), kernel);
    return reported(report);
  }
  return failure("bug", "unknown command in the request");
}

}  // namespace

std::string to_json(const std::exception& error) {
  if (const auto* invalid = dynamic_cast<const InvalidDeclaration*>(&error)) {
    return json_text(
        failure("declaration", "the declaration is not valid", to_values(invalid->diagnostics())));
  }
  if (dynamic_cast<const json::exception*>(&error) != nullptr) {  // its text may hold ports
    return json_text(failure("bug", "the request does not match this version"));
  }
  if (dynamic_cast<const NotProved*>(&error) != nullptr) return json_text(failure("proof", error.what()));
  return json_text(
      failure(dynamic_cast<const SystemError*>(&error) != nullptr ? "system" : "bug", error.what()));
}

schema::Json error_schema() {
  const schema::Json diagnostic =
      schema::object("", {{"file", schema::text("The file; empty for an option.")},
                          {"line", schema::integer("The line, from 1 on; 0 without one.")},
                          {"column", schema::integer("The column, from 1 on; 0 without one.")},
                          {"width", schema::integer("How many columns it takes.")},
                          {"path", schema::text("The key, as in sequences[0].knock[1].")},
                          {"message", schema::text("What is wrong.")},
                          {"remedy", schema::text("What to do.")}});
  const schema::Json error = schema::object(
      "",
      {{"kind", schema::choice("The kind of error.", {"declaration", "system", "proof", "version", "bug"})},
       {"message", schema::text("What is wrong, and what to do.")},
       {"diagnostics", schema::list("The faults of a declaration.", diagnostic)}});
  return schema::object("What a command prints with --json if it fails.",
                        {{"version", schema::text("The version of knockwork.")},
                         {"ok", schema::flag("False.")},
                         {"error", error}});
}

std::string call(std::string_view text, Kernel& kernel) {
  try {
    const json request = parsed(text);
    if (!understood(request)) {
      return json_text(failure(
          "version",
          fmt::format(
              "the collection knockwork.nft is version {}, knockwork on this host {}: install the same minor "
              "version of both",
              request.at("version").get<std::string>(), version())));
    }
    return json_text(answer(request, kernel));
  } catch (const std::exception& error) {
    return to_json(error);
  }
}

}  // namespace knockwork
