// Events of the kernel in a user's words.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "host/clocks.hpp"
#include "journal/journal.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/observe.hpp"
#include "observe/grant_ends.hpp"
#include "program/connection.hpp"
#include "ruleset/decompile/program_of.hpp"
#include "text/json_text.hpp"
#include "text/output_schemas.hpp"

namespace knockwork {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kLook{1000};        // how soon a commit of somebody else is noticed
constexpr milliseconds kLookInside{5000};  // how soon it is noticed that packets have ended a grant

// The gate as it was read last: again where an event has a number that is not known, where somebody
// committed, and where events were lost.
class Gate {
 public:
  explicit Gate(Kernel& kernel) : kernel_(kernel) { read(); }

  // Returns whether anybody has committed since it was read before.
  bool read() {
    const Generation before = std::exchange(generation_, kernel_.generation());
    take(kernel_.read());
    return kernel_.generation() != before;
  }
  bool is_old() const { return kernel_.generation() != generation_; }

  bool knows(EdgeId edge) const { return tracks_.contains(edge); }
  // It was not found: nobody looks for it again.
  void know(EdgeId edge) { tracks_.try_emplace(edge, Known{kRemovedSequence, Duration::milliseconds(0)}); }
  std::string name(EdgeId edge) const {
    const auto found = tracks_.find(edge);
    return found == tracks_.end() ? kRemovedSequence : found->second.name;
  }
  milliseconds open_for(EdgeId edge) const {
    const auto found = tracks_.find(edge);
    return milliseconds(found == tracks_.end() ? 0 : found->second.open_for.milliseconds());
  }
  bool prolongs(EdgeId edge) const {
    const auto found = tracks_.find(edge);
    return found != tracks_.end() && found->second.prolong;
  }
  const Program& program() const { return program_; }
  const std::vector<Admission>& there() const { return admissions_; }
  const std::set<EdgeId>& ended_by_packets() const { return ended_by_packets_; }

 private:
  struct Known {
    std::string name;
    Duration open_for;
    bool prolong = false;
  };

  void take(const std::optional<LiveTable>& live) {
    if (!live || !live->ours) {
      admissions_.clear();
      return;
    }
    program_ = program_of(live->ruleset);
    for (const Track& track : program_.tracks)
      tracks_[track.edges.back().id] = {track.name, track.open_for, track.prolong};
    ended_by_packets_ = knockwork::ended_by_packets(program_);
    admissions_ = open_admissions(*live, program_);
  }

  Kernel& kernel_;
  Generation generation_;
  Program program_;
  std::map<EdgeId, Known> tracks_;  // of tables before this one as well
  std::vector<Admission> admissions_;
  std::set<EdgeId> ended_by_packets_;
};

class Watch {
 public:
  using Show = std::function<void(const Seen&)>;
  Watch(Kernel& kernel, std::size_t count, const Show& show) : gate_(kernel), left_(count), show_(show) {
    ends_.compare(gate_.there(), awake_clock());
    asked_ = looked_ = awake_clock();
  }

  void run(Events& events) {
    while (!done_) {
      const Events::Batch batch = events.next(until_next_look());
      if (batch.lost) say({Seen::Kind::lost, wall_clock(), {}, {}});
      for (const Event& event : batch.events) take(event);
      if (batch.lost || perhaps_prolonged() || perhaps_ended() || has_changed(batch.events.empty())) look();
      for (const auto& [grant, end] : ends_.ended(awake_clock()))
        say_of(Seen::Kind::expired, grant, wall_clock() - (awake_clock() - end));
    }
  }

 private:
  milliseconds until_next_look() const {
    const auto next = ends_.next();
    return next ? std::clamp(*next - awake_clock(), milliseconds(0), kLook) : kLook;
  }

  // Use may have made a grant longer, of which no event tells.
  bool perhaps_prolonged() const {
    const auto due = ends_.due(awake_clock());
    return std::any_of(due.begin(), due.end(),
                       [this](const GrantEnds::Grant& grant) { return gate_.prolongs(grant.second); });
  }

  // Nor of what ended one before its time.
  bool perhaps_ended() const {
    return awake_clock() - looked_ >= kLookInside && ends_.has_one_of(gate_.ended_by_packets());
  }

  // The kernel is asked once in a while, however many events come.
  bool has_changed(bool quiet) {
    const milliseconds now = awake_clock();
    if (!quiet && now - asked_ < kLook) return false;
    asked_ = now;
    return gate_.is_old();
  }

  void take(const Event& event) {
    if (event.kind == Event::Kind::wrong)
      return say({Seen::Kind::wrong, event.at, to_string(event.source), {}});
    if (!gate_.knows(event.edge)) look();
    gate_.know(event.edge);
    const milliseconds ago = std::max(milliseconds(0), wall_clock() - event.at);
    ends_.begin({source_of(event.source, gate_.program()), event.edge},
                awake_clock() - std::min(ago, kLook) + gate_.open_for(event.edge));
    say({Seen::Kind::grant, event.at, to_string(event.source), gate_.name(event.edge)});
  }

  // Whoever revokes commits; what packets end has expired.
  void look() {
    const Seen::Kind kind = gate_.read() ? Seen::Kind::revoked : Seen::Kind::expired;
    looked_ = awake_clock();
    for (const GrantEnds::Grant& gone : ends_.compare(gate_.there(), looked_))
      say_of(kind, gone, wall_clock());
  }

  void say_of(Seen::Kind kind, const GrantEnds::Grant& grant, milliseconds at) {
    say({kind, at, shown_source(grant.first, gate_.program()), gate_.name(grant.second)});
  }

  void say(const Seen& seen) {
    if (done_) return;
    show_(seen);
    done_ = left_ != 0 && --left_ == 0;
  }

  Gate gate_;
  GrantEnds ends_;
  milliseconds asked_{0}, looked_{0};  // when the kernel was asked for its generation, and for its table
  std::size_t left_;
  bool done_ = false;
  const Show& show_;
};

const char* name(Seen::Kind kind) {
  switch (kind) {
    case Seen::Kind::grant:
      return "grant";
    case Seen::Kind::wrong:
      return "wrong";
    case Seen::Kind::expired:
      return "expired";
    case Seen::Kind::revoked:
      return "revoked";
    case Seen::Kind::lost:
      return "lost";
  }
  return "";
}

std::string sentence(const Seen& seen) {
  switch (seen.kind) {
    case Seen::Kind::grant:
      return "granted by " + seen.sequence;
    case Seen::Kind::wrong:
      return "wrong knock";
    case Seen::Kind::expired:
      return "grant by " + seen.sequence + " expired";
    case Seen::Kind::revoked:
      return "grant by " + seen.sequence + " revoked";
    case Seen::Kind::lost:
      return "some events were lost";
  }
  return "";
}

}  // namespace

void watch(Kernel& kernel, Events& events, std::size_t count, const std::function<void(const Seen&)>& show) {
  Watch(kernel, count, show).run(events);
}

bool to_journal(const Seen& seen) {
  using journal::Priority;
  const Priority priority = seen.kind == Seen::Kind::lost ? Priority::warning
                            : seen.kind == Seen::Kind::wrong || seen.kind == Seen::Kind::revoked
                                ? Priority::notice
                                : Priority::info;
  std::vector<journal::Field> fields{{"KNOCKWORK_EVENT", name(seen.kind)}};
  if (!seen.sequence.empty()) fields.push_back({"SEQUENCE", seen.sequence});
  if (!seen.source.empty()) fields.push_back({"SOURCE", seen.source});
  const std::string what = sentence(seen);
  return journal::send(priority, seen.source.empty() ? what : seen.source + ": " + what, std::move(fields)) ==
         journal::Sent::yes;
}

std::string log_of(Kernel& kernel) {
  const std::optional<LiveTable> live = kernel.read();
  return live && live->ours ? declared_log(live->ruleset) : "";
}

std::string to_text(const Seen& seen) {
  if (seen.kind == Seen::Kind::lost) return sentence(seen) + '\n';
  const std::time_t second = seen.at.count() / 1000;
  std::tm local{};
  localtime_r(&second, &local);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}  {:<40} {}\n", local, seen.source, sentence(seen));
}

std::string to_json(const Seen& seen) {
  const std::time_t second = seen.at.count() / 1000;
  std::tm utc{};
  gmtime_r(&second, &utc);
  nlohmann::ordered_json value{
      {"event", name(seen.kind)},
      {"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", utc, seen.at.count() % 1000)}};  // RFC 3339
  if (!seen.source.empty()) value["source"] = seen.source;
  if (!seen.sequence.empty()) value["sequence"] = seen.sequence;
  return json_text(value) + '\n';
}

schema::Json event_schema() {
  constexpr auto kSometimes = schema::Key::Is::sometimes;
  return schema::object(
      "One event on each line.",
      {{"event", schema::choice("What happened. `lost`: some events are missing, because more "
                                "came at once than could be read.",
                                {"grant", "wrong", "expired", "revoked", "lost"})},
       {"time", schema::time("When.")},
       {"source", schema::text("The source's address, or its network."), kSometimes},
       {"sequence", schema::text("Of a grant: the sequence."), kSometimes}});
}

}  // namespace knockwork
