#include "machine/trace.hpp"

#include "knockwork/knockwork.hpp"

namespace knockwork {

std::string trace(const Spec& spec, std::string_view script, std::string_view name) {
  return trace(compile(spec), script, name);
}

std::string trace_json(const Spec& spec, std::string_view script, std::string_view name) {
  return trace_json(compile(spec), script, name);
}

}  // namespace knockwork
