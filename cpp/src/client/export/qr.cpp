// The text reaches qrencode on its standard input: an argument would be in the process list.
#include <fmt/format.h>

#include "knockwork/diagnostic.hpp"
#include "knockwork/export.hpp"
#include "process/run.hpp"

namespace knockwork {
namespace {

constexpr std::size_t kMostBytes = 2953;  // of version 40 with error correction L: ISO/IEC 18004, table 7

}  // namespace

std::string qr_code(std::string_view text) {
  if (text.size() > kMostBytes) {
    throw SystemError(
        fmt::format("a QR code holds {} bytes, and this is {}: export one sequence with --for NAME",
                    kMostBytes, text.size()));
  }
  try {
    return output_of({"qrencode", "--type=UTF8", "--level=L", "--8bit"}, text);
  } catch (const SystemError& error) {
    throw SystemError(fmt::format("{}; a QR code needs it: `sudo apt install qrencode`", error.what()));
  }
}

}  // namespace knockwork
