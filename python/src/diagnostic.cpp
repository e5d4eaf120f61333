// Diagnostics as data, and what the core throws as Python's exceptions.

#include "knockwork/diagnostic.hpp"

#include "bind.hpp"
#include "value.hpp"

namespace kw = knockwork;

namespace {

// The exceptions are Python classes (knockwork/_errors.py); the imported one is looked up when it is needed.
void raise(const char* type, const py::object& argument) {
  const py::object cls = py::module_::import("knockwork._errors").attr(type);
  PyErr_SetObject(cls.ptr(), cls(argument).ptr());
}

void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const kw::InvalidDeclaration& fault) {
    raise("InvalidDeclaration", to_tuple(fault.diagnostics()));
  } catch (const kw::SystemError& fault) {
    raise("KnockworkError", py::str(fault.what()));
  }
}

}  // namespace

void bind_diagnostic(py::module_& module) {
  using D = kw::Diagnostic;
  Value<D>(module, "Diagnostic", "One error in a declaration: where it is, what is wrong, what to do.")
      .shown("file", [](const D& d) { return d.file; })
      .shown("line", [](const D& d) { return d.line; })
      .shown("column", [](const D& d) { return d.column; })
      .shown("width", [](const D& d) { return d.width; })
      .shown("path", [](const D& d) { return d.path; })
      .shown("message", [](const D& d) { return d.message; })
      .shown("remedy", [](const D& d) { return d.remedy; })
      .finish();
  // Without the source line: it may hold ports, and tracebacks end up in logs.
  py::register_exception_translator(translate);
}
