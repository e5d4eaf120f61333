// knockd.conf → declaration and what became of each line.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "catch.hpp"
#include "import/command/command.hpp"
#include "knockwork/import.hpp"

using namespace knockwork;

namespace {

Imported import(const std::string& text) { return import_knockd({{"k.conf", text}}); }

// A door, with the lines given.
std::string door(const std::string& lines) {
  return "[ssh]\nsequence = 7000,8000,9000\ntcpflags = syn\n" + lines;
}

constexpr const char* kOpens = "/sbin/iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT";

std::string reason_of(const Imported& imported, int line) {
  for (const ImportedLine& each : imported.lines) {
    if (each.line == line) return to_string(each.fate) + ": " + each.reason;
  }
  return "";
}

std::string opened(const Effect& effect) {
  std::string text;
  for (const Service& service : effect.services) text += (text.empty() ? "" : " ") + to_string(service);
  return text;
}

}  // namespace

TEST_CASE("import: a whole knockd.conf") {
  const Imported made = import(
      "# doors\n[options]\n\tUseSyslog\n  Interface = eth0\n\n[openSSH]\r\n  Sequence = 7000, 8000:udp ,9000:TCP\r\n"
      "SEQ_TIMEOUT=15\nTCPFlags = syn,!ack\nstart_command = /sbin/iptables -I INPUT 1 -s %IP% -p tcp --dport "
      "ssh -j ACCEPT\ncmd_timeout = 10\nstop_command = /sbin/iptables -D INPUT -s %IP% -p tcp --dport 22 -j "
      "ACCEPT\n[closeSSH]\nsequence = 9000,8000,7000\nCommand = iptables -D INPUT -s %IP% -p tcp --dport 22 -j "
      "ACCEPT");
  CHECK(made.declaration ==
        "# Imported from \"k.conf\". It contains ports: keep it readable by root only.\n"
        "knockwork: 1\n"
        "sequences:\n"
        "  - name: openSSH  # line 6\n"
        "    knock: [7000/tcp, 8000/udp, 9000/tcp]\n"
        "    opens: [22/tcp]\n"
        "    step_timeout: 15s\n"
        "    sequence_timeout: 15s\n"
        "    open_for: 10s\n"
        "  - name: closeSSH  # line 13\n"
        "    knock: [9000/tcp, 8000/tcp, 7000/tcp]\n"
        "    closes: openSSH\n"
        "    step_timeout: 25s\n"
        "    sequence_timeout: 25s\n");
  CHECK(made.sequences == std::vector<std::string>{"openSSH", "closeSSH"});
  CHECK(
      to_text(made, SourceLines::hidden) ==
      "k.conf:3: not needed: `log: grants` and `knockwork watch` show who came in\n"
      "k.conf:4: changed: knockwork takes knocks and protects services on every interface except loopback; "
      "`interfaces` restricts both\n"
      "k.conf:13: changed: it ends the grant of openSSH; connections that are open continue\n"
      "note: connections that are open when the time is over continue: `on_expiry: cut` ends them\n"
      "note: only TCP packets that begin a connection (SYN) are knocks\n"
      "note: a wrong knock locks its source out for a while (`wrong_knock`), and so do the ports next to the "
      "knocks (`guards`); a right knock that is repeated does no harm, and sequences do not disturb each "
      "other. knockd starts over at each of these\n"
      "note: knocks over IPv6 count like those over IPv4, and open to IPv6: `from: [0.0.0.0/0]` restricts a sequence "
      "to IPv4\n"
      "2 sequences; of 15 lines 9 translated, 2 changed, 0 lost, 4 not needed\n");
}

TEST_CASE("import: ports are shown where they are asked for alone") {
  const Imported made = import(door("command = frob 12345\nseq_cooldown = 23456\n"));
  CHECK(made.declaration.empty());
  for (const char* port : {"7000", "12345", "23456"}) {
    CHECK_THAT(to_text(made, SourceLines::hidden), !containing(port));
    CHECK_THAT(to_json(made, SourceLines::hidden), !containing(port));
    CHECK_THAT(to_text(made, SourceLines::shown), containing(port));
    CHECK_THAT(to_json(made, SourceLines::shown), containing(port));
  }
}

TEST_CASE("import: no line is dropped") {
  struct Case {
    const char* text;
    std::size_t lines;
  };
  for (const Case& one :
       {Case{"", 0}, Case{"\n", 1}, Case{"x", 1}, Case{"[a]\n[a]\n\n", 3}, Case{"[]\nsequence = 1,2\n", 2},
        Case{"[options\n=\n=x\n[x]\n=", 5}, Case{"[x]\nsequence=1,2\nsequence=3,4\ncommand=\n", 4}}) {
    const Imported made = import(one.text);
    CHECK(made.lines.size() == one.lines);
    CHECK(std::all_of(made.lines.begin(), made.lines.end(), [](const ImportedLine& line) {
      return line.fate == LineFate::translated || line.fate == LineFate::unneeded || !line.reason.empty();
    }));
  }
}

TEST_CASE("import: what keeps a section of knockd.conf from being translated") {
  struct Case {
    const char* lines;
    int line;
    const char* reason;
  };
  for (const Case& one : {
           Case{"sequence = 22\ncommand = x\n", 4,
                "lost: one knock is no secret, because every port scan sends it: "
                "choose a sequence of at least three"},
           Case{"sequence = {knock_1},8000\n", 4,
                "lost: not a number (a placeholder of a template?), and knockd would take it for 0"},
           Case{"sequence = 7000,80000\n", 4, "lost: a port out of range"},
           Case{"sequence = 7000,-1\n", 4, "lost: a port out of range"},
           Case{"sequence = 7000,,1\n", 4,
                "lost: not a number (a placeholder of a template?), and knockd would take it for 0"},
           Case{"sequence = 7000,8000:sctp\n", 4, "lost: a protocol that is neither tcp nor udp"},
           Case{"seq_timeout = 0\n", 4, "lost: a time out of range: knockwork takes 1 s to 30 days"},
           Case{"seq_timeout = {t}\n", 4,
                "lost: not a number (a placeholder of a template?), and knockd would take it for 0"},
           Case{"target = 192.0.2.1\n", 4,
                "lost: knocks that go to another address than this host's cannot be declared"},
           Case{"one_time_sequences = /etc/x\n", 4,
                "lost: one-time sequences are in a file of their own, which knockwork does not read: declare "
                "`token`, which opens once as well"},
           Case{"sequence = 7000,22\n", 1,
                "lost: knockwork refuses it: knocks on a port that it opens itself; use a closed port"},
       }) {
    INFO(one.lines);
    const Imported made = import(door(std::string(one.lines) + "command = " + kOpens + "\n"));
    CHECK(made.sequences.empty());
    if (one.line != 1) CHECK(reason_of(made, one.line) == one.reason);
    if (one.line == 1) CHECK_THAT(reason_of(made, 1), containing("lost: knockwork refuses it: "));
  }
}

TEST_CASE("import: what another command does") {
  using Kind = Effect::Kind;
  struct Case {
    const char* command;
    Kind kind;
    const char* opens;
    const char* reason = "";
  };
  constexpr const char* kChain =
      "its chain is not INPUT: check that the declaration protects the right services";
  constexpr const char* kRest = "only what opens is translated: the other commands of this line do not run";
  constexpr const char* kAll =
      "it opens every port to the source: list the services that you need in `opens`";
  constexpr const char* kEveryone = "it opens to everyone: there is no %IP% as the source";
  constexpr const char* kSet = "it adds the source to a set: what that opens is said where the set is used";
  constexpr const char* kZone =
      "it opens in one zone of firewalld; knockwork opens on each interface that it protects";
  for (
      const Case& one : {
          Case{kOpens, Kind::opens, "22/tcp"},
          Case{
              "iptables -w -A INPUT -p udp -m udp --dport 60000:61000 -s %IP%/32 -m comment --comment 'a; b' -j ACCEPT",
              Kind::opens, "60000-61000/udp"},
          Case{
              "iptables -I INPUT -s %IP% -p tcp -m multiport --dports 22,80,443 -m conntrack --ctstate NEW -j ACCEPT",
              Kind::opens, "22/tcp 80/tcp 443/tcp"},
          Case{"iptables -I KNOCK -s %IP% -p tcp --dport=22 --jump=ACCEPT", Kind::opens, "22/tcp", kChain},
          Case{"iptables -I FORWARD -s %IP% -p tcp --dport 22 -j ACCEPT", Kind::other, "",
               "it concerns traffic that is not for this host: declare services elsewhere with `to`"},
          Case{"iptables -t nat -I PREROUTING -s %IP% -p tcp --dport 22 -j ACCEPT", Kind::other, "",
               "it changes another table than filter"},
          Case{"iptables -I INPUT -s %IP% -j ACCEPT", Kind::other, "", kAll},
          Case{"iptables -I INPUT -p tcp --dport 22 -j ACCEPT", Kind::other, "", kEveryone},
          Case{"iptables -I INPUT -s 192.0.2.1 -p tcp --dport 22 -j ACCEPT", Kind::other, "", kEveryone},
          Case{"iptables -I INPUT -s %IP%/24 -p tcp --dport 22 -j ACCEPT", Kind::other, "",
               "it opens to a network around the source: see `ipv4_prefix` and `ipv6_prefix`"},
          Case{"iptables -I INPUT -s %IP% -p tcp --dport 22 -j DROP", Kind::other, "",
               "its rule does not accept"},
          Case{"iptables -I INPUT ! -s %IP% -p tcp --dport 22 -j ACCEPT", Kind::other, "",
               "it has an option that is not understood"},
          Case{"iptables -D INPUT 1", Kind::closes, ""},
          Case{"iptables -I INPUT -s %IP% -p tcp --dport $PORT -j ACCEPT", Kind::other, "",
               "the shell fills in a part of the command"},
          Case{"iptables -I INPUT -s %IP% -p tcp --dport {port} -j ACCEPT", Kind::other, "",
               "its port is neither a number nor the name of a service of this host"},
          Case{"iptables -I INPUT -s %IP% -p sctp --dport 22 -j ACCEPT", Kind::other, "",
               "it opens another protocol than tcp and udp"},
          Case{
              "iptables -C INPUT -s %IP% -p tcp --dport 22 -j ACCEPT || iptables -I INPUT -s %IP% -p tcp --dport 22 "
              "-j ACCEPT",
              Kind::opens, "22/tcp"},
          Case{
              "iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT 2>/dev/null; iptables -I INPUT -s %IP% -p tcp "
              "--dport 22 -j ACCEPT",
              Kind::opens, "22/tcp"},
          Case{"iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT; mail root", Kind::opens, "22/tcp",
               kRest},
          Case{"sh -c 'sudo iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT'", Kind::opens, "22/tcp"},
          Case{"/root/open.sh %IP%", Kind::other, "",
               "it runs a program, and what that opens cannot be known"},
          Case{"echo %IP% >> /etc/hosts.allow", Kind::other, "",
               "the command has a pipe, a redirection or a subshell"},
          Case{"echo '%IP%", Kind::other, "", "a quote in the command is never closed"},
          Case{"", Kind::other, "", "it changes nothing"},
          Case{"/usr/local/sbin/knock_add -i -c INPUT -p tcp -d 443 -f %IP%", Kind::opens, "443/tcp"},
          Case{"knock_helper_ipt.sh -x -f %IP% -d 443", Kind::closes, "443/tcp"},
          Case{"ufw allow from %IP% to any port 22", Kind::opens, "22/tcp 22/udp"},
          Case{"/usr/sbin/ufw insert 1 allow proto tcp from %IP% to any port 80,443", Kind::opens,
               "80/tcp 443/tcp"},
          Case{"ufw delete allow from %IP% to any port 22 proto tcp", Kind::closes, "22/tcp"},
          Case{"ufw insert 1 deny from %IP% to any", Kind::other, "", "it does not open a port"},
          Case{"ufw allow from %IP%", Kind::other, "", kAll},
          Case{
              "firewall-cmd --zone=public --add-rich-rule='rule family=\"ipv4\" source address=\"%IP%\" port "
              "port=\"22\" protocol=\"tcp\" accept' --timeout=60",
              Kind::opens, "22/tcp", kZone},
          Case{"firewall-cmd --add-port=22/tcp", Kind::other, "", kEveryone},
          Case{"firewall-cmd --zone=trusted --add-source=%IP%", Kind::other, "", kAll},
          Case{
              "nft insert rule inet filter input ip saddr %IP% tcp dport { 22, 443 } ct state new counter accept",
              Kind::opens, "22/tcp 443/tcp"},
          Case{"nft add rule ip filter knocked ip saddr %IP% udp dport 51820 accept", Kind::opens,
               "51820/udp", kChain},
          Case{"nft 'add rule inet filter input tcp dport 22 accept'", Kind::other, "", kEveryone},
          Case{"nft add element inet filter allowed { %IP% timeout 60s }", Kind::other, "", kSet},
          Case{"nft delete element inet filter allowed { %IP% }", Kind::closes, ""},
          Case{"ipset add allowed %IP%", Kind::other, "", kSet},
          Case{"systemctl start sshd", Kind::other, "",
               "it runs a program, and what that opens cannot be known"},
      }) {
    INFO(one.command);
    const Effect effect = effect_of(one.command);
    CHECK(effect.kind == one.kind);
    CHECK(opened(effect) == one.opens);
    CHECK(effect.reason == one.reason);
  }
}

TEST_CASE("import: a condition, and what the shell decides, opens nothing") {
  const std::string opens = kOpens;
  const std::string other = "iptables -I INPUT -s %IP% -p tcp --dport 80 -j ACCEPT";
  const std::string condition = "it opens under a condition (`&&`, `||`), which a declaration cannot have";
  const std::string shell =
      "the shell decides what of it runs: only commands one after the other are understood";
  struct Case {
    std::string command, reason;  // without one it opens
  };
  for (const Case& one : {
           Case{"is_allowed %IP% && " + opens, condition},
           Case{"is_banned %IP% || " + opens, condition},
           Case{"sh -c 'is_allowed %IP% && " + opens + "'", condition},
           Case{"is_allowed %IP% && logger in && " + opens, condition},
           Case{"true || false && " + opens, condition},
           Case{"iptables -C INPUT -s %IP% -p tcp --dport 22 -j ACCEPT && " + other, condition},
           Case{"iptables -C INPUT -s %IP% -p tcp --dport 22 -j ACCEPT || " + other, condition},
           Case{"iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT && " + opens, condition},
           Case{opens + " || " + other, condition},
           Case{other + "; is_allowed %IP% && " + opens, condition},
           Case{"if is_allowed %IP%; then logger in; " + opens + "; fi", shell},
           Case{"is_allowed %IP% || exit 1; " + opens, shell},
           Case{"test -e /x && exit; " + opens, shell},
           Case{"while read -r x; do " + opens + "; done", shell},
           Case{"! is_banned %IP%; " + opens, shell},
           Case{"PATH=/root/bin " + opens, shell},
           Case{"PATH=/root/bin; " + opens, shell},
           Case{"(" + opens + ")", "the command has a pipe, a redirection or a subshell"},
           Case{"is_allowed %IP% | " + opens, "the command has a pipe, a redirection or a subshell"},
           Case{"(is_allowed %IP%); " + opens, "the command has a pipe, a redirection or a subshell"},
           Case{opens + "; sleep 30 & iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT",
                "it does not wait for its sleep"},
           // What is not understood of a firewall may refuse.
           Case{"iptables -A INPUT -s %IP% -j DROP; " + opens, "its rule does not accept"},
           Case{opens + "; firewall-cmd --reload", "it has an option that is not understood"},
           Case{"env iptables -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT",
                "it runs a program, and what that opens cannot be known"},
           Case{opens + " && logger in || logger out", ""},
           Case{opens + " && " + other, ""},
           Case{opens + " && sleep 30 && iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT &", ""},
       }) {
    INFO(one.command);
    const Effect effect = effect_of(one.command);
    CHECK((effect.kind == Effect::Kind::opens) == one.reason.empty());
    if (!one.reason.empty()) CHECK(effect.reason == one.reason);
    CHECK(import(door("command = " + one.command + "\n")).sequences.empty() == !one.reason.empty());
  }
}

TEST_CASE("import: what a command opens to one family of addresses alone") {
  const std::string rule = " -I INPUT -s %IP% -p tcp --dport 22 -j ACCEPT";
  const std::string rich =
      " --add-rich-rule='rule family=\"ipv6\" source address=\"%IP%\" port port=\"22\" "
      "protocol=\"tcp\" accept'";
  const std::string alone =
      "changed: it opens to IPv6 alone: `from: [\"::/0\"]` restricts the sequence to it";
  struct Case {
    std::string command;
    bool named;
  };
  for (const Case& one : {
           Case{"ip6tables" + rule, true},
           Case{"/usr/sbin/ip6tables -w" + rule, true},
           Case{"nft add rule inet filter input ip6 saddr %IP% tcp dport 22 accept", true},
           Case{"nft add rule ip6 filter input ip6 saddr %IP% tcp dport 22 accept", true},
           Case{"firewall-cmd" + rich, true},
           Case{"iptables" + rule, false},
           Case{"iptables" + rule + "; ip6tables" + rule, false},
           Case{"ip6tables" + rule + " && iptables" + rule, false},
           Case{"ufw allow from %IP% to any port 22", false},
       }) {
    INFO(one.command);
    const std::string told =
        reason_of(import(door("command = " + one.command + "\nstop_command = iptables -D INPUT 1\n")), 4);
    CHECK(told == (one.named ? alone : "translated: "));
  }
  CHECK(effect_of("iptables" + rule + "; ip6tables -I INPUT -s %IP% -p tcp --dport 80 -j ACCEPT").reason ==
        "its commands open different things, or to different destinations");
  CHECK(effect_of("nft add rule ip filter input ip6 saddr %IP% tcp dport 22 accept").reason ==
        "its rule concerns no address");
  const std::string closes = " -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT";
  CHECK(effect_of("iptables" + rule + "; ip6tables" + rule + "; sleep 9; iptables" + closes + "; ip6tables" +
                  closes)
            .time == Duration::milliseconds(9000));
}

TEST_CASE("import: commands that concern other traffic than this host's") {
  const std::string reason =
      "it concerns traffic that is not for this host: declare services elsewhere with `to`";
  for (const char* command : {"nft add rule inet filter forward ip saddr %IP% tcp dport 3389 accept",
                              "nft insert rule ip filter FORWARD ip saddr %IP% tcp dport 3389 accept",
                              "nft add rule ip nat input ip saddr %IP% tcp dport 3389 accept",
                              "iptables -I FORWARD -s %IP% -p tcp --dport 3389 -j ACCEPT",
                              "iptables -I DOCKER-USER -s %IP% -p tcp --dport 3389 -j ACCEPT",
                              "knock_helper_ipt.sh -i -c FORWARD -f %IP% -d 3389"}) {
    INFO(command);
    CHECK(effect_of(command).kind == Effect::Kind::other);
    CHECK(effect_of(command).reason == reason);
  }
  CHECK(effect_of("iptables -I INPUT -i lo -s %IP% -p tcp --dport 22 -j ACCEPT").kind == Effect::Kind::other);
  CHECK(effect_of("ufw allow to any from %IP% port 22").kind == Effect::Kind::other);  // the source's port
}

TEST_CASE("import: every rich rule of firewall-cmd counts") {
  const auto rich = [](const char* family, const char* port, const char* verdict = "accept") {
    return fmt::format(
        " --add-rich-rule='rule family=\"{}\" source address=\"%IP%\" port port=\"{}\" protocol=\"tcp\" {}'",
        family, port, verdict);
  };
  const Effect both =
      effect_of("firewall-cmd --zone=dmz --timeout=60" + rich("ipv4", "993") + rich("ipv4", "995"));
  CHECK(opened(both) == "993/tcp 995/tcp");
  CHECK(both.time == Duration::milliseconds(60'000));
  CHECK(both.reason ==
        "it opens in one zone of firewalld; knockwork opens on each interface that it protects");
  CHECK(opened(effect_of("firewall-cmd" + rich("ipv4", "993") + rich("ipv6", "993"))) == "993/tcp");
  const Effect later = effect_of("firewall-cmd --permanent" + rich("ipv4", "993"));
  CHECK(later.reason == "it takes effect when firewalld reloads; knockwork opens at once");
  for (
      const std::string& command :
      {"firewall-cmd" + rich("ipv4", "993") + rich("ipv6", "995"),
       "firewall-cmd" + rich("ipv4", "993", "drop") + rich("ipv4", "995"),
       "firewall-cmd --timeout=soon" + rich("ipv4", "993"),
       "firewall-cmd --add-rich-rule='rule family=ipv4 port port=993 protocol=tcp accept'" +
           rich("ipv4", "995"),
       "firewall-cmd --remove-rich-rule='rule family=ipv4 source address=%IP% port port=22 protocol=tcp accept'" +
           rich("ipv4", "995")}) {
    INFO(command);
    CHECK(effect_of(command).kind == Effect::Kind::other);
  }
}

TEST_CASE("import: how long it stays open") {
  const std::string opens = kOpens;
  const std::string closes = "iptables -D INPUT -s %IP% -p tcp --dport 22 -j ACCEPT";
  struct Case {
    std::string lines;
    const char* open_for;  // empty: the default
  };
  const auto commands = [&](const char* between, const char* after) {
    return fmt::format("start_command = {}\n{}stop_command = {}\n{}", opens, between, closes, after);
  };
  for (const Case& one : {
           Case{fmt::format("command = {}\ncmd_timeout = 20\n", opens), ""},
           Case{commands("", ""), "open_for: 10s"},
           Case{commands("cmd_timeout = 90\n", ""), "open_for: 1m30s"},
           Case{fmt::format("command = {}; sleep 45; {}\n", opens, closes), "open_for: 45s"},
           Case{fmt::format("command = {}\nstop_command = /root/beep\ncmd_timeout = 7\n", opens),
                "open_for: 7s"},
       }) {
    INFO(one.lines);
    const Imported made = import(door(one.lines));
    REQUIRE(made.sequences.size() == 1);
    if (*one.open_for == '\0') CHECK_THAT(made.declaration, !containing("open_for"));
    CHECK_THAT(made.declaration, containing(one.open_for));
  }
}

TEST_CASE("import: names of sections become names of sequences") {
  const std::string rest = "]\nsequence = 7000,8000\ncommand = " + std::string(kOpens) + "\n";
  const Imported made = import("[open TELNET" + rest + "[open TELNET" + rest + "[7000" + rest + "[!" + rest +
                               "[Options" + rest + "[" + std::string(100, 'x') + rest);
  CHECK(made.sequences ==
        std::vector<std::string>{"open-TELNET", "open-TELNET-2", "7000", "Options", std::string(64, 'x')});
  CHECK(reason_of(made, 1) == "changed: the sequence is named open-TELNET");
  CHECK(reason_of(made, 10) == "lost: the section name has no characters that a sequence name allows");
}

TEST_CASE("import: each name is given once") {
  const std::string rest = "]\nsequence = 7000,8000\ntcpflags = syn\ncommand = " + std::string(kOpens) + "\n";
  const Imported made = import("[a" + rest + "[a" + rest + "[a-2" + rest + "[a" + rest);
  CHECK(made.sequences == std::vector<std::string>{"a", "a-2", "a-2-2", "a-3"});
}

TEST_CASE("import: sections that begin alike") {
  const std::string rest = "tcpflags = syn\ncommand = " + std::string(kOpens) + "\n";
  const Imported made =
      import("[a]\nsequence = 7000,8000\n" + rest + "[b]\nsequence = 7000,8000\n" + rest +
             "[c]\nsequence = 7000,8000,9000\n" + rest + "[d]\nsequence = 8000,7000\n" + rest);
  CHECK(made.sequences.size() == 4);
  CHECK(reason_of(made, 1) == "translated: ");
  CHECK(reason_of(made, 5) == "changed: it has the knocks of the section at line 1, which open both");
  CHECK(reason_of(made, 9) ==
        "changed: it begins like the section at line 1: knockd 0.8 never completes it, knockwork does");
  CHECK(reason_of(made, 13) == "translated: ");
}

TEST_CASE("import: the name of a file is no part of the declaration") {
  const Imported made = import_knockd({{"a\nmode: stealth\n#", door("command = " + std::string(kOpens))}});
  CHECK_THAT(made.declaration, !containing("\nmode"));
  CHECK(made.sequences.size() == 1);
}

TEST_CASE("import: flags of TCP packets") {
  struct Case {
    const char* flags;
    const char* fate;
  };
  for (const Case& one : {Case{"syn", "translated: "}, Case{"SYN,!ack", "translated: "},
                          Case{"!ack", "changed: only TCP packets that begin a connection (SYN) are knocks"},
                          Case{"fin,!ack",
                               "changed: clients must send plain SYN packets, as `knock` and `knockwork "
                               "knock` do: no others are knocks"},
                          Case{"syn,ack",
                               "changed: clients must send plain SYN packets, as `knock` and `knockwork "
                               "knock` do: no others are knocks"},
                          Case{"!syn",
                               "changed: clients must send plain SYN packets, as `knock` and `knockwork "
                               "knock` do: no others are knocks"},
                          Case{"{flags}", "lost: not a TCP flag that knockd knows"}}) {
    INFO(one.flags);
    const Imported made =
        import("[a]\nsequence = 7000,8000\ntcpflags = " + std::string(one.flags) + "\ncommand = " + kOpens);
    CHECK(made.sequences.size() == 1);
    CHECK(reason_of(made, 3) == one.fate);
  }
  const Imported udp =
      import("[a]\nsequence = 7000:udp,8000:udp\ntcpflags = fin\ncommand = " + std::string(kOpens));
  CHECK(reason_of(udp, 3) == "unneeded: no knock of this section is tcp");
}
