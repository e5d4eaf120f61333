// What became of it, for people and for programs.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "knockwork/client.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

const char* word(Knocked::Outcome outcome) {
  switch (outcome) {
    case Knocked::Outcome::sent:
      return "sent";
    case Knocked::Outcome::open:
      return "open";
    case Knocked::Outcome::refused:
      return "refused";
    case Knocked::Outcome::unreachable:
      return "unreachable";
  }
  return "";
}

}  // namespace

std::string to_text(const Knocked& knocked) {
  if (!knocked.message.empty()) return knocked.message + '\n';
  const std::string addresses = fmt::format("{}", fmt::join(knocked.addresses, ", "));
  const std::string where =
      knocked.host == addresses ? knocked.host : fmt::format("{} ({})", knocked.host, addresses);
  const char* addition = knocked.outcome == Knocked::Outcome::sent ? ", not proved" : "";
  const std::string again =
      knocked.rounds > 1 ? fmt::format(", after knocking {} times", knocked.rounds) : std::string();
  return fmt::format("{}: {}{}{}\n", where, word(knocked.outcome), addition, again);
}

std::string to_json(const Knocked& knocked) {
  const auto given = [](const std::string& text) {
    return text.empty() ? nlohmann::json() : nlohmann::json(text);
  };
  const nlohmann::ordered_json value{{"outcome", word(knocked.outcome)},    {"host", knocked.host},
                                     {"address", given(knocked.address)},   {"addresses", knocked.addresses},
                                     {"sequence", given(knocked.sequence)}, {"rounds", knocked.rounds},
                                     {"message", given(knocked.message)}};
  return json_text(value);
}

schema::Json knocked_schema() {
  return schema::object(
      "What became of a knock.",
      {{"outcome", schema::choice("The result.", {"sent", "open", "refused", "unreachable"})},
       {"host", schema::text("The host, as it was called.")},
       {"address", schema::or_null(schema::text("The address that answered."))},
       {"addresses", schema::texts("The addresses that were knocked on.")},
       {"sequence", schema::or_null(schema::text("The sequence that was used."))},
       {"rounds", schema::integer("How often it knocked.")},
       {"message", schema::or_null(schema::text("What went wrong."))}});
}

}  // namespace knockwork
