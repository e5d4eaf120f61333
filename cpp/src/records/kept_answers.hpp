// What the gate answers as another firewall does, kept for a start of the host, where the gate stands before
// the other firewall.
//
// /var/lib/knockwork/answers: a line each, "ipv4 tcp drop", or "none". No file: the gate does not adapt to
// others. What is damaged or cannot be written costs no more than itself: the next apply looks again.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "surroundings/answered.hpp"

namespace knockwork {

// Pure. The second returns nothing where the text is not what the first wrote.
std::string kept_answers_text(const std::vector<Answered>& answers);
std::vector<Answered> parse_kept_answers(std::string_view text);

// Nothing: of a gate that does not adapt.
void keep_answers(const std::optional<std::vector<Answered>>& answers);
std::optional<std::vector<Answered>> kept_answers();

}  // namespace knockwork
