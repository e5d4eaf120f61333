// A status as JSON, and the schema of that.
#include <nlohmann/json.hpp>

#include "knockwork/boot.hpp"
#include "report/in_json.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using schema::Json;
constexpr auto kSometimes = schema::Key::Is::sometimes;

const char* name(Boot::Stands stands) {
  return stands == Boot::Stands::yes ? "yes" : stands == Boot::Stands::no ? "no" : "unknown";
}

json to_value(const Boot& boot) {
  return {{"stands", name(boot.stands)},
          {"installed", boot.installed},
          {"enabled", boot.enabled},
          {"why", boot.why},
          {"timer", boot.timer}};
}

Json boot_schema() {
  return schema::object("Whether the gate will be loaded after a reboot, according to this host's files.",
                        {{"stands", schema::choice("Whether it will.", {"yes", "no", "unknown"})},
                         {"installed", schema::flag("Whether knockwork.service exists.")},
                         {"enabled", schema::flag("Whether systemd starts it.")},
                         {"why", schema::text("The reason if it is not `yes`; else empty.")},
                         {"timer", schema::flag("Whether systemd starts knockwork-rotate.timer.")}});
}

json to_value(const Holder& holder) {
  json value{{"source", holder.source}, {"remaining_ms", holder.remaining.count()}};
  if (!holder.sequence.empty()) value["sequence"] = holder.sequence;
  return value;
}

Json holder_schema() {
  return schema::object("", {{"source", schema::text("Its address, or its network.")},
                             {"remaining_ms", schema::integer("How long it lasts.")},
                             {"sequence", schema::text("Of a grant: the sequence."), kSometimes}});
}

json to_value(const SequenceStatus& each) {
  json value{{"name", each.name},     {"fingerprint", each.fingerprint},
             {"knocks", each.knocks}, {"services", each.services},
             {"once", each.once},     {"spent", each.spent},
             {"token", each.token},   {"uses", each.uses}};
  if (!each.opens.empty()) value["opens"] = each.opens;
  return value;
}

Json sequence_schema() {
  return schema::object(
      "",
      {{"name", schema::text("Its name; for a derived one with the epoch, as in backup#42.")},
       {"fingerprint",
        schema::text(
            "A keyed fingerprint of its knocks; empty if tokens open it, or without the key that the first apply makes.")},
       {"knocks", schema::integer("How many knocks it has; 0 if tokens open it.")},
       {"services", schema::integer("How many services it opens.")},
       {"once", schema::flag("Whether it may be used only once.")},
       {"spent", schema::flag("Whether it may not be used again before `knockwork renew`.")},
       {"token", schema::flag("Whether tokens open it.")},
       {"uses", schema::integer("How many grants it has made since it was loaded.")},
       {"opens", schema::text("The services, with --reveal."), kSometimes}});
}

json to_value(const SetFill& set) {
  return {{"name", set.name}, {"used", set.used}, {"size", set.size}, {"nearly_full", nearly_full(set)}};
}

Json fill_schema() {
  return schema::object("", {{"name", schema::text("As in docs/table.md.")},
                             {"used", schema::integer("How many elements it has.")},
                             {"size", schema::integer("How many it has room for.")},
                             {"nearly_full", schema::flag("Whether four fifths of it are used.")}});
}

Json tokens_schema() {
  return schema::object(
      "If there are sequences that tokens open.",
      {{"out", schema::texts("The sequences without a token before the next top-up.")},
       {"used", schema::integer("How many used tokens the table remembers.")},
       {"until", schema::time("Until when there are tokens of every other sequence."), kSometimes},
       {"remaining_ms", schema::integer("How long that is."), kSometimes}});
}

json to_value(const Status& status) {
  const auto each = [](const auto& value) { return to_value(value); };
  json value{{"present", status.present},
             {"declared", status.declared},
             {"mode", status.mode},
             {"always_allow", status.always_allow},
             {"interfaces", status.interfaces},
             {"epochs", status.epochs},
             {"sequences", list(status.sequences, each)},
             {"grants", list(status.grants, each)},
             {"lockouts", list(status.lockouts, each)},
             {"half_done", status.half_done},
             {"sets", list(status.fill, each)},
             {"format", status.format},
             {"drifted", nullptr},
             {"warnings", status.warnings}};
  if (status.foreign) value["foreign"] = true;
  if (status.drifted) value["drifted"] = *status.drifted;
  if (status.tokens_until || !status.out_of_tokens.empty()) {
    value["tokens"] = {{"out", status.out_of_tokens}, {"used", status.spent_tokens}};
    if (status.tokens_until) {
      value["tokens"]["until"] = utc(*status.tokens_until);
      value["tokens"]["remaining_ms"] = status.tokens_left.count();
    }
  }
  if (status.pending) value["pending"] = to_value(*status.pending);
  if (!status.degraded.empty()) value["degraded"] = status.degraded;
  return value;
}

}  // namespace

bool nearly_full(const SetFill& set) { return set.size != 0 && set.used >= set.size - set.size / 5; }

std::string to_json(const Boot& boot) { return json_text(to_value(boot)); }

std::string to_json(const Status& status) { return json_text(to_value(status)); }

std::string to_json(const Status& status, const Boot& boot) {
  json value = to_value(status);
  value["boot"] = to_value(boot);
  return json_text(value);
}

Json status_schema() {
  return schema::object(
      "The live table.",
      {{"present", schema::flag("Whether there is a gate.")},
       {"foreign", schema::flag("Present if there is a table inet knockwork that knockwork did not create."),
        kSometimes},
       {"declared", schema::flag("Whether the host has a declaration in the usual place.")},
       {"mode", schema::text("`gate` or `stealth`; empty without a gate.")},
       {"always_allow", schema::texts("The sources that never need to knock.")},
       {"interfaces", schema::texts("The protected interfaces. Empty means all except loopback.")},
       {"epochs", schema::integers("The accepted epochs of derived sequences.")},
       {"sequences", schema::list("The sequences.", sequence_schema())},
       {"grants", schema::list("The sources with a grant.", holder_schema())},
       {"lockouts", schema::list("The sources that are locked out.", holder_schema())},
       {"half_done", schema::integer("How many sources are in the middle of a sequence.")},
       {"sets", schema::list("The sets that packets fill, and how full they are.", fill_schema())},
       {"format", schema::text("The version of the table's format; empty without a gate.")},
       {"drifted", schema::or_null(schema::flag("Whether the table has changed since the last apply. Null "
                                                "if there is no record of that."))},
       {"warnings", schema::texts("What is not protected as declared, as sentences.")},
       {"tokens", tokens_schema(), kSometimes},
       {"pending", waiting_schema(), kSometimes},
       {"degraded", schema::text("Why the live gate is not the declared one. Absent otherwise."), kSometimes},
       {"boot", boot_schema()}});
}

}  // namespace knockwork
