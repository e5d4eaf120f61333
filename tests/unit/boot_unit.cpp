// Whether the gate will stand after a reboot, read from a folder that stands for "/".
#include "boot/boot_unit.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "catch.hpp"
#include "knockwork/spec.hpp"

namespace {

using namespace knockwork;
namespace fs = std::filesystem;

class Root {
 public:
  Root() {
    std::string name = (fs::temp_directory_path() / "knockwork-boot-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Root() {
    std::error_code none;
    fs::remove_all(path_, none);
  }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((path_ / path).parent_path());
    std::ofstream(path_ / path) << text;
  }
  void link(const std::string& path, const std::string& target) const {
    fs::create_directories((path_ / path).parent_path());
    fs::create_symlink(target, path_ / path);
  }
  void remove(const std::string& path) const { fs::remove(path_ / path); }
  // systemd runs, the package is installed, something is declared; nobody enabled the unit.
  void install() const {
    fs::create_directories(path_ / "run/systemd/system");
    write("usr/lib/systemd/system/knockwork.service",
          "[Service]\nExecStart=/usr/sbin/knockwork apply --unattended\n");
    write("usr/sbin/knockwork", "");
    write("etc/knockwork/knockwork.yml", "knockwork: 1\n");
  }
  Boot boot() const { return boot_below(path_); }

 private:
  fs::path path_;
};

constexpr const char* kLink = "etc/systemd/system/sysinit.target.wants/knockwork.service";
constexpr const char* kUnit = "/usr/lib/systemd/system/knockwork.service";

}  // namespace

TEST_CASE("boot: the unit has to be enabled") {
  const Root root;
  root.install();
  CHECK(root.boot() == Boot{Boot::Stands::no, true, false, "knockwork.service is not enabled"});
  root.link(kLink, kUnit);
  CHECK(root.boot() == Boot{Boot::Stands::yes, true, true, ""});
}

TEST_CASE("boot: enabled by a unit that requires it, or by the distribution") {
  for (const char* link : {"etc/systemd/system/ssh.service.requires/knockwork.service",
                           "usr/lib/systemd/system/sysinit.target.wants/knockwork.service"}) {
    const Root root;
    root.install();
    root.link(link, kUnit);
    CHECK(root.boot().stands == Boot::Stands::yes);
  }
}

TEST_CASE("boot: what an enabled unit needs") {
  const Root root;
  root.install();
  root.link(kLink, kUnit);
  root.remove("etc/knockwork/knockwork.yml");
  CHECK(root.boot().why == "there is no declaration /etc/knockwork/knockwork.yml");
  root.write("etc/knockwork/conf.d/web.yml.off", "[]\n");  // no drop-in
  CHECK(root.boot().stands == Boot::Stands::no);
  root.write("etc/knockwork/conf.d/web.yml", "[]\n");
  CHECK(root.boot().stands == Boot::Stands::yes);
  root.remove("usr/sbin/knockwork");
  CHECK(root.boot().why == "knockwork.service starts /usr/sbin/knockwork, which does not exist");
  root.link("etc/systemd/system/knockwork.service", "/dev/null");
  CHECK(root.boot() == Boot{Boot::Stands::no, false, false, "knockwork.service is masked"});
}

TEST_CASE("boot: no unit, and no systemd") {
  const Root root;
  CHECK(root.boot() == Boot{Boot::Stands::unknown, false, false, "systemd is not running"});
  root.write("run/systemd/system/.keep", "");
  CHECK(root.boot() == Boot{Boot::Stands::no, false, false, "there is no knockwork.service on this host"});
}

TEST_CASE("boot: what changes with time needs the timer") {
  const Root root;
  root.install();
  root.link(kLink, kUnit);
  CHECK(
      boot_warnings(root.boot(), kDefaultDeclaration, Timer::needed) ==
      std::vector<std::string>{
          "sequences with `token` or `period` change with time, and nothing applies them again: they will stop opening anything. "
          "Run `systemctl enable --now knockwork knockwork-rotate.timer`"});
  root.link("etc/systemd/system/timers.target.wants/knockwork-rotate.timer",
            "/usr/lib/systemd/system/knockwork-rotate.timer");
  CHECK(!root.boot().timer);  // a link that a unit left behind starts nothing
  root.write("usr/lib/systemd/system/knockwork-rotate.timer", "[Timer]\n");
  CHECK(root.boot().timer);
  CHECK(boot_warnings(root.boot(), kDefaultDeclaration, Timer::needed).empty());
}

TEST_CASE("boot: one warning, with the command that mends it") {
  const Boot off{Boot::Stands::no, true, false, "knockwork.service is not enabled"};
  CHECK(
      boot_warnings(off, kDefaultDeclaration, Timer::not_needed) ==
      std::vector<std::string>{
          "no gate will be loaded after a reboot, and its ports will be open to everyone: knockwork.service "
          "is not enabled; run `systemctl enable --now knockwork`"});
  const Boot on{Boot::Stands::yes, true, true, ""};
  CHECK(boot_warnings(on, kDefaultDeclaration, Timer::not_needed).empty());
  CHECK(boot_warnings(on, "-", Timer::not_needed).size() == 1);
  CHECK(boot_warnings(Boot{}, "-", Timer::needed).empty());
}
