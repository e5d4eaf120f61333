// A frozen Python value over a C++ struct: read-only properties, equality, a
// hash, and a repr in which secret fields show only how much they hold.
#pragma once

#include <pybind11/chrono.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace py = pybind11;

// A tuple of `convert` applied to every item: lists would invite changes that reach nobody.
template <class Items, class Convert>
py::tuple to_tuple(const Items& items, Convert convert) {
  py::tuple result(items.size());
  std::size_t place = 0;
  for (const auto& item : items) result[place++] = convert(item);
  return result;
}

template <class Items>
py::tuple to_tuple(const Items& items) {
  return to_tuple(items, [](const auto& item) { return py::cast(item); });
}

template <class Struct>
class Value {
 public:
  Value(py::module_& module, const char* name, const char* doc) : name_(name), class_(module, name, doc) {
    class_.attr("__module__") = "knockwork";
  }

  template <class Get>
  Value& shown(const char* name, Get get) {
    return field(name, get, false);
  }

  // Left out of the repr: it holds ports.
  template <class Get>
  Value& hidden(const char* name, Get get) {
    return field(name, get, true);
  }

  // To be called last: what depends on all the fields.
  void finish() {
    const auto fields = std::make_shared<const std::vector<Field>>(fields_);
    class_.def("__repr__",
               [fields, name = name_](const py::object& self) { return repr(self, name, *fields); });
    class_.def("__hash__", [fields](const py::object& self) { return py::hash(values(self, *fields)); });
    class_.def("__eq__", [fields](const py::object& self, const py::object& other) -> py::object {
      if (!py::isinstance<Struct>(other)) return py::reinterpret_borrow<py::object>(Py_NotImplemented);
      return py::bool_(values(self, *fields).equal(values(other, *fields)));
    });
  }

 private:
  struct Field {
    std::string name;
    bool hidden = false;
  };

  template <class Get>
  Value& field(const char* name, Get get, bool hidden) {
    class_.def_property_readonly(name, get);
    fields_.push_back({name, hidden});
    return *this;
  }

  static py::tuple values(const py::object& self, const std::vector<Field>& fields) {
    return to_tuple(fields, [&](const Field& field) -> py::object { return self.attr(field.name.c_str()); });
  }

  static std::string repr(const py::object& self, const std::string& name, const std::vector<Field>& fields) {
    std::string text;
    for (const Field& field : fields) {
      const py::object value = self.attr(field.name.c_str());
      text += (text.empty() ? "" : ", ") + field.name + "=" +
              (field.hidden ? secret(value) : std::string(py::repr(value)));
    }
    return name + "(" + text + ")";
  }

  static std::string secret(const py::object& value) {
    return py::isinstance<py::tuple>(value) ? "<" + std::to_string(py::len(value)) + " hidden>" : "<hidden>";
  }

  std::string name_;
  py::class_<Struct> class_;
  std::vector<Field> fields_;
};
