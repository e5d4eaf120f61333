// Any bytes as a file of secrets: refused without a word of what stands in it, or read, and then what is
// written of it reads back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace knockwork;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const Secrets read = Secrets::parse(text, "fuzz");
    std::string again;
    for (const Secrets::Line& line : read.lines()) again += secret_line(line);
    const auto same = [](const Secrets::Line& one, const Secrets::Line& other) {
      return one.from == other.from && one.host == other.host && one.bytes == other.bytes;
    };
    const Secrets reread = Secrets::parse(again, "fuzz");
    if (!std::ranges::equal(reread.lines(), read.lines(), same)) std::abort();
    read.key("web1", 42);
  } catch (const SystemError& refused) {
    constexpr std::size_t kTelling = 16;  // characters of a secret
    const std::string_view said = refused.what();
    for (std::size_t at = 0; at + kTelling <= text.size(); ++at) {
      const std::string_view part = text.substr(at, kTelling);
      if (said.find(part) != std::string_view::npos && part.find_first_of("+/=") != std::string_view::npos)
        std::abort();
    }
  }
  return 0;
}
