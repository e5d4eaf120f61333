// Derived sequences as reports show them.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "knockwork/derive.hpp"
#include "report/fingerprint.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

// The declaration as if that epoch alone were accepted.
Spec only(Spec spec, const std::optional<Epoch>& epoch) {
  std::erase_if(spec.sequences, [](const Sequence& sequence) { return !sequence.derive; });
  for (Sequence& sequence : spec.sequences) {
    if (!epoch) continue;
    sequence.derive->epoch = *epoch;
    sequence.derive->accepts = {*epoch};
  }
  return spec;
}

}  // namespace

std::vector<Drawn> drawn(const Spec& spec, std::optional<Epoch> epoch, Ports ports) {
  const Shown shown = Fingerprints::of_this_host(MissingKey::do_without).shown(ports);
  std::vector<Drawn> all;
  for (const Sequence& sequence : only(spec, epoch).sequences) {
    Spec one = spec;
    one.sequences = {sequence};
    const std::size_t first = all.size();
    for (const Track& track : compile(in_force(one)).tracks) {
      const Epoch number = std::stoull(track.name.substr(track.name.rfind('#') + 1));
      all.push_back({sequence.name, number, shown.knocks(track), sequence.derive->length,
                     bits_of(choices(*sequence.derive))});
    }
    std::sort(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
              [](const Drawn& left, const Drawn& right) { return left.epoch < right.epoch; });
  }
  return all;
}

std::string to_text(const std::vector<Drawn>& drawn) {
  std::string text;
  for (const Drawn& each : drawn) {
    text +=
        fmt::format("{}: {}{}{} knock{}, {:.1f} bits\n", epoch_name(each.sequence, each.epoch), each.shown,
                    each.shown.empty() ? "" : ", ", each.knocks, each.knocks == 1 ? "" : "s", each.bits);
  }
  return text;
}

std::string to_json(const std::vector<Drawn>& drawn) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Drawn& each : drawn) {
    all.push_back({{"sequence", each.sequence},
                   {"epoch", each.epoch},
                   {"shown", each.shown},
                   {"knocks", each.knocks},
                   {"bits", in_tenths(each.bits)}});
  }
  return json_text(nlohmann::ordered_json{{"drawn", all}});
}

schema::Json drawn_schema() {
  const schema::Json each = schema::object(
      "",
      {{"sequence", schema::text("The sequence.")},
       {"epoch", schema::integer("The epoch.")},
       {"shown",
        schema::text(
            "A keyed fingerprint of its knocks, empty before the first apply; or with --reveal the knocks.")},
       {"knocks", schema::integer("How many knocks it has.")},
       {"bits", schema::number("The entropy of its knocks, as lint has it.")}});
  return schema::object("Derived sequences.",
                        {{"drawn", schema::list("One for each accepted epoch.", each)}});
}

}  // namespace knockwork
