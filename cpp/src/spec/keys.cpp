#include "spec/keys.hpp"

#include <array>

#include "spec/readers.hpp"

namespace knockwork::spec {
namespace {

using Words = std::string_view;

constexpr std::array<Words, 2> kMode{"gate", "stealth"};
constexpr std::array<Words, 3> kRefuse{"auto", "drop", "reject"};
constexpr std::array<Words, 2> kWrongKnock{"lockout", "ignore"};
constexpr std::array<Words, 3> kLog{"none", "grants", "all"};
constexpr std::array<Words, 2> kOnExpiry{"keep", "cut"};
constexpr std::array<Words, 2> kProtocols{"tcp", "udp"};
constexpr std::array<Words, 2> kGuards{"auto", "none"};

constexpr std::array<Key, 15> kDeclaration{{
    {.name = "knockwork",
     .scope = Scope::declaration,
     .form = Form::version,
     .read = read_version,
     .fallback = "",
     .example = "1",
     .doc = "The version of this format. It stands in the main file, never in a drop-in.",
     .required = true,
     .least = 1,
     .most = 1},
    {.name = "mode",
     .scope = Scope::declaration,
     .form = Form::choice,
     .read = read_choice<&Spec::mode>,
     .fallback = "gate",
     .example = "stealth",
     .doc = "`gate` refuses the services that sequences open, until they are granted, and leaves "
            "everything else alone. `stealth` drops everything that is neither established nor granted "
            "nor public.",
     .choices = kMode},
    {.name = "public",
     .scope = Scope::declaration,
     .form = Form::publics,
     .read = read_public,
     .fallback = "[]",
     .example = "[80/tcp, 443/tcp, gre, {service: 53/udp, interface: docker0}]",
     .doc = "What is open to all and never counts as a wrong knock: services, and protocols by name (`icmp`, "
            "`icmpv6/echo-request`, `gre`, `esp`, `ah`, `sctp`, `ospf`, `vrrp`, `igmp` and others) or by "
            "number (`proto/47`). An entry that is a mapping is open on one interface or to some sources "
            "only. Stealth lets no connection in because a helper of conntrack expects it: for an FTP server "
            "name its data ports as well. Only with `mode: stealth`."},
    {.name = "ping",
     .scope = Scope::declaration,
     .form = Form::boolean,
     .read = read_ping,
     .fallback = "true",
     .example = "no",
     .doc =
         "Whether stealth lets echo requests in, IPv4's and IPv6's, so that this host answers a ping. Only "
         "with `mode: stealth`: gate refuses none."},
    {.name = "refuse",
     .scope = Scope::declaration,
     .form = Form::choice,
     .read = read_choice<&Spec::refuse>,
     .fallback = "auto",
     .example = "drop",
     .doc = "How a protected service refuses whoever has no grant. `auto` answers as this host's closed "
            "ports answer: gate like a closed port, stealth not at all.",
     .choices = kRefuse},
    {.name = "always_allow",
     .scope = Scope::declaration,
     .form = Form::networks,
     .read = read_networks<&Spec::always_allow>,
     .fallback = "[]",
     .example = "[192.0.2.0/28]",
     .doc = "Sources that never need to knock: the way back in. A network has no host bits set."},
    {.name = "wrong_knock",
     .scope = Scope::declaration,
     .form = Form::choice,
     .read = read_choice<&Spec::wrong_knock>,
     .fallback = "lockout",
     .example = "ignore",
     .doc = "What a wrong knock does. `lockout` has the knocks of its source ignored for a while, so that "
            "a port scan opens nothing; `ignore` does nothing.",
     .choices = kWrongKnock},
    {.name = "lockout",
     .scope = Scope::declaration,
     .form = Form::duration,
     .read = read_lockout,
     .fallback = "",
     .example = "5s",
     .doc = "How long a lockout lasts after the last wrong knock. Default: the longest `step_timeout`. A "
            "shorter one would let a slow scan through and is refused. Only with `wrong_knock: lockout`."},
    {.name = "guards",
     .scope = Scope::declaration,
     .form = Form::guards,
     .read = read_guards,
     .fallback = "auto",
     .example = "[7001/udp, 7999]",
     .doc = "Ports that nothing legitimate touches, so that touching one is a wrong knock. `auto` takes "
            "the ports next to each knock port; `none` takes none; a list names them, where a port "
            "without protocol stands for tcp and udp. Only with `wrong_knock: lockout`.",
     .choices = kGuards},
    {.name = "interfaces",
     .scope = Scope::declaration,
     .form = Form::interfaces,
     .read = read_interfaces,
     .fallback = "[]",
     .example = "[eth0]",
     .doc =
         "Interfaces to protect, by name; one that is absent is a warning, and so is a port of a bridge. "
         "`eth*` means all whose names begin with `eth`. Without any: all but loopback. On other interfaces "
         "nothing is protected."},
    {.name = "ipv4_prefix",
     .scope = Scope::declaration,
     .form = Form::integer,
     .read = read_integer<&Spec::ipv4_prefix>,
     .fallback = "32",
     .example = "24",
     .doc = "A source is this much of its IPv4 address: 24 for clients whose carrier changes their address "
            "within a /24. It gives something away: everyone in that network shares a grant, a half-done "
            "sequence and a lockout, so that a neighbour gets in with you, or locks you out.",
     .least = 16,
     .most = 32},
    {.name = "ipv6_prefix",
     .scope = Scope::declaration,
     .form = Form::integer,
     .read = read_integer<&Spec::ipv6_prefix>,
     .fallback = "128",
     .example = "64",
     .doc =
         "A source is this much of its IPv6 address: everyone in that network shares a grant. Lockouts always count by /64 or shorter.",
     .least = 32,
     .most = 128},
    {.name = "sources",
     .scope = Scope::declaration,
     .form = Form::integer,
     .read = read_integer<&Spec::sources>,
     .fallback = "65536",
     .example = "262144",
     .doc = "How many sources each of the kernel's dynamic sets has room for.",
     .least = 16,
     .most = 4194304},
    {.name = "log",
     .scope = Scope::declaration,
     .form = Form::choice,
     .read = read_choice<&Spec::log>,
     .fallback = "none",
     .example = "grants",
     .doc = "What the kernel reports for `knockwork watch`: nothing, each grant, or wrong knocks as well; a "
            "flood of them is thinned out. Never a port.",
     .choices = kLog},
    {.name = "sequences",
     .scope = Scope::declaration,
     .form = Form::sequences,
     .read = read_sequences,
     .fallback = "[]",
     .example = "[{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]",
     .doc = "The sequences. Drop-in files add theirs: each is such a list by itself. No two bear the same "
            "name."},
}};

constexpr std::array<Key, 3> kPublicEntry{{
    {.name = "service",
     .scope = Scope::public_entry,
     .form = Form::service,
     .read = read_public_service,
     .fallback = "",
     .example = "53/udp",
     .doc = "The service or the protocol, as it would stand in `public` by itself.",
     .required = true},
    {.name = "interface",
     .scope = Scope::public_entry,
     .form = Form::interface,
     .read = read_scalar<&PublicRule::interface, parse_interface>,
     .fallback = "",
     .example = "docker0",
     .doc = "The interface on which it is open, by name or by the beginning of names, as in `br-*`. Default: "
            "all."},
    {.name = "from",
     .scope = Scope::public_entry,
     .form = Form::networks,
     .read = read_public_sources,
     .fallback = "[]",
     .example = "[192.0.2.0/24]",
     .doc = "Sources to which it is open. Without any: all."},
}};

constexpr std::array<Key, 11> kSequence{{
    {.name = "name",
     .scope = Scope::sequence,
     .form = Form::name,
     .read = read_name,
     .fallback = "",
     .example = "ssh",
     .doc = "What reports call the sequence: 1 to 64 letters, digits and `.` `_` `-` `@`, a letter or "
            "digit first.",
     .required = true},
    {.name = "knock",
     .scope = Scope::sequence,
     .form = Form::knocks,
     .read = read_knocks,
     .fallback = "",
     .example = "[7000/udp, 8000/udp, 9000/udp]",
     .doc =
         "The knocks in their order, 1 to 32 of them: port/protocol; a port alone means udp. `7000:udp`, "
         "`udp/7000` and upper case do as well. None of them is a port that is opened, public or a listed guard, and no port serves more than 64 "
         "knocks in all. Either `knock` or `derive`.",
     .secret = true,
     .required = true,
     .unless = "derive"},
    {.name = "opens",
     .scope = Scope::sequence,
     .form = Form::services,
     .read = read_opens,
     .fallback = "",
     .example = "[22/tcp]",
     .doc = "The services that the sequence opens: port/protocol or first-last/protocol, or a name that this "
            "host's /etc/services has, as `ssh` or `ssh/tcp`. They are refused to everyone else.",
     .required = true},
    {.name = "step_timeout",
     .scope = Scope::sequence,
     .form = Form::duration,
     .read = read_scalar<&Sequence::step_timeout, parse_duration>,
     .fallback = "5s",
     .example = "1s",
     .doc = "How long after one knock the next is expected."},
    {.name = "open_for",
     .scope = Scope::sequence,
     .form = Form::duration,
     .read = read_scalar<&Sequence::open_for, parse_duration>,
     .fallback = "30s",
     .example = "60s",
     .doc = "How long new connections are accepted after the last knock. Live connections go on."},
    {.name = "sequence_timeout",
     .scope = Scope::sequence,
     .form = Form::duration,
     .read = read_scalar<&Sequence::sequence_timeout, parse_duration>,
     .fallback = "",
     .example = "10s",
     .doc =
         "How long the whole sequence may take, beside `step_timeout`. Default: as long as its steps allow."},
    {.name = "from",
     .scope = Scope::sequence,
     .form = Form::networks,
     .read = read_networks<&Sequence::from>,
     .fallback = "[]",
     .example = "[198.51.100.0/24, \"2001:db8::/32\"]",
     .doc = "Sources that may use the sequence. Without any: all."},
    {.name = "to",
     .scope = Scope::sequence,
     .form = Form::networks,
     .read = read_networks<&Sequence::to>,
     .fallback = "[]",
     .example = "[203.0.113.10]",
     .doc = "Addresses at which the services are: protected and opened there (routed, or one of several "
            "addresses of this host) instead of on this host. The knocks go to this host."},
    {.name = "once",
     .scope = Scope::sequence,
     .form = Form::boolean,
     .read = read_scalar<&Sequence::once, parse_boolean>,
     .fallback = "false",
     .example = "true",
     .doc =
         "After one grant the kernel itself refuses the sequence, until `knockwork renew NAME` or until its "
         "knocks change."},
    {.name = "on_expiry",
     .scope = Scope::sequence,
     .form = Form::choice,
     .read = read_choice<&Sequence::on_expiry>,
     .fallback = "keep",
     .example = "cut",
     .doc = "What becomes of live connections when their source has no grant any longer: they go on, or they "
            "are cut, silently. Sequences that open the same service agree on it.",
     .choices = kOnExpiry},
    {.name = "derive",
     .scope = Scope::sequence,
     .form = Form::derivation,
     .read = read_derivation,
     .fallback = "",
     .example = "{secret_file: /etc/knockwork/secret, length: 5, period: 1d, overlap: 1h}",
     .doc = "Draws the knocks from a secret instead of writing them down, anew for each epoch. Epoch 41 of "
            "`ssh` is a sequence of its own, `ssh#41`, in reports and in `once`. How they are drawn: "
            "docs/derivation.md."},
}};

constexpr std::array<Key, 10> kDerive{{
    {.name = "secret_file",
     .scope = Scope::derive,
     .form = Form::path,
     .read = read_scalar<&Derivation::secret_file, parse_absolute_path>,
     .fallback = "",
     .example = "/etc/knockwork/secret",
     .doc = "The file that holds the secret: an absolute path. `knockwork derive` makes and fills it; nobody "
            "but its owner may read it. It is read when the declaration is applied, never to validate it.",
     .secret = true,
     .required = true},
    {.name = "host",
     .scope = Scope::derive,
     .form = Form::host,
     .read = read_scalar<&Derivation::host, parse_host>,
     .fallback = "",
     .example = "web1.example",
     .doc =
         "The name of the host whose sequence it is, in small or capital letters: a client and the host must "
         "mean the same. Default: this host's name."},
    {.name = "length",
     .scope = Scope::derive,
     .form = Form::integer,
     .read = read_integer<&Derivation::length>,
     .fallback = "",
     .example = "5",
     .doc = "How many knocks to draw.",
     .required = true,
     .least = 1,
     .most = 32},
    {.name = "protocols",
     .scope = Scope::derive,
     .form = Form::protocols,
     .read = read_list<&Derivation::protocols, parse_protocol>,
     .fallback = "[udp]",
     .example = "[tcp, udp]",
     .doc = "The protocols to draw from, each knock by itself.",
     .choices = kProtocols},
    {.name = "ports",
     .scope = Scope::derive,
     .form = Form::range,
     .read = read_scalar<&Derivation::ports, parse_range>,
     .fallback = "1024-32767",
     .example = "10000-20000",
     .doc =
         "The ports to draw from: 256 at least, without those of `exclude`. No sequence uses a port twice. "
         "Above 32767 this host's own connections take their ports."},
    {.name = "exclude",
     .scope = Scope::derive,
     .form = Form::ranges,
     .read = read_list<&Derivation::exclude, parse_range>,
     .fallback = "[]",
     .example = "[8080, 6000-6063]",
     .doc =
         "Ports never to draw, of either protocol: all within `ports` that sequences open, that are public "
         "or listed guards, on every host that shares the declaration. A client must exclude the same."},
    {.name = "period",
     .scope = Scope::derive,
     .form = Form::duration,
     .read = read_scalar<&Derivation::period, parse_duration>,
     .fallback = "",
     .example = "1d",
     .doc =
         "How long a drawn sequence is valid, before the next takes its place by the clock: epoch N begins "
         "N periods after the start of 1970, UTC. Without `period` and `epoch` the epochs are those of this "
         "host's record, 0 at first, which `knockwork epoch` and the role rotate change."},
    {.name = "overlap",
     .scope = Scope::derive,
     .form = Form::duration,
     .read = read_scalar<&Derivation::overlap, parse_duration>,
     .fallback = "",
     .example = "1h",
     .doc = "How long before a boundary the next sequence is accepted already, and after it the one before "
            "still; shorter than `period`. It covers clocks that differ and the time between two applies. "
            "Default: not at all. Only with `period`."},
    {.name = "epoch",
     .scope = Scope::derive,
     .form = Form::integer,
     .read = read_integer<&Derivation::epoch>,
     .fallback = "",
     .example = "41",
     .doc = "The number of the sequence in force, where it changes by hand or by a controller instead of the "
            "clock. Either `period` or `epoch`.",
     .least = 0,
     .most = static_cast<int>(kLastEpoch)},
    {.name = "accepts",
     .scope = Scope::derive,
     .form = Form::epochs,
     .read = read_epochs,
     .fallback = "",
     .example = "[41, 42]",
     .doc =
         "The epochs that are accepted side by side, `epoch` among them, 16 at most. Default: `epoch` alone. "
         "Only with `epoch`.",
     .least = 0,
     .most = static_cast<int>(kLastEpoch)},
}};

constexpr std::array<Key, 2> kProfile{{
    {.name = "knockwork",
     .scope = Scope::profile,
     .form = Form::version,
     .read = read_version,
     .fallback = "",
     .example = "1",
     .doc = "The version of this format.",
     .required = true,
     .least = 1,
     .most = 1},
    {.name = "hosts",
     .scope = Scope::profile,
     .form = Form::hosts,
     .read = read_hosts,
     .fallback = "",
     .example =
         "[{host: web1, sequences: [{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]}]",
     .doc = "The hosts to knock on. Where several entries fit a host, the first counts.",
     .required = true},
}};

constexpr std::array<Key, 4> kHost{{
    {.name = "host",
     .scope = Scope::host,
     .form = Form::patterns,
     .read = read_patterns,
     .fallback = "",
     .example = "web1.example",
     .doc =
         "Which hosts the entry is for, as they are named when they are knocked on: a name, a shell pattern "
         "like `web*.example`, or a list of such. Upper and lower case are one.",
     .required = true},
    {.name = "address",
     .scope = Scope::host,
     .form = Form::address,
     .read = read_address,
     .fallback = "",
     .example = "192.0.2.10",
     .doc = "Where knocks and connections go: a name or an address. Default: the host as it is named."},
    {.name = "lockout",
     .scope = Scope::host,
     .form = Form::duration,
     .read = read_lockout,
     .fallback = "",
     .example = "5s",
     .doc =
         "The host's own `lockout`: after knocks that opened nothing, the next are sent when it has passed. "
         "Default: the longest `step_timeout`, as on the host."},
    {.name = "sequences",
     .scope = Scope::host,
     .form = Form::sequences,
     .read = read_sequences,
     .fallback = "",
     .example = "[{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]",
     .doc =
         "The host's sequences, with the keys that its declaration has for them. Where several open a port, "
         "the first counts.",
     .required = true},
}};

}  // namespace

std::span<const Key> keys(Scope scope) {
  switch (scope) {
    case Scope::declaration:
      return kDeclaration;
    case Scope::public_entry:
      return kPublicEntry;
    case Scope::sequence:
      return kSequence;
    case Scope::derive:
      return kDerive;
    case Scope::profile:
      return kProfile;
    case Scope::host:
      return kHost;
  }
  return {};
}

}  // namespace knockwork::spec
