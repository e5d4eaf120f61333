// Work in a process of its own: what ends that process ends nothing else.
#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace knockwork {

// What `read` returns. Throws SystemError where it fails, ends its process, or takes longer.
std::string apart(const std::function<std::string()>& read, std::chrono::milliseconds longest);

}  // namespace knockwork
