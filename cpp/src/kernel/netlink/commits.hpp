// What others commit to nftables, read from the kernel's notifications.
#pragma once

#include <cstddef>
#include <span>

namespace knockwork {

// Whether a notification is about our table or something in it. Pure.
bool is_about_ours(std::span<const std::byte> message);

}  // namespace knockwork
