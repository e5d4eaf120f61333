#include "kernel/netlink/flowtables.hpp"

namespace knockwork {
namespace {

// "inet filter" of "table inet filter {"; empty where the line does not begin so.
std::string_view named(std::string_view line, std::string_view kind) {
  constexpr std::string_view kEnd = " {";
  if (!line.starts_with(kind) || line.size() < kind.size() + kEnd.size()) return {};
  line.remove_prefix(kind.size());
  const std::size_t end = line.rfind(kEnd);  // a comment may follow: "{ # handle 3"
  return end == std::string_view::npos ? std::string_view() : line.substr(0, end);
}

}  // namespace

std::vector<Flowtable> parse_flowtables(std::string_view listing) {
  std::vector<Flowtable> flowtables;
  std::string table;
  while (!listing.empty()) {
    const std::size_t end = std::min(listing.find('\n'), listing.size());
    const std::string_view line = listing.substr(0, end);
    listing.remove_prefix(std::min(end + 1, listing.size()));
    if (const std::string_view name = named(line, "table "); !name.empty()) table = name;
    if (const std::string_view name = named(line, "\tflowtable "); !name.empty())
      flowtables.push_back({table, std::string(name)});
  }
  return flowtables;
}

}  // namespace knockwork
