// What the Ansible modules use: JSON in, JSON out, as `knockwork call` speaks it.

#include "bind.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"

namespace py = pybind11;

namespace {

// Never throws for what the system or the user got wrong: that is an answer too.
std::string call(const std::string& request) {
  try {
    return knockwork::call(request, *knockwork::open_kernel());
  } catch (const std::exception& error) {
    return knockwork::to_json(error);
  }
}

}  // namespace

void bind_call(py::module_& module) { module.def("call", call, py::call_guard<py::gil_scoped_release>()); }
