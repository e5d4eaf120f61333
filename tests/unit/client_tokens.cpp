// Which tokens the client sends, when, and what it remembers of them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "catch.hpp"
#include "client/tokens/memory.hpp"
#include "fake_wire.hpp"
#include "knockwork/diagnostic.hpp"

namespace {

using namespace knockwork;
namespace fs = std::filesystem;

constexpr Service kSsh{Protocol::tcp, 22, 22};
constexpr Window kNow = 120'000'000;  // of FakeWire's clock
constexpr Window kDay = 5760;
const Duration kPeriod = Duration::milliseconds(15'000);

// A directory that goes with its owner.
class Folder {
 public:
  Folder() {
    std::string name = "/tmp/knockwork-unit.XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path file() const { return path_ / "state/knockwork/tokens"; }

 private:
  fs::path path_;
};

std::shared_ptr<TokenMemory> memory(const fs::path& file = {}) {
  return std::make_shared<TokenMemory>("abc", kPeriod, file);
}

// "+1/2.": of the next window, after two losses.
TokenBytes readable(Window window, Losses losses) {
  std::string text = fmt::format("{:+}/{}", static_cast<std::int64_t>(window - kNow), losses);
  text.resize(16, '.');
  TokenBytes token{};
  std::copy(text.begin(), text.end(), token.begin());
  return token;
}

KnockTarget target(std::shared_ptr<TokenMemory> remembered = memory()) {
  KnockTarget target;
  target.host = target.address = "web1";
  target.sequence = "ssh";
  target.token = {{Protocol::udp, 41873}, kPeriod, TokenKey({}), readable, std::move(remembered)};
  return target;
}

Knocking at_most(int retries) {
  Knocking how;
  how.retries = retries;
  return how;
}

// The host has it, and it opens for whoever sent it.
auto with(const FakeWire& wire, std::string token) {
  return [&wire, token = std::move(token)](const Destination&) {
    return std::find(wire.tokens.begin(), wire.tokens.end(), token) != wire.tokens.end();
  };
}

}  // namespace

TEST_CASE("tokens: one packet opens, and the connection is tried at once") {
  FakeWire wire;
  wire.opens = with(wire, "+0/0");
  const Connected connected = connect(target(), kSsh, Knocking(), wire);
  CHECK(wire.log ==
        Lines{"resolve web1", "0: 192.0.2.1 ← 41873 +0/0", "0: 192.0.2.1 ← connect 22: open", "0: kept"});
  CHECK(connected.knocked.outcome == Knocked::Outcome::open);
  CHECK(connected.knocked.rounds == 1);
  CHECK(to_text(connected.knocked) == "web1 (192.0.2.1): open\n");
}

TEST_CASE("tokens: a proof keeps nothing, and without one a single token goes") {
  FakeWire wire;
  wire.opens = with(wire, "+0/0");
  knock_open(target(), kSsh, Knocking(), wire);
  CHECK(wire.log.back() == "0: 192.0.2.1 ← connect 22: open");
  FakeWire other;
  CHECK(knock(target(), Knocking(), other).outcome == Knocked::Outcome::sent);
  CHECK(other.tokens == Lines{"+0/0"});
}

TEST_CASE("tokens: behind a token are 0 to 496 bytes") {
  FakeWire wire;
  knock(target(), Knocking(), wire);
  CHECK(wire.sizes == std::vector<std::size_t>{512});  // the fake's random() gives the most
  class Least : public FakeWire {
   public:
    milliseconds random(milliseconds) override { return {}; }
  } least;
  knock(target(), Knocking(), least);
  CHECK(least.sizes == std::vector<std::size_t>{16});
}

TEST_CASE("tokens: the connection is tried again before the next token, whether it is refused or silent") {
  for (const Answer closed : {Answer::refused, Answer::silent}) {
    FakeWire wire;
    wire.closed = closed;
    wire.opens = [&](const Destination&) { return wire.now() >= milliseconds(100); };
    CHECK(knock_open(target(), kSsh, Knocking(), wire).rounds == 1);
    CHECK(wire.begun == 6);  // 0, 1, 3, 10, 30, 100 ms
    CHECK(wire.now() == milliseconds(100));
  }
}

TEST_CASE("tokens: on a long way no connection waits for the one before it") {
  FakeWire wire;
  wire.round_trip = milliseconds(200);
  wire.opens = [&](const Destination&) { return wire.now() >= milliseconds(3); };
  CHECK(knock_open(target(), kSsh, Knocking(), wire).rounds == 1);
  CHECK(wire.now() == milliseconds(203));
}

TEST_CASE("tokens: an answer that comes during the next round is heard") {
  FakeWire wire;
  wire.round_trip = milliseconds(900);
  wire.closed = Answer::silent;
  wire.opens = with(wire, "+0/0");
  CHECK(knock_open(target(), kSsh, Knocking(), wire).outcome == Knocked::Outcome::open);
  CHECK(wire.now() == milliseconds(900));
  CHECK(wire.tokens == Lines{"+0/0", "+0/0", "+1/0"});
}

TEST_CASE("tokens: the next window with the old token, then the losses, then both further") {
  FakeWire wire;
  const Knocked knocked = knock_open(target(), kSsh, at_most(12), wire);
  CHECK(wire.tokens == Lines{"+0/0", "+0/0", "+1/0", "+1/1", "+1/2", "+1/3", "+0/0", "+2/0", "+2/4", "+0/0",
                             "+4/0", "+4/5", "+0/0", "+8/0", "+8/6", "+0/0", "+16/0", "+16/7"});
  CHECK(knocked.outcome == Knocked::Outcome::refused);
  CHECK(
      knocked.message ==
      "22/tcp of web1 (192.0.2.1) is still closed after 13 tokens: the clocks of both hosts probably differ; "
      "otherwise UDP does not reach it, no unused token is currently valid (wait a few minutes), the key or the "
      "sequence was replaced, `from` excludes this address, or the service is not listening");
}

TEST_CASE("tokens: five packets are enough after three losses, and then one") {
  const auto remembered = memory();
  FakeWire wire;
  wire.opens = with(wire, "+1/3");
  CHECK(knock_open(target(remembered), kSsh, at_most(4), wire).outcome == Knocked::Outcome::open);
  CHECK(wire.now() < milliseconds(1500));
  FakeWire again;
  again.opens = with(again, "+2/3");
  CHECK(knock_open(target(remembered), kSsh, at_most(0), again).outcome == Knocked::Outcome::open);
  FakeWire tomorrow;  // a day has its own losses
  tomorrow.began += std::chrono::hours(24);
  tomorrow.opens = with(tomorrow, "+5760/0");
  CHECK(knock_open(target(remembered), kSsh, at_most(0), tomorrow).outcome == Knocked::Outcome::open);
}

TEST_CASE("tokens: the first one opens while the clocks differ by what the host allows") {
  using std::chrono::minutes;
  for (const auto& [off, rounds] :
       {std::pair{minutes(-2), 1}, {minutes(-3), 0}, {minutes(5), 1}, {minutes(11), 0}}) {
    FakeWire wire;
    wire.began += off;
    // The tokens of 2 minutes ago to 10 minutes from now.
    wire.opens = [&](const Destination&) {
      return std::any_of(wire.tokens.begin(), wire.tokens.end(), [](const std::string& token) {
        const int window = std::stoi(token);
        return token.ends_with("/0") && window >= -8 && window <= 40;
      });
    };
    const Knocked knocked = knock_open(target(), kSsh, at_most(4), wire);
    CHECK((knocked.outcome == Knocked::Outcome::open ? knocked.rounds : 0) == rounds);
  }
}

TEST_CASE("tokens: losses that are remembered wrongly are fewer soon") {
  const auto remembered = memory();
  remembered->take(kNow);
  remembered->opened(kNow, 2);
  FakeWire wire;
  knock_open(target(remembered), kSsh, at_most(8), wire);
  CHECK(wire.tokens == Lines{"+1/2", "+1/2", "+2/2", "+2/3", "+2/4", "+2/5", "+1/2", "+3/2", "+3/1", "+1/2",
                             "+5/2", "+5/0"});
}

TEST_CASE("tokens: of a host that is silent the next token does not wait for the timeout of a connection") {
  FakeWire wire;
  wire.closed = Answer::silent;
  wire.opens = with(wire, "+1/1");
  CHECK(knock_open(target(), kSsh, Knocking(), wire).rounds == 3);
  CHECK(wire.now() == milliseconds(1200));
}

TEST_CASE("tokens: it goes on for 15 s, for so long or so often as it is asked to") {
  FakeWire wire;
  wire.closed = Answer::silent;
  const Knocked knocked = knock_open(target(), kSsh, Knocking(), wire);
  CHECK(knocked.outcome == Knocked::Outcome::unreachable);
  CHECK(knocked.message.find("22/tcp of web1 (192.0.2.1) does not answer after ") == 0);
  CHECK(knocked.message.find("or the host is down") != std::string::npos);
  CHECK(wire.now() > milliseconds(12'000));
  CHECK(wire.now() <= milliseconds(15'000));
  FakeWire brief;
  brief.closed = Answer::silent;
  Knocking how;
  how.within = milliseconds(2000);
  knock_open(target(), kSsh, how, brief);
  CHECK(brief.now() <= milliseconds(2000));
  FakeWire once;
  once.closed = Answer::silent;
  knock_open(target(), kSsh, at_most(0), once);
  CHECK(once.tokens == Lines{"+0/0"});
  CHECK(once.now() == milliseconds(5000));
}

TEST_CASE("tokens: a host that nothing reaches is told at once") {
  FakeWire wire;
  wire.closed = Answer::no_way;
  CHECK(knock_open(target(), kSsh, Knocking(), wire).message == "no route to web1 (192.0.2.1): no host");
  CHECK(wire.tokens.size() == 1);
}

TEST_CASE("tokens: an open port costs none where it is tried first") {
  FakeWire wire;
  wire.answers = {Answer::open};
  Knocking how;
  how.try_first = true;
  CHECK(connect(target(), kSsh, how, wire).knocked.rounds == 0);
  CHECK(wire.tokens.empty());
}

TEST_CASE("tokens: each address and each family has tokens of its own") {
  FakeWire wire;
  wire.addresses = {"2001:db8::1", "192.0.2.1"};
  wire.closed = Answer::silent;
  wire.opens = [&](const Destination& to) { return !to.address.ipv6; };
  const Knocked knocked = knock_open(target(), kSsh, Knocking(), wire);
  CHECK(wire.tokens == Lines{"+0/0", "+1/0"});
  CHECK(knocked.address == "192.0.2.1");
  FakeWire both;
  both.addresses = wire.addresses;
  both.opens = [](const Destination&) { return true; };
  CHECK(knock_both(target(), kSsh, Knocking(), both).addresses == Lines{"192.0.2.1", "2001:db8::1"});
  CHECK(both.tokens == Lines{"+0/0", "+1/0"});
}

TEST_CASE("tokens: one that could not be sent is followed by the next, or told") {
  FakeWire wire;
  wire.lost = "Operation not permitted";
  wire.opens = with(wire, "+1/0");
  CHECK(knock_open(target(), kSsh, Knocking(), wire).rounds == 2);
  FakeWire blocked;
  blocked.lost = "Operation not permitted";
  const Knocked knocked = knock_open(target(), kSsh, at_most(0), blocked);
  CHECK(knocked.outcome == Knocked::Outcome::unreachable);
  CHECK(knocked.message == "cannot send a token to web1 (192.0.2.1): Operation not permitted");
}

TEST_CASE("tokens: the address that is told is the one that opened") {
  FakeWire wire;
  wire.addresses = {"192.0.2.1", "192.0.2.2"};
  wire.closed = Answer::silent;
  wire.round_trip = milliseconds(700);
  wire.opens = [](const Destination& to) { return to_string(to) == "192.0.2.1"; };
  CHECK(knock_open(target(), kSsh, Knocking(), wire).address == "192.0.2.1");
  CHECK(wire.tokens == Lines{"+0/0", "+1/0"});
}

TEST_CASE("memory: who opens twice within a period takes the next window, whichever process it is") {
  const Folder folder;
  for (const char* token : {"+0/0", "+1/0", "+2/0"}) {
    FakeWire wire;
    wire.opens = with(wire, token);
    CHECK(knock_open(target(memory(folder.file())), kSsh, at_most(0), wire).outcome ==
          Knocked::Outcome::open);
  }
  FakeWire later;
  later.began += std::chrono::minutes(1);
  later.opens = with(later, "+4/0");
  CHECK(knock_open(target(memory(folder.file())), kSsh, at_most(0), later).outcome == Knocked::Outcome::open);
}

TEST_CASE("memory: what opened nothing is sent again, so that failures do not run ahead of the host") {
  const Folder folder;
  for (int visit = 0; visit < 3; ++visit) {
    FakeWire wire;
    knock_open(target(memory(folder.file())), kSsh, at_most(1), wire);
    CHECK(wire.tokens == Lines{"+0/0", "+0/0", "+1/0"});
  }
  // A process that was killed gave nothing back.
  for (int killed = 0; killed < 100; ++killed) memory(folder.file())->take(kNow);
  CHECK(memory(folder.file())->take(kNow) < kNow + 41);
}

TEST_CASE("memory: of many at once no two take the same") {
  const Folder folder;
  std::array<Window, 24> taken{};
  std::vector<std::thread> all;
  all.reserve(taken.size());
  for (Window& each : taken)
    all.emplace_back([&each, file = folder.file()] { each = memory(file)->take(kNow); });
  for (std::thread& each : all) each.join();
  std::sort(taken.begin(), taken.end());
  for (std::size_t each = 0; each < taken.size(); ++each) CHECK(taken[each] == kNow + each);
}

TEST_CASE("memory: the file is private, names no key, and forgets what is older than two days") {
  const Folder folder;
  TokenMemory old("old", kPeriod, folder.file());
  old.take(kNow - 3 * kDay);
  old.opened(kNow - 3 * kDay, 7);
  const auto now = memory(folder.file());
  now->take(kNow);
  now->opened(kNow, 1);
  std::ifstream file(folder.file());
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  CHECK(text == "abc/15000 120000000 120000000 20833:1\n");
  CHECK(fs::status(folder.file()).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK(fs::status(folder.file().parent_path()).permissions() == fs::perms::owner_all);
}

TEST_CASE("memory: what cannot be read is forgotten") {
  const Folder folder;
  fs::create_directories(folder.file().parent_path());
  for (const std::string text :
       {"", "\n\n", "abc/15000", "abc/15000 x y", "abc/15000 1 2 3:", "\xff\xfe\x01 1",
        "abc/0 120000005 120000005", "abc/15000 99999999999999999999999 1"}) {
    std::ofstream(folder.file()) << text;
    CHECK(memory(folder.file())->take(kNow) == kNow);
  }
}

TEST_CASE("memory: where nothing can be written this process remembers, and a failure says so") {
  const Folder folder;
  fs::create_directories(folder.file());
  const auto blocked = memory(folder.file());
  CHECK(blocked->take(kNow) == kNow);
  CHECK(blocked->take(kNow) == kNow + 1);
  CHECK_THAT(blocked->trouble(), containing("cannot write"));
  FakeWire wire;
  CHECK_THAT(knock_open(target(memory(folder.file())), kSsh, at_most(0), wire).message,
             containing("after a token (what was sent is not remembered: cannot write"));
  const auto nowhere = memory("/proc/nowhere/tokens");
  CHECK(nowhere->take(kNow) == kNow);
  CHECK_FALSE(nowhere->trouble().empty());
}
