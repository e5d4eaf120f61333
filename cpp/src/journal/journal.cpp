#include "journal/journal.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace knockwork::journal {
namespace {

constexpr std::string_view kSocket = "/run/systemd/journal/socket";

// Eight bytes, the lowest first.
void append_length(std::string& text, std::uint64_t length) {
  for (int byte = 0; byte < 8; ++byte) text += static_cast<char>(length >> (8 * byte) & 0xff);
}

void append(std::string& text, const Field& field) {
  text += field.name;
  if (field.value.find('\n') == std::string::npos) {
    text += '=';
  } else {
    text += '\n';
    append_length(text, field.value.size());
  }
  text += field.value;
  text += '\n';
}

sockaddr_un address() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(kSocket.begin(), kSocket.end(), std::begin(address.sun_path));
  return address;
}

}  // namespace

std::string datagram(const std::vector<Field>& fields) {
  std::string text;
  for (const Field& field : fields) append(text, field);
  return text;
}

Sent send(Priority priority, const std::string& message, std::vector<Field> fields) {
  std::vector<Field> all{{"MESSAGE", message},
                         {"PRIORITY", std::to_string(static_cast<int>(priority))},
                         {"SYSLOG_IDENTIFIER", "knockwork"}};
  all.insert(all.end(), std::make_move_iterator(fields.begin()), std::make_move_iterator(fields.end()));
  const std::string text = datagram(all);
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return Sent::no;
  const timeval patience{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const sockaddr_un to = address();
  const auto sent = ::sendto(socket, text.data(), text.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&to), sizeof to);
  const bool nobody = sent < 0 && (errno == ENOENT || errno == ECONNREFUSED);
  ::close(socket);
  return sent == static_cast<ssize_t>(text.size()) ? Sent::yes : nobody ? Sent::nobody_listens : Sent::no;
}

}  // namespace knockwork::journal
