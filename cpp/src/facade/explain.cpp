#include "knockwork/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "ruleset/on_demand/answers.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

struct Explained {
  std::string what;   // "~ sequence ssh"
  std::string where;  // "/etc/knockwork/knockwork.yml:4"; empty where it is not declared in one place
  std::string why;
  std::string then;  // what follows
};

std::string what(const Change& change) {
  const char mark = change.kind == Change::Kind::add ? '+' : change.kind == Change::Kind::remove ? '-' : '~';
  return fmt::format("{} {} {}", mark, change.object, change.name);
}

// Those of one sequence have its name before the `#`.
std::string where(const Change& change, const std::vector<Declared>& declared) {
  if (change.object != "sequence") return "";
  const std::string name = change.name.substr(0, change.name.find('#'));
  const auto found =
      std::find_if(declared.begin(), declared.end(), [&](const Declared& each) { return each.name == name; });
  return found == declared.end() ? "" : fmt::format("{}:{}", found->file, found->line);
}

std::string why(const Change& change, const std::string& place) {
  if (change.object == "setting")
    return fmt::format("{}; the declaration says so, or the default of {}", change.why, change.name);
  if (!change.why.empty()) return change.why;
  if (change.object == "table") return "no gate is loaded";
  if (change.object == "sequence" && change.kind == Change::Kind::add)
    return place.empty() ? "it is declared and not in the table" : "it is declared here and not in the table";
  if (change.object == "sequence") return "it is in the table and no longer declared";
  return "the table differs from the declaration";
}

bool says(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

// In a description of a sequence.
bool closes(const std::string& described) { return says(described, ", closes "); }
bool is_elsewhere(const std::string& described) { return says(described, ", to "); }

// Stealth mode closes this host, and no other.
std::string_view without_an_opener(const std::string& described, Mode mode) {
  return mode == Mode::stealth && !is_elsewhere(described) ? "closed to everyone" : "open to everyone";
}

std::string after_an_addition(const Change& change) {
  if (closes(change.after)) return "It opens no service: it ends grants of other sequences.";
  return says(change.after, "on_expiry cut")
             ? "Its services are refused to sources without a grant, and their live connections end."
             : "Its services are refused to sources without a grant. Live connections continue.";
}

std::string after_a_removal(const Change& change, Mode mode) {
  if (closes(change.before)) return "It no longer ends grants of other sequences.";
  return fmt::format(
      "Its grants expire on their own, or at once with --revoke-retired. What nothing else opens is then {}.",
      without_an_opener(change.before, mode));
}

std::string after_a_sequence(const Change& change, Mode mode) {
  if (change.kind == Change::Kind::add) return after_an_addition(change);
  if (change.kind == Change::Kind::remove) return after_a_removal(change, mode);
  if (says(change.why, "keep → cut")) return "Live connections of sources without a grant end.";
  if (closes(change.before)) return closes(change.after) ? "" : after_an_addition(change);
  if (says(change.why, "opens ") || change.why.starts_with("to ") || says(change.why, ", to ")) {
    return fmt::format("A grant still opens what it was given for. What nothing opens any more is then {}.",
                       without_an_opener(change.before, mode));
  }
  if (says(change.why, "knock "))
    return "Its old knocks no longer open it. Its grants stay until they expire.";
  if (says(change.why, "new tokens"))
    return "Its old tokens no longer open it. Its grants stay until they expire.";
  return "";
}

std::string after_an_object(const Change& change) {
  if (is_answers(change.name)) {
    return "The firewalls of this host answer differently than at the last apply. An apply makes the gate answer as "
           "they do now.";
  }
  if (change.kind == Change::Kind::remove) {
    return "Nothing in the declaration asks for it: something else added it, or the declaration once needed it. An "
           "apply deletes it.";
  }
  return fmt::format(
      "The declaration did not change this: something else changed the table since the last apply, or another "
      "version of knockwork made it. An apply puts it back. docs/table.md says what {} is for.",
      change.name);
}

std::string then(const Change& change, Mode mode) {
  if (change.object == "sequence") return after_a_sequence(change, mode);
  if (change.object == "table" && change.kind == Change::Kind::add) return "One transaction loads all of it.";
  if (change.object == "chain" || change.object == "set" || change.object == "map")
    return after_an_object(change);
  return "";
}

std::vector<Explained> explained(const Report& plan, const Spec& spec,
                                 const std::vector<Declared>& declared) {
  std::vector<Explained> all;
  all.reserve(plan.changes.size());
  for (const Change& change : plan.changes) {
    const std::string place = where(change, declared);
    all.push_back({what(change), place, why(change, place), then(change, spec.mode)});
  }
  return all;
}

}  // namespace

std::string explain(const Report& plan, const Spec& spec, const std::vector<Declared>& declared) {
  if (plan.changes.empty()) return "Nothing to explain: the table is as declared.\n";
  std::string text;
  for (const Explained& each : explained(plan, spec, declared)) {
    text += fmt::format("{}{}{}\n  Why: {}\n", text.empty() ? "" : "\n", each.what,
                        each.where.empty() ? "" : "  (" + each.where + ")", each.why);
    if (!each.then.empty()) text += fmt::format("  Then: {}\n", each.then);
  }
  return text;
}

std::string explain_json(const Report& plan, const Spec& spec, const std::vector<Declared>& declared) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Explained& each : explained(plan, spec, declared)) {
    nlohmann::ordered_json value{{"change", each.what}, {"why", each.why}};
    if (!each.where.empty()) value["declared"] = each.where;
    if (!each.then.empty()) value["then"] = each.then;
    all.push_back(std::move(value));
  }
  return json_text(all);
}

schema::Json explain_schema() {
  constexpr auto kSometimes = schema::Key::Is::sometimes;
  const schema::Json change =
      schema::object("", {{"change", schema::text("The change, as a plan has it.")},
                          {"why", schema::text("Why it is there.")},
                          {"declared", schema::text("The file and the line that declare it."), kSometimes},
                          {"then", schema::text("What follows from it."), kSometimes}});
  return schema::list("Each change of a plan, explained.", change);
}

}  // namespace knockwork
