#include "knockwork/export.hpp"

namespace knockwork {

ProfileHost export_written(const Spec& spec, const std::string& host, const std::string& address) {
  ProfileHost all = export_host(spec, host, address);
  for (Sequence& sequence : all.sequences) {
    sequence = export_for(spec, sequence.name, host, address).sequences.front();
  }
  return all;
}

}  // namespace knockwork
