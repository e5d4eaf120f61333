// knockd.conf, line by line as parseconfig() of knockd 0.8 reads it; see knockd(1).
#include "import/knockd.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "import/command/command.hpp"
#include "import/compose.hpp"
#include "import/ledger.hpp"
#include "import/reasons.hpp"
#include "knockwork/import.hpp"
#include "text/ascii.hpp"
#include "text/words.hpp"
#include "values/service_names.hpp"
#include "values/values.hpp"

namespace knockwork {
namespace {

using Kind = Effect::Kind;

constexpr int kDefaultSequenceTimeout = 25, kDefaultCommandTimeout = 10;  // seconds
constexpr std::size_t kLongestLine = 4094;                                // of fgets(3) with PATH_MAX

constexpr const char* kPlaceholder =
    "not a number (a placeholder of a template?), and knockd would take it for 0";

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

struct Directive {
  std::string value;
  int line = 0;
};

// A section that is not [options].
struct Door {
  std::string name;
  Passage passage;
  std::map<std::string, Directive> directives;  // in upper case; the last of a name counts
  std::vector<Directive> flags;                 // of `tcpflags` all count
};

class Translation {
 public:
  Translation(Door& door, Names& names) : door_(door), sequence_(named(names)) {}

  // What it closes, for a sequence that does.
  const std::optional<Effect>& closes() const { return closes_; }

  Draft draft() {
    take_knocks();
    take_time();
    take_flags();
    take_target();
    take_commands();
    return {std::move(sequence_), std::move(door_.passage), std::move(remarks_)};
  }

 private:
  Sequence named(Names& names) {
    Passage& passage = door_.passage;
    Sequence sequence;
    sequence.name = names.free(door_.name);
    if (sequence.name.empty()) {
      passage.refuse(passage.line(), "the section name has no characters that a sequence name allows");
    } else if (sequence.name != door_.name) {
      passage.note(passage.line(), LineFate::changed, fmt::format("the sequence is named {}", sequence.name));
    } else {
      passage.note(passage.line(), LineFate::translated);
    }
    return sequence;
  }

  const Directive* find(const char* key) const {
    const auto found = door_.directives.find(key);
    return found == door_.directives.end() ? nullptr : &found->second;
  }

  void refuse(int line, const std::string& why) { door_.passage.refuse(line, why); }
  void note(const Directive& directive, LineFate fate, const std::string& reason = "") {
    door_.passage.note(directive.line, fate, reason);
  }

  void take_knocks() {
    if (const Directive* file = find("ONE_TIME_SEQUENCES")) {
      refuse(file->line,
             "one-time sequences are in a file of their own, which knockwork does not read: declare `token`, "
             "which opens once as well");
    }
    const Directive* directive = find("SEQUENCE");
    if (directive == nullptr) {
      if (!door_.passage.refused()) refuse(door_.passage.line(), "this section has no sequence");
      return;
    }
    note(*directive, LineFate::translated);
    for (const std::string_view part : split(directive->value, ',')) {
      if (const char* fault = take_knock(part)) return refuse(directive->line, fault);
    }
    if (sequence_.knock.size() > spec::kMostKnocks) refuse(directive->line, "more than 32 knocks");
    if (sequence_.knock.size() == 1) {
      refuse(directive->line, kOneKnock);
    }
  }

  const char* take_knock(std::string_view part) {
    const auto fields = split(part, ':');
    const auto port = number(trimmed(fields[0]));
    if (!port) return kPlaceholder;
    if (*port < 1 || *port > 65535) return "a port out of range";
    Knock knock{Protocol::tcp, static_cast<std::uint16_t>(*port)};
    if (fields.size() > 1) {
      const auto protocol = spec::parse_protocol(spec::lower(trimmed(fields[1])));
      if (!protocol) return "a protocol that is neither tcp nor udp";
      knock.protocol = *protocol;
    }
    sequence_.knock.push_back(knock);
    return nullptr;
  }

  // A number of seconds, at least 1.
  std::optional<std::int64_t> seconds(const Directive& directive) {
    const auto value = number(directive.value);
    if (value && *value >= 1 && *value <= spec::kLongest.milliseconds() / 1000) return value;
    refuse(directive.line, value ? "a time out of range: knockwork takes 1 s to 30 days" : kPlaceholder);
    return std::nullopt;
  }

  // knockd limits the whole, and knockwork both: so each step may take all of it.
  void take_time() {
    const Directive* directive = find("SEQ_TIMEOUT");
    std::int64_t time = kDefaultSequenceTimeout;
    if (directive != nullptr) {
      note(*directive, LineFate::translated);
      time = seconds(*directive).value_or(time);
    }
    sequence_.step_timeout = Duration::milliseconds(time * 1000);
    if (sequence_.knock.size() > 2) sequence_.sequence_timeout = sequence_.step_timeout;
  }

  void take_flags() {
    const bool tcp = std::any_of(sequence_.knock.begin(), sequence_.knock.end(),
                                 [](const Knock& knock) { return knock.protocol == Protocol::tcp; });
    for (const Directive& directive : door_.flags) {
      if (!tcp && !sequence_.knock.empty()) {
        note(directive, LineFate::unneeded, "no knock of this section is tcp");
        continue;
      }
      take_flags(directive);
    }
    if (tcp && door_.flags.empty()) remark("only TCP packets that begin a connection (SYN) are knocks");
  }

  // What a client sends that connects is SYN and no other flag.
  void take_flags(const Directive& directive) {
    bool syn = false, met = true;
    for (const std::string_view part : split(directive.value, ',')) {
      const std::string flag = spec::lower(trimmed(part));
      const bool negated = flag.starts_with('!');
      const std::string name = flag.substr(negated ? 1 : 0);
      const auto known = {"fin", "syn", "rst", "psh", "ack", "urg"};
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        return note(directive, LineFate::lost, "not a TCP flag that knockd knows");
      }
      syn = syn || (name == "syn" && !negated);
      met = met && (name == "syn") != negated;
    }
    if (!met) {
      note(directive, LineFate::changed,
           "clients must send plain SYN packets, as `knock` and `knockwork knock` do: no others are knocks");
    } else {
      note(directive, syn ? LineFate::translated : LineFate::changed,
           syn ? "" : "only TCP packets that begin a connection (SYN) are knocks");
    }
  }

  void take_target() {
    if (const Directive* target = find("TARGET")) {
      refuse(target->line, "knocks that go to another address than this host's cannot be declared");
    }
  }

  void take_commands() {
    const Directive* start = find("START_COMMAND");
    if (start == nullptr) {
      const Directive* only6 = find("START_COMMAND_6");
      refuse(only6 == nullptr ? door_.passage.line() : only6->line,
             only6 == nullptr ? "this section has no command"
                              : "it opens to IPv6 alone: declare it with `from: [\"::/0\"]`");
      return;
    }
    const Effect effect = effect_of(start->value);
    if (effect.kind == Kind::closes) return take_closing(*start, effect);
    take_start(*start, effect);
    take_start_for_ipv6(effect);
    take_stop(*start, effect);
  }

  // Which sequence it closes is found when all are known.
  void take_closing(const Directive& start, const Effect& effect) {
    closes_ = effect;
    note(start, LineFate::translated);
    if (const Directive* other = find("START_COMMAND_6"); other != nullptr && !other->value.empty()) {
      const Effect six = effect_of(other->value);
      if (six.kind != Kind::closes || six.services != effect.services)
        return refuse(other->line, "the IPv6 command does not close the same services");
      note(*other, LineFate::translated);
    }
    for (const char* key : {"STOP_COMMAND", "STOP_COMMAND_6"}) {
      const Directive* stop = find(key);
      if (stop != nullptr && !stop->value.empty())
        return refuse(stop->line, "this section closes services and then runs another command");
    }
    if (const Directive* time = find("CMD_TIMEOUT"))
      note(*time, LineFate::unneeded, "it has no effect without stop_command");
  }

  void take_start(const Directive& start, const Effect& effect) {
    if (effect.kind != Kind::opens) return refuse(start.line, effect.reason);
    sequence_.opens = effect.services;
    sequence_.to = effect.to;
    note(start, effect.reason.empty() ? LineFate::translated : LineFate::changed, effect.reason);
    if (!effect.ipv4) {
      note(start, LineFate::changed,
           "it opens to IPv6 alone: `from: [\"::/0\"]` restricts the sequence to it");
    }
  }

  void take_start_for_ipv6(const Effect& effect) {
    const Directive* start = find("START_COMMAND_6");
    if (start == nullptr) return;
    if (start->value.empty()) {
      return note(*start, LineFate::changed,
                  "it opens to IPv6 as well: `from: [0.0.0.0/0]` restricts it to IPv4");
    }
    const Effect other = effect_of(start->value);
    if (other.kind != Kind::opens) {
      refuse(start->line, other.kind == Kind::other ? other.reason : "it opens nothing to IPv6");
    } else if (!other.ipv6) {
      refuse(start->line, "it opens nothing to IPv6");
    } else if (other.services != effect.services || other.time != effect.time ||
               other.to.empty() != effect.to.empty()) {
      refuse(start->line, "it opens other services to IPv6: declare two sequences, with `from`");
    } else {
      note(*start, other.reason.empty() ? LineFate::translated : LineFate::changed, other.reason);
    }
  }

  void take_stop(const Directive& start, const Effect& effect) {
    const Directive* stop = find("STOP_COMMAND");
    const Directive* time = find("CMD_TIMEOUT");
    const bool stops = stop != nullptr && !stop->value.empty();
    for (const char* key : {"STOP_COMMAND", "STOP_COMMAND_6"}) {
      if (const Directive* each = find(key)) take_stop_command(*each, effect);
    }
    if (time != nullptr && !stops) note(*time, LineFate::unneeded, "it has no effect without stop_command");
    if (!stops) return take_open_end(start, effect);
    std::int64_t open = kDefaultCommandTimeout;
    if (time != nullptr) {
      note(*time, LineFate::translated);
      open = seconds(*time).value_or(open);
    }
    sequence_.open_for = Duration::milliseconds(open * 1000);
    remark("connections that are open when the time is over continue: `on_expiry: cut` ends them");
  }

  void take_stop_command(const Directive& stop, const Effect& start) {
    if (stop.value.empty())
      return note(stop, LineFate::changed, "a grant ends after `open_for` for every client");
    const Effect effect = effect_of(stop.value);
    const bool closes = effect.kind == Kind::closes;
    if (closes && (effect.services.empty() || effect.services == start.services)) {
      note(stop, effect.reason.empty() ? LineFate::translated : LineFate::changed,
           effect.reason.empty() ? "" : "only what closes is translated: the other commands do not run");
    } else {
      note(stop, LineFate::lost,
           closes ? "it closes services other than those that were opened"
                  : "it does not close the services that were opened, so knockwork does not run it");
    }
  }

  void take_open_end(const Directive& start, const Effect& effect) {
    if (effect.time) {
      sequence_.open_for = *effect.time;
    } else {
      note(start, LineFate::changed,
           fmt::format("knockd leaves it open; knockwork accepts new connections for {} (`open_for`), and "
                       "open ones continue",
                       to_string(sequence_.open_for)));
    }
  }

  void remark(const char* text) { remarks_.emplace_back(text); }

  Door& door_;
  std::optional<Effect> closes_;
  std::vector<std::string> remarks_;
  Sequence sequence_;
};

// One file. Doors are found in the order of their sections.
class File {
 public:
  explicit File(Ledger& ledger) : ledger_(ledger) {}

  std::vector<Door> doors() {
    for (int line = 1; line <= ledger_.count(); ++line) take(line, ledger_.text(line));
    return std::move(doors_);
  }
  int refused() const { return refused_; }  // the line at which knockd gives up; 0: none

 private:
  enum class Section { none, options, door };

  void take(int line, std::string_view whole) {
    if (whole.find('\0') != std::string_view::npos) return lose(line, "a line with a NUL byte");
    if (whole.size() > kLongestLine) return lose(line, "a line of more than 4,094 characters");
    const std::string_view text = trimmed(whole);
    if (text.empty() || text.front() == '#') return ledger_.note(line, LineFate::unneeded);
    if (text.front() == '[' && text.back() == ']') return begin(line, text.substr(1, text.size() - 2));
    const std::size_t equals = text.find('=');
    std::string key(trimmed(text.substr(0, equals)));
    std::transform(key.begin(), key.end(), key.begin(), to_upper);
    if (section_ == Section::none) return lose(line, "a line that belongs to no section");
    if (equals == std::string_view::npos) {
      if (key != "USESYSLOG") return lose(line, "not a line of a knockd.conf: it has no `=`");
      return ledger_.note(line, LineFate::unneeded, "`log: grants` and `knockwork watch` show who came in");
    }
    const std::string value(trimmed(text.substr(equals + 1)));
    section_ == Section::options ? take_option(line, key) : take_directive(line, key, value);
  }

  void begin(int line, std::string_view name) {
    if (name.empty()) {
      section_ = Section::none;
      return lose(line, "a section without a name");
    }
    section_ = name == "options" ? Section::options : Section::door;
    if (section_ == Section::options) return ledger_.note(line, LineFate::unneeded);
    doors_.push_back({std::string(name), Passage(ledger_, line), {}, {}});
  }

  void take_option(int line, const std::string& key) {
    if (key == "LOGFILE" || key == "PIDFILE") {
      ledger_.note(line, LineFate::unneeded, "there is no daemon");
    } else if (key == "INTERFACE") {
      ledger_.note(line, LineFate::changed,
                   "knockwork takes knocks and protects services on every interface except loopback; "
                   "`interfaces` restricts both");
    } else {
      lose(line, "knockd 0.8 has no such option");
    }
  }

  void take_directive(int line, std::string key, const std::string& value) {
    if (key == "TIMEOUT") key = "SEQ_TIMEOUT";
    if (key == "COMMAND") key = "START_COMMAND";
    if (key == "COMMAND_6") key = "START_COMMAND_6";
    Door& door = doors_.back();
    if (key == "TCPFLAGS") {
      door.flags.push_back({value, line});
      return;
    }
    const auto known = {"TARGET",      "SEQUENCE",      "ONE_TIME_SEQUENCES",
                        "SEQ_TIMEOUT", "START_COMMAND", "START_COMMAND_6",
                        "CMD_TIMEOUT", "STOP_COMMAND",  "STOP_COMMAND_6"};
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return lose(line, "knockd 0.8 has no such directive");
    }
    Directive& directive = door.directives[key];
    if (directive.line != 0) {
      door.passage.note(directive.line, LineFate::unneeded, fmt::format("line {} replaces it", line));
    }
    directive = {value, line};
  }

  // Where knockd itself refuses the file.
  void lose(int line, const char* reason) {
    if (refused_ == 0) refused_ = line;
    if (section_ == Section::door) {
      doors_.back().passage.note(line, LineFate::lost, reason);
    } else {
      ledger_.note(line, LineFate::lost, reason);
    }
  }

  Ledger& ledger_;
  Section section_ = Section::none;
  std::vector<Door> doors_;
  int refused_ = 0;
};

// When the oldest attempt ends, knockd 0.8 forgets all others. So of sections that begin alike, only the
// first can be completed, and others with the same knocks.
void note_beginnings(std::vector<Draft>& drafts) {
  std::map<Knock, const Draft*> first;
  for (Draft& draft : drafts) {
    if (draft.passage.refused()) continue;
    const auto [earlier, is_new] = first.emplace(draft.sequence.knock.front(), &draft);
    if (is_new) continue;
    const int line = earlier->second->passage.line();
    const bool same = earlier->second->sequence.knock == draft.sequence.knock;
    draft.passage.note(
        draft.passage.line(), LineFate::changed,
        same ? fmt::format("it has the knocks of the section at line {}, which open both", line)
             : fmt::format(
                   "it begins like the section at line {}: knockd 0.8 never completes it, knockwork does",
                   line));
  }
}

struct Closing {
  std::size_t number;  // of the sequence
  int line;            // of its command
  Effect effect;
};

// A sequence that closes names the one that opens the same.
void link(std::vector<Draft>& drafts, const std::vector<Closing>& closings) {
  for (const Closing& closing : closings) {
    Draft& draft = drafts[closing.number];
    std::vector<const Draft*> openers;
    for (const Draft& other : drafts) {
      const bool same = !other.sequence.opens.empty() && other.sequence.opens == closing.effect.services &&
                        other.sequence.to == closing.effect.to;
      if (same && !other.passage.refused()) openers.push_back(&other);
    }
    if (openers.size() == 1) {
      draft.sequence.closes = openers.front()->sequence.name;
      draft.passage.note(
          draft.passage.line(), LineFate::changed,
          fmt::format("it ends the grant of {}; connections that are open continue", draft.sequence.closes));
    } else {
      draft.passage.refuse(closing.line,
                           openers.empty() ? "no translated section opens these services"
                                           : "several sections open these services: declare a sequence with "
                                             "`closes` for each of them");
    }
  }
}

}  // namespace

std::optional<KnockdDoor> knockd_door(const ForeignFile& file, int line) {
  Ledger ledger(file);
  for (const Door& door : File(ledger).doors()) {
    if (door.passage.line() != line) continue;
    KnockdDoor found;
    for (const char* key : {"SEQUENCE", "SEQ_TIMEOUT"}) {
      const auto directive = door.directives.find(key);
      if (directive != door.directives.end()) found.push_back({key, directive->second.value});
    }
    for (const Directive& flags : door.flags) found.push_back({"TCPFLAGS", flags.value});
    return found;
  }
  return std::nullopt;
}

Imported import_knockd(const std::vector<ForeignFile>& files) {
  Imported imported;
  std::vector<Ledger> ledgers(files.begin(), files.end());
  Names names;
  Drafts drafts;
  std::vector<Closing> closings;
  std::string from;
  for (Ledger& ledger : ledgers) {
    File file(ledger);
    std::vector<Door> doors = file.doors();
    for (Door& door : doors) {
      Translation translation(door, names);
      drafts.sequences.push_back(translation.draft());
      if (!translation.closes()) continue;
      const auto command = door.directives.find("START_COMMAND");
      closings.push_back({drafts.sequences.size() - 1, command->second.line, *translation.closes()});
    }
    if (file.refused() != 0) {
      imported.remarks.push_back(
          fmt::format("knockd 0.8 itself refuses {} at line {}", ledger.file(), file.refused()));
    }
    from += (from.empty() ? "" : ", ") + ledger.file();
  }
  link(drafts.sequences, closings);
  note_beginnings(drafts.sequences);
  compose(std::move(drafts), from, imported);
  if (!imported.sequences.empty()) {
    imported.remarks.emplace_back(fmt::format(
        "{}; a right knock that is repeated does no harm, and sequences do not disturb each other. "
        "knockd starts over at each of these",
        kWrongKnocks));
    imported.remarks.emplace_back(
        "knocks over IPv6 count like those over IPv4, and open to IPv6: `from: [0.0.0.0/0]` restricts a sequence to "
        "IPv4");
  }
  for (Ledger& ledger : ledgers) {
    for (ImportedLine& line : std::move(ledger).close()) imported.lines.push_back(std::move(line));
  }
  return imported;
}

}  // namespace knockwork
