#include "unchanged/this_build.hpp"

#include <elf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <link.h>

#include <cstdint>
#include <cstring>

namespace knockwork {
namespace {

constexpr std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// The id in a segment of notes (elf(5)).
std::string id_among(const unsigned char* notes, std::size_t size) {
  ElfW(Nhdr) head;
  for (std::size_t at = 0; at + sizeof head <= size;) {
    std::memcpy(&head, notes + at, sizeof head);
    const unsigned char* name = notes + at + sizeof head;
    const unsigned char* value = name + padded(head.n_namesz);
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
      return fmt::format("{:02x}", fmt::join(value, value + head.n_descsz, ""));
    at += sizeof head + padded(head.n_namesz) + padded(head.n_descsz);
  }
  return {};
}

// A callback of dl_iterate_phdr(3): of the object that holds this very function.
int look(dl_phdr_info* info, std::size_t, void* id) {
  const auto here = reinterpret_cast<std::uintptr_t>(&id_among);
  bool ours = false;
  for (int number = 0; number < info->dlpi_phnum; ++number) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[number];
    const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
    ours = ours || (segment.p_type == PT_LOAD && here >= begin && here - begin < segment.p_memsz);
  }
  if (!ours) return 0;
  std::string& found = *static_cast<std::string*>(id);
  for (int number = 0; number < info->dlpi_phnum && found.empty(); ++number) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[number];
    if (segment.p_type != PT_NOTE) continue;
    const ElfW(Addr) address = info->dlpi_addr + segment.p_vaddr;      // the loader gives no pointer
    found = id_among(reinterpret_cast<const unsigned char*>(address),  // NOLINT(performance-no-int-to-ptr)
                     segment.p_filesz);
  }
  return 1;
}

}  // namespace

std::string this_build() {
  std::string id;
  dl_iterate_phdr(look, &id);
  return id;
}

}  // namespace knockwork
