// Entries of systemd's journal, by its native protocol: systemd.journal-fields(7) and
// https://systemd.io/JOURNAL_NATIVE_PROTOCOL.
#pragma once

#include <string>
#include <vector>

namespace knockwork::journal {

enum class Priority { warning = 4, notice = 5, info = 6 };  // as syslog(3) has them

struct Field {
  std::string name;  // capital letters, digits and `_`
  std::string value;
  bool operator==(const Field&) const = default;
};

// The entry as one datagram. Pure.
std::string datagram(const std::vector<Field>& fields);

enum class Sent { yes, nobody_listens, no };

// With MESSAGE, PRIORITY and SYSLOG_IDENTIFIER=knockwork before the fields. Waits for a second where the
// journal is busy.
Sent send(Priority priority, const std::string& message, std::vector<Field> fields);

}  // namespace knockwork::journal
