// The façade's functions, each on the kernel of the calling thread's network
// namespace, with the GIL released: the core touches no Python object.

#include <pybind11/chrono.h>
#include <pybind11/stl.h>

#include "bind.hpp"
#include "knockwork/kernel.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/trust.hpp"

namespace py = pybind11;
namespace kw = knockwork;

namespace {

kw::Settings settings(std::chrono::milliseconds lock_timeout = kw::Settings().lock_timeout) {
  kw::Settings settings;
  settings.lock_timeout = lock_timeout;
  settings.ssh_connection = kw::operator_connection();
  return settings;
}

kw::Execution execution(bool check) { return check ? kw::Execution::check : kw::Execution::apply; }

kw::Spec load(const std::string& text, const std::string& name) {
  return kw::load({{kw::Source::Kind::declaration, name, text}});
}

kw::Spec read_files(const std::string& path) {
  const kw::Trust trust = kw::judge_declaration(path);
  kw::refuse_untrusted(trust);
  for (const std::string& warning : trust.warnings) {
    const py::gil_scoped_acquire gil;
    if (PyErr_WarnEx(PyExc_UserWarning, warning.c_str(), 1) != 0) throw py::error_already_set();
  }
  return kw::load(kw::read_any_declaration(path));
}

kw::Absent absent(bool allowed) { return allowed ? kw::Absent::allowed : kw::Absent::refused; }

kw::Report plan(const kw::Spec& spec, bool allow_absent) {
  kw::Settings wanted = settings();
  wanted.absent = absent(allow_absent);
  return kw::plan(spec, *kw::open_kernel(), wanted);
}

kw::Report apply(const kw::Spec& spec, bool check, std::chrono::milliseconds lock_timeout,
                 const std::string& confirm_within, bool revoke_retired, bool allow_absent) {
  kw::Settings wanted = settings(lock_timeout);
  wanted.absent = absent(allow_absent);
  if (revoke_retired) wanted.retired = kw::Retired::revoked;
  if (!confirm_within.empty())
    wanted.confirm_within = kw::parse_confirm_within(confirm_within, "confirm_within");
  return kw::apply(spec, execution(check), *kw::open_kernel(), wanted);
}

std::string confirm(const std::string& id, bool fresh, std::chrono::milliseconds lock_timeout) {
  const kw::Proof proof = fresh ? kw::Proof::fresh : kw::Proof::none;
  return kw::confirm(id, proof, *kw::open_kernel(), settings(lock_timeout));
}

kw::Report rollback(const std::string& id, std::chrono::milliseconds lock_timeout) {
  return kw::rollback(id, *kw::open_kernel(), settings(lock_timeout));
}

kw::Report grant(const std::string& address, const std::string& sequence,
                 std::optional<std::chrono::milliseconds> time, bool check,
                 std::chrono::milliseconds lock_timeout) {
  return kw::grant(address, sequence, time, execution(check), *kw::open_kernel(), settings(lock_timeout));
}

kw::Report take_back(const std::string& sequence, const std::string& source, bool check,
                     std::chrono::milliseconds lock_timeout) {
  return kw::revoke({sequence, source}, execution(check), *kw::open_kernel(), settings(lock_timeout));
}

kw::Report remove_table(bool check, std::chrono::milliseconds lock_timeout) {
  return kw::remove(execution(check), *kw::open_kernel(), settings(lock_timeout));
}

kw::Status status() { return kw::status(*kw::open_kernel(), {}); }

}  // namespace

void bind_facade(py::module_& module) {
  using NoGil = py::call_guard<py::gil_scoped_release>;
  module.attr("__version__") = kw::version();
  module.attr("DEFAULT_DECLARATION") = kw::kDefaultDeclaration;
  module.def("load", load, NoGil());
  module.def("read", read_files, NoGil());
  module.def("render", kw::render, NoGil());
  module.def("schema", kw::json_schema, NoGil());
  module.def("keys_json", kw::keys_json, NoGil());  // Ansible repeats them as options
  module.def("plan", plan, NoGil());
  module.def("apply", apply, NoGil());
  module.def("confirm", confirm, NoGil());
  module.def("rollback", rollback, NoGil());
  module.def("grant", grant, NoGil());
  module.def("revoke", take_back, NoGil());
  module.def("remove", remove_table, NoGil());
  module.def("status", status, NoGil());
}
