// A place where a fuzzer of the façade may do what the façade does: no network, nothing to write to but
// the folders of the state, which are its own, empty, and gone when it ends.
#pragma once

#include <filesystem>

namespace knockwork {

// Once, before anything else; `findings`, where there is such a folder, stays writable. False where
// namespaces are denied: then nothing but checks may be asked for.
bool confine(const std::filesystem::path& findings);

// As if this host had never seen knockwork.
void forget();

}  // namespace knockwork
