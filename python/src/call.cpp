// What the Ansible modules use: JSON in, JSON out, as `knockwork call` speaks it.

#include "bind.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"

namespace py = pybind11;

namespace {

std::string call(const std::string& request) { return knockwork::call(request, *knockwork::open_kernel()); }

}  // namespace

void bind_call(py::module_& module) { module.def("call", call, py::call_guard<py::gil_scoped_release>()); }
