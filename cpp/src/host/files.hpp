// Files of state: written whole or not at all, readable by root alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "knockwork/diagnostic.hpp"

namespace knockwork {

inline constexpr const char* kStateDirectory = "/var/lib/knockwork";
inline constexpr const char* kRunDirectory = "/run/knockwork";

// Where the drop-ins of a declaration are: next to it.
std::filesystem::path drop_in_directory(const std::filesystem::path& declaration);

// Its drop-ins, sorted: `*.yml`, but no hidden files. `error` is why there are not more; none where the
// directory is missing.
std::vector<std::filesystem::path> drop_ins(const std::filesystem::path& declaration, std::error_code& error);

// What an error of these functions says where something else was changed before.
std::string after_a_change(const SystemError& error);

// The whole file, or of a larger one a little more than `most` bytes; nothing where there is none. Throws
// SystemError.
std::optional<std::string> read_file(const std::filesystem::path& path, std::size_t most = SIZE_MAX);

// No more than its first bytes.
std::optional<std::string> read_beginning(const std::filesystem::path& path, std::size_t bytes);

// The same of a file that holds a secret: refused where it is not the reader's or root's, or
// where others may read or write it.
std::optional<std::string> read_private_file(const std::filesystem::path& path);

// By a new file beside it of a name that nobody can guess, synced and renamed; mode 0600. Makes
// the directory (0700) where it is missing. Throws SystemError, leaving the old file.
void write_file(const std::filesystem::path& path, std::string_view text);

// The same for a file that decides who comes in: refused in a folder where others could replace it.
enum class IfThere { replace, refuse };
void write_secret_file(const std::filesystem::path& path, std::string_view text, IfThere if_there);

// What somebody who was killed has left in it half written. Where that cannot be removed, it stays.
void remove_leftovers(const std::filesystem::path& directory);

// Both last, through a crash as well. Throw SystemError; a missing file is removed already.
void remove_file(const std::filesystem::path& path);
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);
// The same for a file that is not there yet, with all its directories; one that is there stays.
// Throws SystemError.
void create_file(const std::filesystem::path& path, std::string_view text);

}  // namespace knockwork
