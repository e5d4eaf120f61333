// Readers of a sequence's keys, and of `derive`.
#include <fmt/format.h>

#include <algorithm>

#include "spec/readers.hpp"

namespace knockwork::spec {
namespace {

void check_epochs(const Value& map, Derivation& derivation, Faults& faults) {
  const Value period = find_key(map, "period"), epoch = find_key(map, "epoch");
  const Value overlap = find_key(map, "overlap"), accepts = find_key(map, "accepts");
  if (period && epoch)
    faults.at(epoch, {"both `period` and `epoch`", "keep one: epochs advance by the clock or by hand"});
  if (overlap && epoch && !period)
    faults.at(overlap, {"`overlap` has no effect with `epoch`", "list the epochs under `accepts` instead"});
  if (overlap && !epoch && !period)
    faults.at(overlap, {"`overlap` has no effect without `period`", "add `period`, or remove it"});
  if (accepts && period && !epoch)
    faults.at(accepts, {"`accepts` has no effect with `period`", "write `overlap` instead"});
  if (accepts && !epoch && !period)
    faults.at(accepts, {"`accepts` has no effect without `epoch`", "add `epoch`, or remove it"});
  if (derivation.period > Duration{} && derivation.overlap >= derivation.period)
    faults.at(overlap, {"`overlap` is not shorter than `period`", "shorten it"});
  if (!derivation.epoch) return;
  std::vector<std::uint64_t>& epochs = derivation.accepts;
  if (accepts && !epochs.empty() &&
      std::find(epochs.begin(), epochs.end(), *derivation.epoch) == epochs.end())
    faults.at(accepts, {"`accepts` does not contain `epoch`", fmt::format("add {}", *derivation.epoch)});
  if (!accepts) epochs = {*derivation.epoch};
}

// The three ways to say what opens a sequence, and what only some of them have.
void check_ways(const Value& map, Faults& faults) {
  const Value derive = find_key(map, "derive"), token = find_key(map, "token");
  const bool knock = static_cast<bool>(find_key(map, "knock"));
  if (derive && knock)
    faults.at(derive, {"both `knock` and `derive`", "keep one: `derive` derives the knocks from a secret"});
  if (token && (knock || derive))
    faults.at(token, {fmt::format("both `{}` and `token`", knock ? "knock" : "derive"),
                      "keep one: a token opens with a single packet"});
  for (const char* key : {"step_timeout", "sequence_timeout"}) {
    const Value timeout = find_key(map, key);
    if (token && timeout)
      faults.at(timeout, {fmt::format("`{}` has no effect with `token`", key), "remove it"});
  }
}

// What a sequence that closes another one has no use for.
void check_closes(const Value& map, Faults& faults) {
  const Value closes = find_key(map, "closes");
  if (!closes) return;
  if (find_key(map, "opens"))
    faults.at(closes, {"both `opens` and `closes`", "keep one: a sequence opens or closes"});
  for (const char* key : {"open_for", "to", "connections", "once", "prolong", "on_expiry"}) {
    if (const Value place = find_key(map, key))
      faults.at(place, {fmt::format("`{}` has no effect with `closes`", key), "remove it"});
  }
}

// A grant that ends with its last connection.
void check_connections(const Value& map, const Sequence& sequence, Faults& faults) {
  const Value place = find_key(map, "connections");
  if (!place || sequence.connections == 0) return;
  if (sequence.prolong)
    faults.at(place, {"both `connections` and `prolong`",
                      "keep one: a grant ends with its last connection, or lasts while it is used"});
  if (sequence.on_expiry == OnExpiry::cut)
    faults.at(place, {"both `connections` and `on_expiry: cut`",
                      "remove one: the last connection ends the grant, and `cut` would end that connection"});
}

constexpr Duration kLongestToken = Duration::milliseconds(24LL * 3600 * 1000);
constexpr Duration kShortestPeriod = Duration::milliseconds(1000);

void check_times(const Value& map, const Token& token, Faults& faults) {
  const Value period = find_key(map, "period"), ahead = find_key(map, "ahead"), skew = find_key(map, "skew");
  if (token.period < kShortestPeriod) faults.at(period, {"a `period` of less than 1s", "write 1s or more"});
  if (ahead && token.ahead > kLongestToken)
    faults.at(ahead, {"`ahead` is longer than 1d", "write 1d or less"});
  if (skew && token.skew > kLongestToken) faults.at(skew, {"`skew` is longer than 1d", "write 1d or less"});
  if (token.ahead < token.period) {
    faults.at(ahead ? ahead : period,
              {fmt::format("`ahead` is shorter than `period`, {}", to_string(token.period)),
               "the table needs at least one token to come: shorten `period`, or write "
               "a longer `ahead`"});
  }
}

}  // namespace

Value find_key(const Value& map, std::string_view key) {
  for (Value name = map.first(); name != map.stop(); name = name.next().next()) {
    if (name.kind() == NodeKind::scalar && name.text() == key) return name.next();
  }
  return {};
}

void read_sequence_list(const Value& list, Draft& draft, Faults& faults) {
  for (Value entry = list.first(); entry != list.stop(); entry = entry.next()) {
    if (entry.kind() == NodeKind::refused) continue;
    if (entry.kind() != NodeKind::map) {
      faults.at(entry,
                {entry.kind() == NodeKind::null ? "an empty entry in the list of sequences"
                                                : "a sequence must be a mapping of keys",
                 "write it as in `- {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}`"});
      continue;
    }
    SequenceDraft& sequence = draft.sequences.emplace_back();
    sequence.at = entry;
    read_map(Scope::sequence, entry, {&draft, &sequence, nullptr}, faults);
    check_connections(entry, sequence.value, faults);
    check_ways(entry, faults);
    check_closes(entry, faults);
  }
}

void read_name(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (auto name = read_entry(key, value, parse_name, faults)) {
    target.sequence->value.name = std::move(*name);
    target.sequence->name = value;
  }
}

void read_knocks(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (!is_list(key, value, faults)) return;
  SequenceDraft& draft = *target.sequence;
  std::size_t count = 0;
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    if (++count > kMostKnocks || is_octal(entry, faults)) continue;
    const auto knock = read_entry(key, entry, parse_knock, faults);
    if (!knock) continue;
    draft.value.knock.push_back(*knock);
    draft.knocks.push_back(entry);
  }
  if (count == 0)
    faults.at(value, {"a sequence without knocks", "write 1 to 32 of them, as in `[7000/udp, 8000/udp]`"});
  if (count > kMostKnocks) {
    faults.at(value,
              {fmt::format("a sequence of {} knocks", count), fmt::format("write at most {}", kMostKnocks)});
  }
}

void read_opens(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (!is_list(key, value, faults)) return;
  std::vector<Service>& opens = target.sequence->value.opens;
  if (value.empty())
    faults.at(value, {"a sequence that opens nothing", "name a service, as in `opens: [22/tcp]`"});
  for (Value entry = value.first(); entry != value.stop(); entry = entry.next()) {
    const auto service = read_entry(key, entry, parse_service, faults);
    if (!service) continue;
    opens.push_back(*service);
    target.sequence->opens.push_back(entry);
  }
}

void read_derivation(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (value.kind() != NodeKind::map) {
    faults.at(value, {"`derive` takes a mapping", fmt::format("write it as in `derive: {}`", key.example)});
    return;
  }
  target.sequence->derive = value;
  Derivation& derivation = target.sequence->value.derive.emplace();
  read_map(Scope::derive, value, {target.draft, target.sequence, &derivation}, faults);
  check_epochs(value, derivation, faults);
}

void read_token(const Key& key, const Value& value, Target& target, Faults& faults) {
  if (value.kind() != NodeKind::map) {
    faults.at(value, {"`token` takes a mapping", fmt::format("write it as in `token: {}`", key.example)});
    return;
  }
  target.sequence->token = value;
  Token& token = target.sequence->value.token.emplace();
  Target inner{target.draft, target.sequence};
  inner.token = &token;
  read_map(Scope::token, value, inner, faults);
  const Value own = find_key(value, "key"), host = find_key(value, "host");
  if (own && find_key(value, "secret_file"))
    faults.at(own, {"both `secret_file` and `key`", "keep one: `key` is that of this sequence alone"});
  if (own && host) faults.at(host, {"`host` has no effect with `key`", "remove it"});
  check_times(value, token, faults);
}

void read_epochs(const Key& key, const Value& value, Target& target, Faults& faults) {
  read_list<&Derivation::accepts, parse_epoch>(key, value, target, faults);
  if (value.kind() != NodeKind::list) return;
  const std::size_t count = target.derivation->accepts.size();
  if (count > kMostEpochs)
    faults.at(value, {fmt::format("{} epochs", count), fmt::format("write at most {}", kMostEpochs)});
}

}  // namespace knockwork::spec
