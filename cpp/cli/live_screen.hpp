// A screen that is drawn again and again, until somebody has seen enough.
#pragma once

#include <chrono>
#include <functional>
#include <string>

// Draws what `text` says, at once and then each second, on a screen of its own; ends with Ctrl-C, q or a
// signal that asks for it. The terminal is then as it was, also where `text` throws. Throws
// knockwork::SystemError where standard output is no terminal.
void show_live(const std::function<std::string()>& text);
