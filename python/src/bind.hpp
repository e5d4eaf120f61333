// What each file adds to the module `knockwork._core`.
//
// The binding converts values and calls the façade; it decides nothing. The
// public functions, with their docstrings, are Python's (knockwork/_api.py).
#pragma once

#include <pybind11/pybind11.h>

void bind_call(pybind11::module_& module);
void bind_client(pybind11::module_& module);
void bind_derive(pybind11::module_& module);
void bind_diagnostic(pybind11::module_& module);
void bind_facade(pybind11::module_& module);
void bind_report(pybind11::module_& module);
void bind_spec(pybind11::module_& module);
void bind_status(pybind11::module_& module);
