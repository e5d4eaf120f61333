// The keys that a rotation brings: whether this host may take them, and their file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "knockwork/rotation.hpp"

namespace knockwork {

// Throws SystemError where they would change knocks or tokens that are accepted now, or where this host's
// sequences read other files. `spec` has its epochs from the record, `there` is what the file holds now.
// Returns what there is to say.
std::vector<std::string> check_new_keys(const Spec& spec, const Rotation::Keys& keys,
                                        const std::optional<std::string>& there);

// The keys in their file, and as they were before unless they are kept.
class NewKeys {
 public:
  NewKeys(const Rotation::Keys& keys, std::optional<std::string> there);
  NewKeys(const NewKeys&) = delete;
  NewKeys& operator=(const NewKeys&) = delete;
  ~NewKeys();
  void keep() { kept_ = true; }

 private:
  std::filesystem::path file_;
  std::optional<std::string> there_;
  bool kept_ = false;
};

}  // namespace knockwork
