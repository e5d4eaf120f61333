#include "knockwork/graph.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "knockwork/diagnostic.hpp"
#include "process/run.hpp"
#include "program/program.hpp"

namespace knockwork {
namespace {

// Colours that are read on a light and on a dark page.
constexpr std::string_view kHead = R"(digraph knockwork {
  rankdir=LR; bgcolor="transparent"; fontname="sans-serif"; fontcolor="#777777";
  node [shape=circle, label="", width=0.25, color="#777777", fontname="sans-serif", fontcolor="#777777"];
  edge [color="#777777", fontname="sans-serif", fontsize=10, fontcolor="#777777"];
)";

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

class Drawing {
 public:
  Drawing(const Program& program, Ports ports) : program_(program), ports_(ports), text_(kHead) {}

  std::string drawn() {
    const bool punished = program_.lockout && has_knocks();
    if (punished) {
      text_ += fmt::format("  lockout [shape=octagon, color=\"#c0392b\", label=\"locked out for {}\"];\n",
                           to_string(program_.lockout_time));
    }
    for (std::size_t number = 0; number < program_.tracks.size(); ++number)
      sequence(number, program_.tracks[number], punished);
    return std::move(text_) + "}\n";
  }

 private:
  bool has_knocks() const {
    return std::any_of(program_.tracks.begin(), program_.tracks.end(),
                       [](const Track& track) { return !track.token; });
  }

  void sequence(std::size_t number, const Track& track, bool punished) {
    text_ += fmt::format("  subgraph cluster_{0} {{\n    label=\"{1}\"; color=\"#bbbbbb\";\n", number,
                         title(track));
    for (std::size_t step = 0; step < track.edges.size(); ++step)
      text_ += fmt::format("    s{}_{};\n", number, step);
    text_ +=
        fmt::format("    s{}_open [shape=box, color=\"#27ae60\", label=\"{}\"];\n", number, opens(track));
    for (std::size_t step = 0; step < track.edges.size(); ++step) {
      const bool last = step + 1 == track.edges.size();
      text_ += fmt::format("    s{0}_{1} -> s{0}_{2} [label=\"{3}\"];\n", number, step,
                           last ? "open" : std::to_string(step + 1), knock(track, step));
    }
    text_ += "  }\n";
    for (std::size_t step = 1; punished && step < track.edges.size(); ++step)
      text_ += fmt::format("  s{}_{} -> lockout [style=dashed, color=\"#c0392b\"];\n", number, step);
  }

  static std::string title(const Track& track) {
    std::string text = track.name;
    if (!track.from.empty()) text += fmt::format("\\nfrom {}", listed(track.from));
    if (!track.to.empty()) text += fmt::format("\\nto {}", listed(track.to));
    if (!track.on.empty()) text += fmt::format("\\non {}", fmt::join(track.on, ", "));
    if (track.sequence_timeout)
      text += fmt::format("\\nwithin {} in all", to_string(*track.sequence_timeout));
    if (track.once) text += "\\nonce";
    return text;
  }

  template <typename Value>
  static std::string listed(const std::vector<Value>& values) {
    std::string text;
    for (const Value& each : values) text += (text.empty() ? "" : ", ") + to_string(each);
    return text;
  }

  std::string knock(const Track& track, std::size_t step) const {
    const std::string within = step == 0 ? "" : fmt::format("\\nwithin {}", to_string(track.step_timeout));
    if (track.token)
      return ports_ == Ports::revealed ? "token to " + to_string(track.edges[step].knock) : "token";
    if (ports_ == Ports::revealed) return to_string(track.edges[step].knock) + within;
    return fmt::format("knock {}{}", step + 1, within);
  }

  std::string opens(const Track& track) const {
    if (!track.closes.empty()) return fmt::format("closes\\n{}", fmt::join(track.closes, "\\n"));
    const std::string what =
        ports_ == Ports::revealed ? listed(track.services) : counted(track.services.size(), "service");
    const std::string times = track.connections > 0
                                  ? "\\n" + counted(static_cast<std::size_t>(track.connections), "connection")
                                  : "";
    return fmt::format("opens {}\\nfor {}{}", what, to_string(track.open_for), times);
  }

  const Program& program_;
  Ports ports_;
  std::string text_;
};

}  // namespace

std::string graph(const Spec& spec, Ports ports) { return Drawing(compile(spec), ports).drawn(); }

std::string graph_svg(const Spec& spec, Ports ports) {
  try {
    return output_of({"dot", "-Tsvg"}, graph(spec, ports));
  } catch (const SystemError& error) {
    throw SystemError(fmt::format("{}; `dot` is in the package graphviz, and needs no root", error.what()));
  }
}

}  // namespace knockwork
