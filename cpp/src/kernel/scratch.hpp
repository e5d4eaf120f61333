// A network namespace that ends with the question it was made for.
#pragma once

#include <functional>

namespace knockwork {

// Runs `work` in a namespace of its own, in which nothing is but `lo`. False where none can be had, as
// in a container without CAP_SYS_ADMIN; what `work` throws is thrown on.
bool in_scratch_namespace(const std::function<void()>& work);

}  // namespace knockwork
