// apply() for those who hold the lock already, because more than the table changes.
#pragma once

#include "facade/lock.hpp"
#include "knockwork/knockwork.hpp"

namespace knockwork {

Report apply(const Spec& spec, const Lock& lock, Kernel& kernel, const Settings& settings);

}  // namespace knockwork
