#include "pending/pending.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>

#include "crypto/crypto.hpp"
#include "host/files.hpp"
#include "knockwork/diagnostic.hpp"
#include "knockwork/words.hpp"
#include "ruleset/plain.hpp"
#include "ruleset/ruleset.hpp"
#include "text/json_text.hpp"
#include "text/whole.hpp"

namespace knockwork {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

std::filesystem::path pending_path() { return std::filesystem::path(kStateDirectory) / "pending.json"; }
std::filesystem::path rolled_back_path() {
  return std::filesystem::path(kStateDirectory) / "rolled_back.json";
}

json or_null(const std::optional<std::string>& text) { return text ? json(*text) : json(nullptr); }

std::optional<std::string> text_or_null(const json& value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<std::string>());
}

milliseconds time_of(const json& value) { return milliseconds(whole<std::int64_t>(value)); }

std::optional<Pending> read_note(const std::filesystem::path& path) {
  const std::optional<std::string> text = read_file(path);
  if (!text) return std::nullopt;
  try {
    return parse_pending(*text);
  } catch (const SystemError&) {
    throw SystemError(fmt::format(
        "{0} is damaged, so the previous table is unknown: look at `knockwork status`, then delete {0} and "
        "run `knockwork apply`",
        path.string()));
  }
}

void put_aside(const std::filesystem::path& path, const char* costs, std::vector<std::string>& warnings) {
  const std::string aside = path.string() + ".damaged";
  std::string where = "it was renamed to " + aside;
  try {
    rename_file(path, aside);
  } catch (const SystemError& error) {
    where = error.what();
  }
  warnings.push_back(fmt::format("{} is damaged, so {}; {}", path.string(), costs, where));
}

std::optional<Pending> usable(const std::filesystem::path& path, const char* costs,
                              std::vector<std::string>& warnings) {
  try {
    std::optional<Pending> note = read_note(path);
    if (note && note->before) ruleset_before(*note);
    return note;
  } catch (const SystemError&) {
    put_aside(path, costs, warnings);
    return std::nullopt;
  }
}

}  // namespace

bool is_over(const Pending& pending, const std::string& boot, const std::string& init, milliseconds now) {
  const bool another = !pending.init.empty() && !init.empty() && pending.init != init;
  return pending.boot != boot || another || now >= pending.deadline;
}

Waiting waiting(const Pending& pending, milliseconds now) {
  return {pending.id, pending.at, std::max(milliseconds(0), pending.deadline - now)};
}

// A comment that a hand put into the table may be no UTF-8: that is no reason to have no way back.
std::string to_json(const Pending& pending) {
  json files = json::array();
  for (const FileChange& file : pending.files) {
    files.push_back({{"path", file.path}, {"before", or_null(file.before)}, {"after", or_null(file.after)}});
  }
  return json_text(
             json{{"knockwork", 1},
                  {"id", pending.id},
                  {"boot", pending.boot},
                  {"init", pending.init},
                  {"at_ms", pending.at.count()},
                  {"armed_ms", pending.armed.count()},
                  {"deadline_ms", pending.deadline.count()},
                  {"committed_ms", pending.committed ? json(pending.committed->count()) : json(nullptr)},
                  {"committed_awake_ms", pending.committed_awake.count()},
                  {"digest", pending.digest},
                  {"listed", pending.listed},
                  {"declared", pending.declared},
                  {"before", or_null(pending.before)},
                  {"grants", json::parse(to_json(pending.grants))},
                  {"tokens", json::parse(to_json(pending.tokens))},
                  {"files", files}}) +
         '\n';
}

Pending parse_pending(const std::string& text) {
  try {
    const json value = json::parse(text);
    Pending pending;
    pending.id = value.at("id");
    pending.boot = value.at("boot");
    pending.init = value.value("init", "");
    pending.at = time_of(value.at("at_ms"));
    pending.armed = time_of(value.at("armed_ms"));
    pending.deadline = time_of(value.at("deadline_ms"));
    if (const json& committed = value.at("committed_ms"); !committed.is_null()) {
      pending.committed = time_of(committed);
    }
    pending.committed_awake = time_of(value.at("committed_awake_ms"));
    pending.digest = value.at("digest");
    pending.listed = value.value("listed", "");  // version 0.1.0 wrote none
    pending.declared = value.at("declared");
    pending.before = text_or_null(value.at("before"));
    pending.grants = parse_saved(value.at("grants").dump());
    pending.tokens = parse_token_feeds(value.value("tokens", json::array()).dump());
    for (const json& file : value.at("files")) {
      pending.files.push_back(
          {file.at("path"), text_or_null(file.at("before")), text_or_null(file.at("after"))});
    }
    return pending;
  } catch (const json::exception&) {  // its text may quote the note
    throw SystemError("not the record of an apply that waits");
  }
}

std::optional<Pending> read_pending() { return read_note(pending_path()); }
void write_pending(const Pending& pending) { write_file(pending_path(), to_json(pending)); }
bool is_pending() {
  std::error_code error;
  return std::filesystem::exists(pending_path(), error) || error;
}
void forget_pending() { remove_file(pending_path()); }
void note_rolled_back() { rename_file(pending_path(), rolled_back_path()); }
std::optional<Pending> read_rolled_back() { return read_note(rolled_back_path()); }
void forget_rolled_back() { remove_file(rolled_back_path()); }

std::optional<Pending> read_pending(std::vector<std::string>& warnings) {
  try {
    return read_pending();
  } catch (const SystemError& error) {
    warnings.emplace_back(error.what());
    return std::nullopt;
  }
}

Ruleset ruleset_before(const Pending& pending) {
  try {
    return parse_plain(pending.before.value());
  } catch (const std::exception&) {  // of which nothing is to be quoted
  }
  throw SystemError(fmt::format(
      "the record of apply {} contains no table that can be restored: delete {}, look at `knockwork plan` "
      "and run `knockwork apply`",
      pending.id, pending_path().string()));
}

std::optional<Pending> usable_pending(std::vector<std::string>& warnings) {
  return usable(pending_path(), "an unconfirmed apply is not rolled back", warnings);
}

std::optional<Pending> usable_rolled_back(std::vector<std::string>& warnings) {
  return usable(rolled_back_path(), "an apply that was rolled back may be reapplied", warnings);
}

std::string why_refused(const Waiting& waiting) {
  const std::time_t second = waiting.since.count() / 1000;
  std::tm local{};
  localtime_r(&second, &local);
  return fmt::format(
      "apply {} has waited for confirmation since {:%Y-%m-%d %H:%M:%S} and will be rolled back in {}: "
      "`knockwork confirm` keeps it, `knockwork rollback` rolls it back now; nothing was changed",
      waiting.id, local, time_left(waiting.remaining));
}

std::string new_id() {
  std::string id;
  for (const char byte : crypto::random_bytes(4))
    id += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return id;
}

}  // namespace knockwork
