// Catch2's one header, in 2.13 (Debian 12) and in 3.x (Debian 13).
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
inline auto containing(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
#include <catch2/catch.hpp>
inline auto containing(const std::string& text) { return Catch::Contains(text); }
#endif
