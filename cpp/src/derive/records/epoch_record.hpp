// Writing the record of epochs; reading it is knockwork/rotation.hpp's.
#pragma once

#include "knockwork/rotation.hpp"

namespace knockwork {

// Throws SystemError, leaving the old record.
void write_epoch_record(const EpochRecord& record);

}  // namespace knockwork
