// Keys and knocks: the page's vectors, uniform draws, and what must hold of each sequence.
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include "catch.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"
#include "values/lan_ports.hpp"
#include "values/values.hpp"

using namespace knockwork;

namespace {

using Row = std::vector<std::string>;

std::string stripped(std::string text) {
  std::erase(text, '`');
  const std::size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, at);) {
    if (!stripped(part).empty()) parts.push_back(stripped(part));
  }
  return parts;
}

// The rows of the table under a heading of docs/derivation.md.
std::vector<Row> table(const std::string& heading) {
  std::ifstream page(KNOCKWORK_DOCS "/derivation.md");
  std::vector<Row> rows;
  bool here = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("#")) here = line == "## " + heading;
    if (!here || !line.starts_with("| `")) continue;
    Row row;
    std::istringstream cells(line.substr(1));
    for (std::string cell; std::getline(cells, cell, '|');) row.push_back(stripped(cell));
    rows.push_back(row);
  }
  return rows;
}

std::string bytes(const std::string& hex) {
  std::string text;
  for (std::size_t at = 0; at < hex.size(); at += 2)
    text += static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16));
  return text;
}

HostKey key(const std::string& hex) {
  HostKey::Bytes made{};
  const std::string text = bytes(hex);
  std::copy(text.begin(), text.end(), made.begin());
  return HostKey(made);
}

Derivation of_length(int length) {
  Derivation derivation;
  derivation.length = length;
  return derivation;
}

// The 99.9999 % quantile of chi-square (Wilson and Hilferty 1931): one run in a million would
// fail by chance, and the key is fixed.
double limit(double freedom) {
  const double z = 4.753, spread = 2 / (9 * freedom);
  return freedom * std::pow(1 - spread + z * std::sqrt(spread), 3);
}

double chi_square(const std::vector<std::uint32_t>& counts) {
  const double expected =
      std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
  double sum = 0;
  for (const std::uint32_t count : counts) sum += (count - expected) * (count - expected) / expected;
  return sum;
}

}  // namespace

TEST_CASE("derive: host keys are those of the page") {
  const auto rows = table("Test vectors: host keys");
  REQUIRE(rows.size() == 8);
  for (const Row& row : rows) {
    INFO(row[1]);
    CHECK(host_key(bytes(row[0]), row[1]) == key(row[2]));
  }
}

TEST_CASE("derive: knocks are those of the page") {
  const auto rows = table("Test vectors: knocks");
  REQUIRE(rows.size() == 10);
  for (const Row& row : rows) {
    INFO(row[1]);
    Derivation derivation = of_length(std::stoi(row[3]));
    derivation.protocols.clear();
    for (const std::string& word : split(row[4], ','))
      derivation.protocols.push_back(*spec::parse_protocol(word));
    derivation.ports = *spec::parse_range(row[5]);
    for (const std::string& range : split(row[6], ','))
      derivation.exclude.push_back(*spec::parse_range(range));
    std::vector<Knock> knocks;
    for (const std::string& knock : split(row[7], ',')) knocks.push_back(*spec::parse_knock(knock));
    CHECK(derive(key(row[0]), row[1], derivation, std::stoull(row[2])) == knocks);
  }
}

TEST_CASE("derive: every port and protocol is equally likely, over a million draws") {
  for (const bool both : {false, true}) {
    Derivation derivation = of_length(5);
    if (both) derivation.protocols = {Protocol::tcp, Protocol::udp};
    derivation.exclude = {{8080, 8080}, {6000, 6063}};
    const auto lan = std::count_if(kLanPorts.begin(), kLanPorts.end(), [](const LanPort& each) {
      return each.port >= 1024 && each.port <= 32767;
    });
    const std::size_t choices =
        (32767 - 1024 + 1 - 65 - static_cast<std::size_t>(lan)) * derivation.protocols.size();
    std::vector<std::vector<std::uint32_t>> by_step(5, std::vector<std::uint32_t>(65536 * 2));
    std::vector<std::uint32_t> all(65536 * 2), protocols(2);
    Deriver deriver(host_key("0123456789abcdef", "web1"), "ssh", derivation);
    for (Epoch epoch = 0; epoch < 200'000; ++epoch) {
      const std::vector<Knock> knocks = deriver.at(epoch);
      for (std::size_t step = 0; step < knocks.size(); ++step) {
        const std::size_t number = knocks[step].port * 2U + (knocks[step].protocol == Protocol::tcp ? 1 : 0);
        ++all[number];
        ++by_step[step][number / 512];  // coarse: a step alone has a fifth of the draws
        ++protocols[number % 2];
      }
    }
    std::vector<std::uint32_t> drawable;
    std::size_t outside = 0;
    for (std::size_t number = 0; number < all.size(); ++number) {
      const std::size_t port = number / 2;
      const bool allowed = port >= 1024 && port <= 32767 && port != 8080 && (port < 6000 || port > 6063) &&
                           !is_lan_port({Protocol::udp, static_cast<std::uint16_t>(port)}) &&
                           (both || number % 2 == 0);
      if (allowed) drawable.push_back(all[number]);
      if (!allowed) outside += all[number];
    }
    INFO(both);
    CHECK(outside == 0);
    REQUIRE(drawable.size() == choices);
    CHECK(chi_square(drawable) < limit(static_cast<double>(choices - 1)));
    CHECK(chi_square(drawable) > static_cast<double>(choices) / 2);  // nor too even to be chance
    if (both) CHECK(chi_square(protocols) < limit(1));
    for (const auto& counts : by_step) {
      const std::vector<std::uint32_t> whole(counts.begin() + 8, counts.begin() + 23);  // 2048 to 5887
      CHECK(chi_square(whole) < limit(14));
    }
  }
}

TEST_CASE("derive: no sequence has a port twice, in the smallest pool and the longest sequence") {
  Derivation derivation = of_length(32);
  derivation.ports = {10100, 10355};
  derivation.protocols = {Protocol::tcp, Protocol::udp};
  Deriver deriver(host_key("0123456789abcdef", "web1"), "ssh", derivation);
  for (Epoch epoch = 0; epoch < 2000; ++epoch) {
    std::set<std::uint16_t> ports;
    for (const Knock knock : deriver.at(epoch)) ports.insert(knock.port);
    CHECK(ports.size() == 32);
  }
}

TEST_CASE("derive: whatever goes in changes what comes out") {
  const Derivation five = of_length(5);
  Derivation six = of_length(6), both = five, ports = five, exclude = five;
  both.protocols = {Protocol::tcp, Protocol::udp};
  ports.ports.last = 32766;
  exclude.exclude = {{1024, 1024}};
  const HostKey web1 = host_key("0123456789abcdef", "web1");
  const std::vector<std::vector<Knock>> all{
      derive(web1, "ssh", five, 41),
      derive(web1, "ssh", five, 42),
      derive(web1, "ssh2", five, 41),
      derive(web1, "ssh", six, 41),
      derive(web1, "ssh", both, 41),
      derive(web1, "ssh", ports, 41),
      derive(web1, "ssh", exclude, 41),
      derive(host_key("0123456789abcdef", "web2"), "ssh", five, 41),
      derive(host_key("0123456789abcdeg", "web1"), "ssh", five, 41),
  };
  CHECK(std::set<std::vector<Knock>>(all.begin(), all.end()).size() == all.size());
  CHECK(derive(web1, "ssh", five, 41) == all.front());
  CHECK(host_key("0123456789abcdef", "WEB1.") == web1);
  CHECK_THROWS_AS(host_key("0123456789abcdef", "web 1"), SystemError);
}

TEST_CASE("derive: the pool is ports without exclude, as ranges with gaps") {
  Derivation derivation;
  const auto ranges = [&](PortRange ports, std::vector<PortRange> exclude) {
    derivation.ports = ports;
    derivation.exclude = std::move(exclude);
    std::string text;
    for (const PortRange range : pool(derivation)) text += to_string(range) + " ";
    return text;
  };
  CHECK(ranges({1024, 1899}, {}) == "1024-1899 ");
  CHECK(ranges({1024, 1847}, {{1, 1023}, {1848, 65535}}) == "1024-1847 ");
  CHECK(ranges({1024, 1847}, {{1000, 1100}, {1800, 3000}}) == "1101-1799 ");
  CHECK(ranges({1024, 1847}, {{1500, 1500}, {1100, 1200}, {1150, 1300}, {1301, 1302}}) ==
        "1024-1099 1303-1499 1501-1847 ");
  CHECK(ranges({57621, 65535}, {{65535, 65535}, {1, 1}}) == "57622-65534 ");
  CHECK(ranges({5, 9}, {{1, 65535}}).empty());
}

TEST_CASE("derive: nothing is drawn that hosts of a LAN send to by themselves") {
  CHECK(std::is_sorted(kLanPorts.begin(), kLanPorts.end(),
                       [](const LanPort& left, const LanPort& right) { return left.port < right.port; }));
  Derivation derivation;
  derivation.ports = {1, 65535};
  for (const PortRange range : pool(derivation)) {
    for (const LanPort& lan : kLanPorts) CHECK((lan.port < range.first || lan.port > range.last));
  }
}

TEST_CASE("derive: entropy is the logarithm of the number of sequences") {
  Derivation derivation = of_length(2);
  derivation.ports = {1, 4};
  CHECK(bits_of(choices(derivation)) == Approx(std::log2(4 * 3)));
  derivation.protocols = {Protocol::tcp, Protocol::udp};
  CHECK(bits_of(choices(derivation)) == Approx(std::log2(8 * 6)));
  CHECK(bits_of(choices(of_length(5))) == Approx(74.77).margin(0.01));
}
