#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "lint/lint.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"
#include "text/words.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kNames = 3;    // of sequences in one line of advice
constexpr std::size_t kWidest = 16;  // of the column of names
constexpr std::size_t kColumns = 80;

}  // namespace

std::string one_in(double odds) {
  if (odds <= 0) return "never";
  double inverse = 1 / odds;
  if (inverse < 1.05) return "opens";
  if (inverse < 9.95) return fmt::format("1 in {:.1f}", inverse);
  if (inverse < 99999.5) return fmt::format("1 in {:.0f}", inverse);
  int exponent = 0;
  for (; inverse >= 9.95; inverse /= 10) ++exponent;
  if (exponent < 10) return fmt::format("1 in {:.1f}e{}", inverse, exponent);
  if (inverse >= 9.5) return fmt::format("1 in 1e{}", exponent + 1);
  return fmt::format("1 in {:.0f}e{}", inverse, exponent);
}

namespace {

const char* whether(bool opens) { return opens ? "opens" : "never"; }

std::string shortened(const std::string& name) {
  return name.size() <= kWidest ? name : name.substr(0, kWidest - 1) + "…";
}

// Words on lines of 80 columns, those after the first indented.
std::string wrapped(const std::string& text) {
  std::string lines;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (column > 0 && column + 1 + (end - at) > kColumns) {
      lines += "\n ";
      column = 1;
    }
    if (column > 0) lines += ' ', ++column;
    lines += text.substr(at, end - at);
    column += end - at;
    at = end + 1;
  }
  return lines + '\n';
}

template <typename Texts>
std::string said_of(const std::vector<Assessment>& assessments, Texts texts) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<std::string>> whose;
  for (const Assessment& each : assessments) {
    for (const std::string& text : texts(each)) {
      if (whose[text].empty()) order.push_back(text);
      whose[text].push_back(each.name);
    }
  }
  std::string text;
  for (const std::string& said : order)
    text += wrapped(fmt::format("{}: {}", listed(whose[said], kNames), said));
  return text.empty() ? text : '\n' + text;
}

std::vector<std::string> texts_of_risks(const Assessment& assessment) {
  std::vector<std::string> texts;
  for (const Risk& risk : assessment.risks) texts.push_back(risk.text);
  return texts;
}

}  // namespace

std::string to_text(const std::vector<Assessment>& assessments) {
  if (assessments.empty()) return "No sequences.\n";
  std::size_t wide = std::string_view("SEQUENCE").size();
  for (const Assessment& each : assessments) wide = std::max(wide, std::min(each.name.size(), kWidest));
  constexpr const char* kRow = "{:<{}}  {:>6}  {:>5}  {:>10}  {:>6}  {:>7}  {:>6}  {:>10}\n";
  std::string text = fmt::format(fmt::runtime(kRow), "SEQUENCE", wide, "KNOCKS", "BITS", "GUESS", "ASCEND",
                                 "DESCEND", "STRIDE", "RANDOM");
  for (const Assessment& each : assessments) {
    text += fmt::format(
        fmt::runtime(kRow), shortened(each.name), wide, each.tokens ? "token" : std::to_string(each.knocks),
        fmt::format("{:.1f}", each.guess.bits), one_in(each.guess.odds), whether(each.ascending),
        whether(each.descending), whether(each.strides.count > 0), one_in(each.random()));
  }
  text +=
      "\nBITS assumes randomly drawn ports: from the ports in `derive` for a derived\n"
      "sequence, otherwise from all ports. Ports that people choose have far fewer\n"
      "bits. A guess is one attempt with random knocks, or one token. A sweep sends\n"
      "one packet to every port from one source, at the most favourable rate.\n";
  return text + said_of(assessments, texts_of_risks) +
         said_of(assessments, [](const Assessment& each) { return each.advice; });
}

namespace {

nlohmann::ordered_json to_json_of_risks(const Assessment& assessment) {
  nlohmann::ordered_json risks = nlohmann::ordered_json::object();
  for (const Risk& risk : assessment.risks) risks[risk.of] = risk.text;
  return risks;
}

}  // namespace

std::string to_json(const std::vector<Assessment>& assessments) {
  nlohmann::ordered_json sequences = nlohmann::ordered_json::array();
  for (const Assessment& each : assessments) {
    sequences.push_back({{"name", each.name},
                         {"knocks", each.knocks},
                         {"tokens", each.tokens.value_or(0)},
                         {"bits", in_tenths(each.guess.bits)},
                         {"guess", each.guess.odds},
                         {"guesses_per_day", each.guess.guesses_a_day},
                         {"guess_per_year", each.guess.a_year},
                         {"ascending", each.ascending},
                         {"descending", each.descending},
                         {"stride", each.strides.count > 0},
                         {"strides", each.strides.count},
                         {"random", each.random()},
                         {"random_sweep", {{"tcp", each.tcp}, {"udp", each.udp}, {"both", each.both}}},
                         {"risks", to_json_of_risks(each)},
                         {"advice", each.advice}});
  }
  return json_text(nlohmann::ordered_json{{"sequences", sequences}}, 2) + '\n';
}

schema::Json lint_schema() {
  const schema::Json sweep = schema::object("", {{"tcp", schema::number("Of TCP ports.")},
                                                 {"udp", schema::number("Of UDP ports.")},
                                                 {"both", schema::number("Of both.")}});
  const schema::Json each = schema::object(
      "",
      {{"name", schema::text("Its name.")},
       {"knocks", schema::integer("How many knocks it has.")},
       {"tokens", schema::integer("How many tokens are accepted at once; 0 if none open it.")},
       {"bits",
        schema::number(
            "The entropy of its knocks, assuming randomly drawn ports: from the ports in `derive` for a derived sequence, otherwise from all ports.")},
       {"guess", schema::number("The probability that one guess opens it.")},
       {"guesses_per_day", schema::number("How many guesses one source can make.")},
       {"guess_per_year", schema::number("The probability that a year of guesses opens it.")},
       {"ascending", schema::flag("Whether an ascending sweep opens it.")},
       {"descending", schema::flag("Whether a descending sweep opens it.")},
       {"stride", schema::flag("Whether a sweep by a fixed stride opens it.")},
       {"strides", schema::integer("How many strides do.")},
       {"random", schema::number("The probability that a sweep in random order opens it.")},
       {"random_sweep", sweep},
       {"risks", schema::mapping("What others can do, by who they are.", schema::text(""))},
       {"advice", schema::texts("What would make it safer, as sentences.")}});
  return schema::object("How likely guesses and sweeps are to open each sequence.",
                        {{"sequences", schema::list("The sequences.", each)}});
}

}  // namespace knockwork
