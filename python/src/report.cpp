#include <pybind11/stl.h>

#include "bind.hpp"
#include "knockwork/knockwork.hpp"
#include "value.hpp"

namespace kw = knockwork;

namespace {

const char* word(kw::Change::Kind kind) {
  switch (kind) {
    case kw::Change::Kind::add:
      return "add";
    case kw::Change::Kind::change:
      return "change";
    case kw::Change::Kind::remove:
      break;
  }
  return "remove";
}

}  // namespace

void bind_report(py::module_& module) {
  using C = kw::Change;
  Value<C>(module, "Change", "One change to the kernel, and the reason for it.")
      .shown("kind", [](const C& c) { return word(c.kind); })
      .shown("object", [](const C& c) { return c.object; })
      .shown("name", [](const C& c) { return c.name; })
      .shown("before", [](const C& c) { return c.before; })
      .shown("after", [](const C& c) { return c.after; })
      .shown("why", [](const C& c) { return c.why; })
      .finish();
  using W = kw::Waiting;
  Value<W>(module, "Waiting", "An apply that is rolled back unless it is confirmed.")
      .shown("id", [](const W& w) { return w.id; })
      .shown("remaining", [](const W& w) { return w.remaining; })
      .finish();
  using R = kw::Report;
  Value<R>(module, "Report", "What was changed or, with check, what would change.")
      .shown("changed", [](const R& r) { return r.changed; })
      .shown("changes", [](const R& r) { return to_tuple(r.changes); })
      .shown("warnings", [](const R& r) { return to_tuple(r.warnings); })
      .shown("pending", [](const R& r) { return r.pending; })
      .finish();
}
