#include "facade/call_client.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "knockwork/client.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/wire.hpp"
#include "report/fingerprint.hpp"
#include "text/json_text.hpp"
#include "text/whole.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

std::string text_in(const json& request, const char* key) { return request.value(key, std::string()); }

KnockTarget target_of(const json& request, const std::string& port) {
  const std::string host = request.at("host");
  const auto knocks = request.value("knock", std::vector<std::string>());
  if (!knocks.empty()) return target_of_knocks(host, knocks);
  const Profile profile = read_profile(text_in(request, "profile"));
  if (const std::string name = text_in(request, "sequence"); !name.empty()) {
    return target_named(profile, host, name);
  }
  return port.empty() ? only_target(profile, host) : target_opening(profile, host, tcp_service(port));
}

KnockTarget target_to_try(const json& request, const std::string& port) {
  try {
    return target_of(request, port);
  } catch (const SystemError& error) {
    if (!request.value("try_first", false)) throw;
    return unknown_target(request.at("host"), error.what());
  }
}

Family family_of(const json& request) {
  const std::string word = request.value("family", "any");
  return word == "ipv4" ? Family::ipv4 : word == "ipv6" ? Family::ipv6 : Family::any;
}

bool given(const json& request, const char* key) {
  return request.contains(key) && !request.at(key).is_null();
}

std::optional<milliseconds> span_in(const json& request, const char* key) {
  if (!given(request, key)) return std::nullopt;
  return parse_span(request.at(key).get<std::string>(), key);
}

Knocking knocking_of(const json& request) {
  Knocking how;
  how.way = {family_of(request), text_in(request, "source"), text_in(request, "interface")};
  how.delay = span_in(request, "delay");
  how.within = span_in(request, "within");
  how.jitter = span_in(request, "jitter").value_or(how.jitter);
  how.timeout = span_in(request, "timeout").value_or(how.timeout);
  if (given(request, "retries")) how.retries = whole<int>(request.at("retries"));
  how.try_first = request.value("try_first", how.try_first);
  return how;
}

std::string not_sent(const KnockTarget& target) {
  Knocked knocked;
  knocked.host = target.host;
  knocked.address = target.address;
  knocked.sequence = target.sequence;
  json value = json::parse(to_json(knocked));
  value["outcome"] = nullptr;
  return json_text(value);
}

std::string knock(const json& request) {
  const std::string port = text_in(request, "wait_open");
  const Knocking how = knocking_of(request);
  const KnockTarget target = target_to_try(request, port);
  if (request.value("check", false)) return not_sent(target);
  const std::unique_ptr<Wire> wire = open_wire();
  std::optional<Service> service;
  if (!port.empty()) {
    service = tcp_service(port);
  } else if (request.value("prove", true)) {
    service = target.proof;
  }
  if (request.value("both", false)) return to_json(knock_both(target, service, how, *wire));
  return to_json(service ? knock_open(target, *service, how, *wire) : knock(target, how, *wire));
}

std::string check_profile(const json& request) {
  const Profile profile = load_profile(request.at("name"), request.at("text"));
  return json_text(json{{"hosts", profile.hosts.size()}});
}

template <typename Ports>
std::vector<std::string> texts_of(const Ports& ports) {
  std::vector<std::string> texts;
  texts.reserve(ports.size());
  for (const auto& port : ports) texts.push_back(to_string(port));
  return texts;
}

json described(const KnockTarget& target, const std::string& fingerprint) {
  return {{"host", target.host},
          {"address", target.address},
          {"name", target.sequence},
          {"knocks", target.token ? 0 : target.knocks.front().size()},
          {"services", target.opens.size()},
          {"fingerprint", user_fingerprint(fingerprint)}};
}

// What a profile needs that is to open this sequence alone.
json describe_token(const KnockTarget& target, bool reveal) {
  const TokenSource& token = *target.token;
  json value = described(
      target, fmt::format("token {} {} {}", target.sequence, to_string(token.port), to_base64(token.key)));
  if (!reveal) return value;
  value["knock"] = json::array();
  value["token"] = {
      {"port", to_string(token.port)}, {"key", to_base64(token.key)}, {"period", to_string(token.period)}};
  return value;
}

json describe_knocks(const KnockTarget& target, bool reveal) {
  const std::vector<std::string> knocks = texts_of(target.knocks.front());
  const std::string in_table = target.epoch ? epoch_name(target.sequence, *target.epoch) : target.sequence;
  json value = described(target, fmt::format("knock {} {}", in_table, fmt::join(knocks, " ")));
  if (reveal) value["knock"] = knocks;
  return value;
}

std::string describe(const json& request) {
  const KnockTarget target = target_of(request, text_in(request, "opens"));
  const bool reveal = request.value("reveal", false);
  json value = target.token ? describe_token(target, reveal) : describe_knocks(target, reveal);
  if (reveal) value["opens"] = texts_of(target.opens);
  return json_text(value);
}

}  // namespace

std::optional<std::pair<const char*, std::string>> call_client(const json& request) {
  const std::string command = request.at("command");
  if (command == "knock") return {{"knocked", knock(request)}};
  if (command == "profile") return {{"profile", check_profile(request)}};
  if (command == "sequence") return {{"sequence", describe(request)}};
  return std::nullopt;
}

}  // namespace knockwork
