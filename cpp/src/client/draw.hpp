#pragma once

#include <string>
#include <vector>

#include "knockwork/client.hpp"

namespace knockwork {

// The knocks of a sequence of `host`; of a derived one those of the epoch in force, then its
// neighbours'. Throws SystemError where the secret cannot be had.
std::vector<std::vector<Knock>> knocks_by_epoch(const Sequence& sequence, const std::string& host);

// How the tokens of such a sequence of `host` are drawn. Throws SystemError where the secret cannot be had.
TokenSource token_source(const Sequence& sequence, const std::string& host);

}  // namespace knockwork
