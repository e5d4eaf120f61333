#include "tokens/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "crypto/crypto.hpp"
#include "host/clocks.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "text/json_text.hpp"
#include "text/whole.hpp"

namespace knockwork {
namespace {

using nlohmann::json;

std::filesystem::path path() { return std::filesystem::path(kStateDirectory) / "tokens.json"; }

json value_of(const TokenFeed& feed) {
  const Token& token = feed.token;
  return {{"name", feed.name},
          {"edge", feed.edge},
          {"port", token.port.port},
          {"secret_file", token.secret_file},
          {"key", token.key},
          {"host", token.host},
          {"period_ms", token.period.milliseconds()},
          {"ahead_ms", token.ahead.milliseconds()},
          {"skew_ms", token.skew.milliseconds()},
          {"serial", token.serial}};
}

Duration span(const json& value, const char* key) {
  const auto ms = whole<std::int64_t>(value.at(key));
  if (ms <= 0) throw SystemError("a record of tokens with a time of zero");
  return Duration::milliseconds(ms);
}

TokenFeed feed_of(const json& value) {
  TokenFeed feed;
  feed.name = value.at("name").get<std::string>();
  feed.edge = whole<EdgeId>(value.at("edge"));
  feed.token = {{Protocol::udp, whole<std::uint16_t>(value.at("port"))},
                value.at("secret_file").get<std::string>(),
                value.at("key").get<std::string>(),
                value.at("host").get<std::string>(),
                span(value, "period_ms"),
                span(value, "ahead_ms"),
                span(value, "skew_ms"),
                whole<std::uint32_t>(value.at("serial"))};
  return feed;
}

json value_of(const LostDays& lost) {
  json spans = json::array();
  for (const LostDays::Span& each : lost.spans()) spans.push_back({each.days.from, each.days.to, each.count});
  return spans;
}

Days days_of(const json& value) {
  return {whole<std::uint64_t>(value.at(0)), whole<std::uint64_t>(value.at(1))};
}

LostDays lost_of(const json& value) {
  std::vector<LostDays::Span> spans;
  for (const json& each : value) spans.push_back({days_of(each), whole<Losses>(each.at(2))});
  return LostDays(std::move(spans));
}

json value_of(const std::vector<Days>& loaded) {
  json stretches = json::array();
  for (const Days& each : loaded) stretches.push_back({each.from, each.to});
  return stretches;
}

std::vector<Days> loaded_of(const json& value) {
  std::vector<Days> loaded;
  for (const json& each : value) loaded.push_back(days_of(each));
  return loaded;
}

}  // namespace

Moment this_moment() { return {unix_time(), awake_clock()}; }

std::vector<TokenFeed> token_feeds(const Spec& spec, const Program& program) {
  std::vector<TokenFeed> feeds;
  for (const Track& track : program.tracks) {
    if (!track.token) continue;
    const auto declared = std::find_if(spec.sequences.begin(), spec.sequences.end(),
                                       [&](const Sequence& each) { return each.name == track.name; });
    if (declared == spec.sequences.end() || !declared->token) continue;
    TokenFeed& feed = feeds.emplace_back(TokenFeed{track.name, track.edges.front().id, *declared->token});
    if (feed.token.key.empty() && feed.token.host.empty()) feed.token.host = own_host_name();
  }
  return feeds;
}

std::vector<Days> fewest(std::vector<Days> days) {
  std::sort(days.begin(), days.end());
  std::vector<Days> few;
  for (const Days& each : days) {
    if (!few.empty() && each.from <= few.back().to + 1) {
      few.back().to = std::max(few.back().to, each.to);
    } else {
      few.push_back(each);
    }
  }
  return few;
}

Losses LostDays::on(std::uint64_t day) const {
  Losses all = 0;
  for (const Span& span : spans_) {
    if (span.days.from <= day && day <= span.days.to) all += span.count;
  }
  return all;
}

void LostDays::add(const Days& days) {
  const auto found =
      std::find_if(spans_.begin(), spans_.end(), [&](const Span& span) { return span.days == days; });
  if (found == spans_.end()) {
    spans_.push_back({days, 1});
  } else {
    ++found->count;
  }
}

std::vector<TokenFeed> present(const TokenRecord& record) {
  std::vector<TokenFeed> feeds;
  for (const auto& [name, sequence] : record.sequences) {
    if (sequence.present) feeds.push_back(sequence.feed);
  }
  return feeds;
}

std::vector<TokenFeed> opened_in(const Program& program, std::vector<TokenFeed> feeds) {
  std::erase_if(feeds, [&](const TokenFeed& feed) {
    return std::none_of(program.tracks.begin(), program.tracks.end(), [&](const Track& track) {
      return track.token && track.edges.front().id == feed.edge;
    });
  });
  return feeds;
}

TokenRecord forgotten(UnixTime now) {
  constexpr Losses kMore = 5;  // than there were, in all likelihood; a client finds them
  const std::uint64_t today = day_of(Duration::milliseconds(1), static_cast<Window>(now.count()));
  TokenRecord record;
  record.lost = LostDays({{{today > 0 ? today - 1 : 0, today + 2}, kMore}});
  return record;
}

std::string to_json(const std::vector<TokenFeed>& feeds) {
  json values = json::array();
  for (const TokenFeed& feed : feeds) values.push_back(value_of(feed));
  return json_text(values);
}

std::vector<TokenFeed> parse_token_feeds(const std::string& text) {
  try {
    std::vector<TokenFeed> feeds;
    for (const json& value : json::parse(text)) feeds.push_back(feed_of(value));
    return feeds;
  } catch (const json::exception&) {  // its text may quote the file
    throw SystemError("not a list of token sequences");
  }
}

std::string to_json(const TokenRecord& record) {
  json sequences = json::array();
  for (const auto& [name, sequence] : record.sequences) {
    json value = value_of(sequence.feed);
    value["check"] = sequence.check;
    value["present"] = sequence.present;
    value["loaded_to_ms"] = sequence.loaded_to.count();
    value["loaded"] = value_of(sequence.loaded);
    value["lost"] = value_of(sequence.lost);
    sequences.push_back(std::move(value));
  }
  return json_text(json{{"knockwork", 1},
                        {"memory", record.memory},
                        {"machine", record.machine},
                        {"offset_ms", record.offset.count()},
                        {"lost", value_of(record.lost)},
                        {"sequences", sequences}}) +
         '\n';
}

TokenRecord parse_token_record(const std::string& text) {
  try {
    const json value = json::parse(text);
    TokenRecord record;
    record.memory = value.at("memory").get<std::string>();
    record.machine = value.at("machine").get<std::string>();
    record.offset = std::chrono::milliseconds(whole<std::int64_t>(value.at("offset_ms")));
    record.lost = lost_of(value.at("lost"));
    for (const json& each : value.at("sequences")) {
      TokenRecord::Sequence sequence{feed_of(each),
                                     each.at("check").get<std::string>(),
                                     each.at("present").get<bool>(),
                                     UnixTime(whole<std::int64_t>(each.at("loaded_to_ms"))),
                                     loaded_of(each.at("loaded")),
                                     lost_of(each.at("lost"))};
      record.sequences.emplace(sequence.feed.name, std::move(sequence));
    }
    return record;
  } catch (const json::exception&) {  // its text may quote the file
    throw SystemError("not a record of tokens");
  }
}

std::string token_machine() {
  try {
    const std::optional<std::string> id = read_file("/etc/machine-id");
    return id ? crypto::to_hex(crypto::sha256(*id)).substr(0, 16) : "";
  } catch (const SystemError&) {
    return "";
  }
}

bool has_token_record() {
  std::error_code error;
  return std::filesystem::exists(path(), error);
}

TokenRecord read_token_record(std::vector<std::string>& warnings) {
  const std::optional<std::string> text = read_file(path());
  if (!text) return {};
  try {
    return parse_token_record(*text);
  } catch (const SystemError&) {
    warnings.push_back(
        fmt::format("{} is damaged and was ignored: clients need a few attempts today", path().string()));
    return forgotten(unix_time());
  }
}

void write_token_record(const TokenRecord& record) { write_file(path(), to_json(record)); }

}  // namespace knockwork
