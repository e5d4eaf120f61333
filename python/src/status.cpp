#include <pybind11/stl.h>

#include <optional>

#include "bind.hpp"
#include "knockwork/boot.hpp"
#include "knockwork/knockwork.hpp"
#include "value.hpp"

namespace kw = knockwork;

namespace {

// None where nobody can tell.
std::optional<bool> after_reboot() {
  const kw::Boot boot = kw::boot();
  if (boot.stands == kw::Boot::Stands::unknown) return std::nullopt;
  return boot.stands == kw::Boot::Stands::yes;
}

}  // namespace

void bind_status(py::module_& module) {
  using H = kw::Holder;
  Value<H>(module, "Holder", "A source that has access, or is locked out, for a limited time.")
      .shown("source", [](const H& h) { return h.source; })
      .shown("sequence", [](const H& h) { return h.sequence; })
      .shown("remaining", [](const H& h) { return h.remaining; })
      .finish();
  using Q = kw::SequenceStatus;
  Value<Q>(module, "SequenceStatus", "A live sequence, identified by its keyed fingerprint.")
      .shown("name", [](const Q& q) { return q.name; })
      .shown("fingerprint", [](const Q& q) { return q.fingerprint; })
      .shown("knocks", [](const Q& q) { return q.knocks; })
      .shown("services", [](const Q& q) { return q.services; })
      .shown("once", [](const Q& q) { return q.once; })
      .shown("spent", [](const Q& q) { return q.spent; })
      .shown("token", [](const Q& q) { return q.token; })
      .shown("uses", [](const Q& q) { return q.uses; })
      .finish();
  using F = kw::SetFill;
  Value<F>(module, "SetFill", "A set that packets fill, and how full it is.")
      .shown("name", [](const F& f) { return f.name; })
      .shown("used", [](const F& f) { return f.used; })
      .shown("size", [](const F& f) { return f.size; })
      .finish();
  using S = kw::Status;
  Value<S>(module, "Status", "The live table, without its ports.")
      .shown("present", [](const S& s) { return s.present; })
      .shown("declared", [](const S& s) { return s.declared; })
      .shown("degraded", [](const S& s) { return s.degraded; })
      .shown("mode", [](const S& s) { return s.mode; })
      .shown("always_allow", [](const S& s) { return to_tuple(s.always_allow); })
      .shown("interfaces", [](const S& s) { return to_tuple(s.interfaces); })
      .shown("epochs", [](const S& s) { return to_tuple(s.epochs); })
      .shown("tokens_left", [](const S& s) { return s.tokens_until ? py::cast(s.tokens_left) : py::none(); })
      .shown("sequences", [](const S& s) { return to_tuple(s.sequences); })
      .shown("grants", [](const S& s) { return to_tuple(s.grants); })
      .shown("lockouts", [](const S& s) { return to_tuple(s.lockouts); })
      .shown("half_done", [](const S& s) { return s.half_done; })
      .shown("sets", [](const S& s) { return to_tuple(s.fill); })
      .shown("used_tokens", [](const S& s) { return s.spent_tokens; })
      .shown("format", [](const S& s) { return s.format; })
      .shown("drifted", [](const S& s) { return s.drifted; })
      .shown("pending", [](const S& s) { return s.pending; })
      .shown("warnings", [](const S& s) { return to_tuple(s.warnings); })
      .finish();
  module.def("after_reboot", &after_reboot,
             "Whether the gate will be loaded after a reboot; None if unknown.");
}
