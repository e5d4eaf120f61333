// The façade: all that the CLI, the Python module and through it Ansible may call.
//
//   sources → Spec → Program → Ruleset → Plan → transaction → Report
//
// Every function that touches the kernel takes the `Kernel` it shall touch, so
// tests hand in a fake. Reports name sequences and show keyed fingerprints;
// ports appear only with Ports::revealed.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/diagnostic.hpp"
#include "knockwork/report.hpp"
#include "knockwork/session.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

class Kernel;
class Events;

// The version of library, CLI and collection: one place, CMakeLists.txt.
const char* version();

// The main file and the drop-ins conf.d/*.yml beside it, in the order of their
// names. A missing main file counts as `knockwork: 1` where drop-ins exist.
// Throws SystemError where nothing can be read.
std::vector<Source> read_declaration(const std::filesystem::path& file);
// Those of them that can be, without an error.
std::vector<Source> read_what_can_be_read(const std::filesystem::path& file);
bool is_declared(const std::filesystem::path& file);

// The rendered table as a file for `nft -f`.
std::string render(const Spec& spec);

// What a knock would do: the reference machine on a list of packets, one per
// line ("+0.2s 192.0.2.7 7000/udp"), as text or as a JSON array. `name` is what
// diagnostics call the script. Shows the script's ports. Touches no kernel.
// Throws InvalidDeclaration with every fault of the script.
std::string trace(const Spec& spec, std::string_view script, std::string_view name);
std::string trace_json(const Spec& spec, std::string_view script, std::string_view name);

// How likely guesses and sweeps are to open each sequence, and advice where that
// is too likely: a table, or a JSON object. Names steps, never a port. Reads the
// range of this host's own ports; touches no kernel.
std::string lint(const Spec& spec);
std::string lint_json(const Spec& spec);

// What takes a Kernel below throws SystemError, call() excepted. The table is then as it was, unless the
// message says otherwise: of a change that another program made at the same time, or of a part that was done.

// What a declaration names that this host does not have. Changes nothing and needs no privilege.
std::vector<std::string> host_warnings(const Spec& spec, Kernel& kernel);

Report plan(const Spec& spec, Kernel& kernel, const Settings& settings);
Report apply(const Spec& spec, Execution execution, Kernel& kernel, const Settings& settings);
// At boot, which nobody watches: where the declaration cannot be applied and no gate stands, the last good
// gate is loaded, or what can be read of the declaration is shut; Report::degraded says so. Throws where a
// gate stands, which is then kept, or where nothing can be loaded. A gate that was removed in this boot stays
// so.
Report apply_unattended(const std::filesystem::path& file, Kernel& kernel, const Settings& given);
Report remove(Execution execution, Kernel& kernel, const Settings& settings);
Status status(Kernel& kernel, const Settings& settings);

// "60s", "1m30s": one way to write times for declarations, options and requests. `what` is what errors call
// the option; they name its own limits. Throw SystemError.
std::chrono::milliseconds parse_time(std::string_view text, std::string_view what);  // of grants: from 100ms
std::chrono::milliseconds parse_span(std::string_view text, std::string_view what);  // from 0 on: "5ms"
std::chrono::milliseconds parse_confirm_within(std::string_view text, std::string_view what);  // 1s to 1h

// Keeps the apply that waits; returns its id. An empty `id` means whichever it is.
// Throws SystemError where none or another waits, where its time is over, and
// without the proof: then it is taken back in time, as if nobody had asked.
std::string confirm(const std::string& id, Proof proof, Kernel& kernel, const Settings& settings);

// Brings back the table of before, with the grants that the new one dropped.
Report rollback(const std::string& id, Kernel& kernel, const Settings& settings);

// What an armed timer does when the time is over: a rollback that tries until it
// succeeds. Nothing where that apply no longer waits.
void rollback_armed(const std::string& id, Kernel& kernel);

// Gives a spent `once` sequence its use back. Throws SystemError where the live
// table has no such sequence.
Report renew(const std::string& name, Execution execution, Kernel& kernel, const Settings& settings);

// Writes grants and spent uses to /var/lib/knockwork/state.json; an apply that finds
// no table puts them back, with what is left of their time. remove() saves by itself.
void save(Kernel& kernel, const Settings& settings);

// Takes grants back, and cuts the connections that no other grant lets in: those of
// a sequence, of a source (an address or network), of a sequence's source, or all.
// Nothing notes by which sequence a connection came in once its grant is over, so
// with a sequence all connections to its services are cut. Those of always_allow go
// on, and so does the one over which this was asked for (Settings::ssh_connection).
struct Revocation {
  std::string sequence;  // empty: every one
  std::string source;    // empty: every one
};
Report revoke(const Revocation& what, Execution execution, Kernel& kernel, const Settings& settings);

// Lets a source in as if it had knocked; for the sequence's open_for where no time is given.
Report grant(const std::string& address, const std::string& sequence,
             std::optional<std::chrono::milliseconds> time, Execution execution, Kernel& kernel,
             const Settings& settings);

// One event, resolved to a name. A grant that is over expired, or was taken back before its time.
struct Seen {
  enum class Kind { grant, wrong, expired, revoked, lost };
  Kind kind = Kind::grant;
  std::chrono::milliseconds at{0};  // since the epoch
  std::string source;
  std::string sequence;  // not of wrong knocks
};

// Shows events as they come; ends after `count` of them, with 0 never. Grants that were there before end as
// well.
void watch(Kernel& kernel, Events& events, std::size_t count, const std::function<void(const Seen&)>& show);
std::string to_text(const Seen& seen);
std::string to_json(const Seen& seen);

// The live table's `log`: "none", "grants" or "all"; empty where there is no table.
std::string log_of(Kernel& kernel);

// What both backends of the Ansible modules speak: one request as JSON in, one
// answer as JSON out; never throws for a request that failed. See call.cpp for the shapes.
std::string call(std::string_view text, Kernel& kernel);

// What went wrong, in the shape in which call() answers it.
std::string to_json(const std::exception& error);

}  // namespace knockwork
