// Secret files: what they say, and what is refused, without a secret in any error.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "catch.hpp"
#include "knockwork/derive.hpp"
#include "knockwork/diagnostic.hpp"

using namespace knockwork;

namespace {

const std::string kMaster = "0123456789abcdef0123456789abcdef";
const std::string kLater = "fedcba9876543210fedcba9876543210";

std::string line(Epoch from, const std::string& host, const std::string& bytes) {
  return secret_line({from, host, bytes});
}

std::string key_line(Epoch from, const std::string& master, const std::string& host) {
  const HostKey key = host_key(master, host);
  return line(from, host, {key.bytes().begin(), key.bytes().end()});
}

template <typename Call>
std::string error(Call call) {
  try {
    call();
  } catch (const SystemError& refused) {
    return refused.what();
  }
  return "";
}

std::string refusal(const std::string& text) {
  return error([&] { Secrets::parse(text, "s"); });
}

// A directory that ends with the test.
struct Directory {
  std::filesystem::path path;
  Directory() {
    char name[] = "/tmp/knockwork-unit.XXXXXX";
    REQUIRE(::mkdtemp(name) != nullptr);
    path = name;
  }
  ~Directory() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("secrets: the line in force is the latest that has begun") {
  const Secrets secrets = Secrets::parse(
      "# of the fleet\n\n" + line(0, "", kMaster) + "  42   " + line(0, "", kLater) + "\r\n", "s");
  CHECK(secrets.lines().size() == 2);
  CHECK(secrets.key("web1", 0) == host_key(kMaster, "web1"));
  CHECK(secrets.key("web1", 41) == host_key(kMaster, "web1"));
  CHECK(secrets.key("web1", 42) == host_key(kLater, "web1"));
  CHECK(secrets.key("web1", UINT64_MAX) == host_key(kLater, "web1"));
}

TEST_CASE("secrets: a host's own key is the one its master makes") {
  const Secrets master = Secrets::parse(line(0, "", kMaster) + line(42, "", kLater), "s");
  const Secrets host = Secrets::parse(host_key_lines(master, "WEB1.example."), "s");
  for (const Epoch epoch : {Epoch{0}, Epoch{41}, Epoch{42}})
    CHECK(host.key("web1.example", epoch) == master.key("web1.example", epoch));
  CHECK(
      error([&] { host_key_lines(host, "web2"); }) ==
      "the secret file contains only host keys: host keys are generated from a master secret, on the machine "
      "that has it");
}

TEST_CASE("secrets: the key of another host is refused by name") {
  const Secrets secrets = Secrets::parse(key_line(0, kMaster, "web2") + key_line(0, kMaster, "web3"), "s");
  CHECK(
      error([&] { secrets.key("web1", 0); }) ==
      "s contains the key of web2, web3, not of web1: install the line that `knockwork derive host-key web1` "
      "prints, or set `host` in `derive` to the name that the key is for");
}

TEST_CASE("secrets: a host's own line goes before the master's of the same epoch") {
  const Secrets secrets = Secrets::parse(line(0, "", kMaster) + key_line(0, kLater, "web1"), "s");
  CHECK(secrets.key("web1", 7) == host_key(kLater, "web1"));
  CHECK(secrets.key("web2", 7) == host_key(kMaster, "web2"));
}

TEST_CASE("secrets: none for so early an epoch") {
  const Secrets secrets = Secrets::parse(line(42, "", kMaster), "s");
  CHECK(error([&] { secrets.key("web1", 41); }) ==
        "s contains no secret for epoch 41, only for later ones: add the line of the secret for that epoch");
}

TEST_CASE("secrets: all that is wrong with a file is told at once, and nothing of a secret") {
  const std::string shape =
      "write `master:BASE64` or `host:NAME:BASE64`, preceded by its first epoch if that is not 0";
  CHECK(refusal("# nothing\n") == "s contains no secret: " + shape);
  const std::string text = "SECRETSECRET\nx master:SECRETSECRET\nmaster:SECRETSECRE\nmaster:SECRETSECRET\n" +
                           line(3, "", kMaster) + line(3, "", kMaster) +
                           "host:web1:SECRETSECRET\nhost:we b1:SECRETSECRET\nhost:SECRETSECRET\n" +
                           "host:web_é:SECRETSECRET\nmaster:SECRETSECRETSECRETSECRETSECR=\n";
  const std::string told = refusal(text);
  CHECK(told ==
        "s:1: not a secret: " + shape + "\ns:2: not a secret: " + shape +
            "\ns:3: not base64: copy the whole line again"
            "\ns:4: a secret of 9 bytes: the minimum is 16; `knockwork derive new-secret` generates one"
            "\ns:6: a second secret from epoch 3: remove one"
            "\ns:7: a host's key of 9 bytes, not 32: take it from `knockwork derive host-key`"
            "\ns:8: not a secret: " +
            shape + "\ns:9: a host's key without a name: " + shape +
            "\ns:10: not a valid host name: write letters, digits, `.`, `-` and `_`"
            "\ns:11: not base64: copy the whole line again");
  CHECK(told.find("SECRET") == std::string::npos);
}

TEST_CASE("secrets: a file is made once, added to, and is its owner's alone") {
  const Directory directory;
  const auto file = directory.path / "etc" / "secret";
  CHECK(error([&] {
          read_secrets(file);
        }).starts_with("no secret file " + file.string() + ": install the line"));
  make_secret(file, 0, Append::no);
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(error([&] { make_secret(file, 0, Append::no); }).find("already exists and was not changed") !=
        std::string::npos);
  make_secret(file, 42, Append::yes);
  CHECK(error([&] { make_secret(file, 42, Append::yes); }) ==
        file.string() + ":3: a second secret from epoch 42: remove one");
  const Secrets secrets = read_secrets(file);
  CHECK(secrets.lines().size() == 2);
  CHECK_FALSE(secrets.key("web1", 41) == secrets.key("web1", 42));
  for (const mode_t open : {0640U, 0604U, 0620U, 0660U, 0644U}) {
    ::chmod(file.c_str(), open);
    CHECK(error([&] { read_secrets(file); }).starts_with("others can read or write " + file.string()));
  }
  ::chmod(file.c_str(), 0400);
  CHECK_NOTHROW(read_secrets(file));
  CHECK(error([&] { read_secrets(directory.path); }) == directory.path.string() + " is not a regular file");
  if (::geteuid() == 0) {
    REQUIRE(::chown(file.c_str(), 12345, 0) == 0);
    CHECK(error([&] { read_secrets(file); }) ==
          file.string() + " belongs to another user, who could replace it: `chown` it to root");
  }
}
