// What clients of a host need in other forms than a profile, and the host's sequences for Debian's knockd.
//
// All of it holds ports, and of tokens the key.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "knockwork/client.hpp"
#include "knockwork/spec.hpp"

namespace knockwork {

struct Exported {
  std::string text;
  std::vector<std::string> warnings;  // what the form cannot say
};

// Every sequence as export_for() has it: knocks written down, keys of their own. Throws SystemError.
ProfileHost export_written(const Spec& spec, const std::string& host, const std::string& address);

// Of sequences that are written down. Throw SystemError where nothing can be said in that form.
Exported export_knockd(const Spec& spec, const ProfileHost& host);  // knockd.conf for this host: knockd(1)
Exported export_shell(const ProfileHost& host);       // a script for sh, nc and with tokens openssl
Exported export_ssh_config(const ProfileHost& host);  // a stanza that knocks by `knockwork connect`

// For a terminal and a phone's camera, by qrencode(1). Throws SystemError where that is missing, or where the
// text is too long.
std::string qr_code(std::string_view text);

}  // namespace knockwork
