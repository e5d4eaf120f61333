#include <fmt/format.h>

#include "host/files.hpp"
#include "knockwork/knockwork.hpp"
#include "knockwork/trust.hpp"
#include "yaml/parse.hpp"

namespace knockwork {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> all_drop_ins(const fs::path& file) {
  std::error_code error;
  std::vector<fs::path> files = drop_ins(file, error);
  if (!error) return files;
  throw SystemError(
      fmt::format("cannot read the directory {}: {}", drop_in_directory(file).string(), error.message()));
}

// A link that leads nowhere is a mistake, and not as if nothing were declared there.
std::optional<std::string> read_part(const fs::path& file) {
  auto text = read_file(file, spec::kLongestText);
  std::error_code error;
  if (!text && fs::is_symlink(fs::symlink_status(file, error))) {
    throw SystemError(fmt::format("{} is a symbolic link to a file that does not exist: correct or remove it",
                                  file.string()));
  }
  return text;
}

}  // namespace

void refuse_if_too_large(const std::string& text, const std::string& name) {
  if (text.size() > kLargestInput)
    throw SystemError(
        fmt::format("{} is larger than {} MiB: is this the right input?", name, kLargestInput >> 20));
}

std::vector<Source> read_declaration(const fs::path& file) {
  refuse_untrusted(judge_declaration(file));
  return read_any_declaration(file);
}

std::string read_packets(const fs::path& file) {
  auto text = read_file(file, kLargestInput);
  if (!text) throw SystemError(fmt::format("the file {} does not exist", file.string()));
  refuse_if_too_large(*text, file.string());
  return std::move(*text);
}

std::vector<Source> read_any_declaration(const fs::path& file) {
  const std::vector<fs::path> parts = all_drop_ins(file);
  std::optional<std::string> text = read_part(file);
  // Drop-ins do without the main file of a host, but not without one that somebody names.
  if (!text && (parts.empty() || file != kDefaultDeclaration)) {
    throw SystemError(fmt::format(
        "the declaration {} does not exist: write one (the smallest is `knockwork: 1`), or name another file",
        file.string()));
  }
  std::vector<Source> sources{
      {Source::Kind::declaration, file.string(), text ? std::move(*text) : "knockwork: 1\n"}};
  for (const fs::path& part : parts) {
    if (auto declared = read_part(part))  // else it was removed meanwhile
      sources.push_back({Source::Kind::drop_in, part.string(), std::move(*declared)});
  }
  return sources;
}

std::vector<Source> read_what_can_be_read(const fs::path& file) {
  std::vector<Source> sources;
  const auto add = [&](Source::Kind kind, const fs::path& part) {
    try {
      // What others may write may open more than it shuts.
      if (!judge_file(part).faults.empty()) return;
      if (auto text = read_part(part)) sources.push_back({kind, part.string(), std::move(*text)});
    } catch (const SystemError&) {  // told already: that is why only a part is asked for
    }
  };
  add(Source::Kind::declaration, file);
  try {
    for (const fs::path& part : all_drop_ins(file)) add(Source::Kind::drop_in, part);
  } catch (const SystemError&) {
    return sources;
  }
  return sources;
}

bool is_declared(const fs::path& file) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(file, error))) return true;
  try {
    return !all_drop_ins(file).empty();
  } catch (const SystemError&) {
    return false;
  }
}

}  // namespace knockwork
