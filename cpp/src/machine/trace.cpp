#include "machine/trace.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "machine/machine.hpp"
#include "machine/script.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

// Tenths of a second, or all the milliseconds where a packet of the script needs them.
std::string seconds(Instant time, bool fine) {
  const auto ms = time.count();
  return fine ? fmt::format("{}.{:03}s", ms / 1000, ms % 1000)
              : fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
}

struct Columns {
  bool fine = false;
  std::size_t source = 0, text = 0;
};

Columns measure(const std::vector<ScriptedPacket>& packets) {
  Columns columns;
  for (const ScriptedPacket& scripted : packets) {
    columns.fine = columns.fine || scripted.packet.time.count() % 100 != 0;
    columns.source = std::max(columns.source, to_string(scripted.packet.source).size());
    columns.text = std::max(columns.text, scripted.text.size());
  }
  return columns;
}

const char* name(Lockout lockout) {
  switch (lockout) {
    case Lockout::none:
      return "nobody";
    case Lockout::source:
      return "source";
    case Lockout::family:
      return "family";
  }
  return "";
}

nlohmann::ordered_json to_json(const Program& program, const ScriptedPacket& scripted,
                               const Outcome& outcome) {
  nlohmann::ordered_json fired = nlohmann::ordered_json::array();
  for (const Fired& one : outcome.fired) {
    const Track& track = program.tracks[one.track];
    fired.push_back({{"sequence", track.name}, {"step", one.step + 1}, {"of", track.edges.size()}});
  }
  nlohmann::ordered_json granted = nlohmann::ordered_json::array();
  for (const Service& service : outcome.granted) granted.push_back(to_string(service));
  nlohmann::ordered_json renewed = nlohmann::ordered_json::array();
  for (const std::size_t track : outcome.renewed) renewed.push_back(program.tracks[track].name);
  return {{"time_ms", scripted.packet.time.count()},
          {"source", to_string(scripted.packet.source)},
          {"packet", scripted.text},
          {"verdict", to_string(outcome.verdict)},
          {"fired", fired},
          {"granted", granted},
          {"renewed", renewed},
          {"closed", outcome.closed},
          {"wrong", outcome.wrong},
          {"token_used", outcome.used_token},
          {"locked_out", name(outcome.locked)},
          {"why", why(program, scripted.packet, outcome)}};
}

}  // namespace

std::string trace(const Program& program, std::string_view script, std::string_view script_name) {
  const std::vector<ScriptedPacket> packets = read_script(script, script_name, program);
  const Columns columns = measure(packets);
  const Machine machine(program);
  State state;
  std::string text;
  for (const ScriptedPacket& scripted : packets) {
    const Outcome outcome = machine.take(state, scripted.packet);
    text += fmt::format("{:>7}  {:<{}}  {:<{}}  {:<9}  {}\n", seconds(scripted.packet.time, columns.fine),
                        to_string(scripted.packet.source), columns.source, scripted.text, columns.text,
                        to_string(outcome.verdict), why(program, scripted.packet, outcome));
  }
  return text;
}

std::string trace_json(const Program& program, std::string_view script, std::string_view script_name) {
  const Machine machine(program);
  State state;
  nlohmann::ordered_json lines = nlohmann::ordered_json::array();
  for (const ScriptedPacket& scripted : read_script(script, script_name, program)) {
    lines.push_back(to_json(program, scripted, machine.take(state, scripted.packet)));
  }
  return json_text(lines, 2) + '\n';
}

schema::Json trace_schema() {
  const schema::Json fired = schema::object("", {{"sequence", schema::text("The sequence.")},
                                                 {"step", schema::integer("Which of its steps, from 1 on.")},
                                                 {"of", schema::integer("How many steps it has.")}});
  const schema::Json each = schema::object(
      "", {{"time_ms", schema::integer("When it comes.")},
           {"source", schema::text("The address that it comes from.")},
           {"packet", schema::text("The packet, as the script has it.")},
           {"verdict", schema::text("What becomes of it.")},
           {"fired", schema::list("The steps that it takes.", fired)},
           {"granted", schema::texts("The services that it opens for its source.")},
           {"renewed", schema::texts("The sequences whose grants it makes longer, by using them.")},
           {"closed", schema::texts("The sequences whose grants it ends.")},
           {"wrong", schema::flag("Whether it is a wrong knock.")},
           {"token_used", schema::flag("Whether it uses a token up.")},
           {"locked_out", schema::choice("Whom it locks out.", {"nobody", "source", "family"})},
           {"why", schema::text("The reason, as a sentence.")}});
  return schema::list("What each packet does.", each);
}

}  // namespace knockwork
