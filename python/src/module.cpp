#include "bind.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "The C++ core of knockwork; use the package `knockwork`.";
  bind_diagnostic(module);
  bind_spec(module);
  bind_derive(module);
  bind_report(module);
  bind_status(module);
  bind_facade(module);
  bind_call(module);
  bind_client(module);
}
