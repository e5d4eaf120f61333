#include "spec/keys.hpp"

#include <algorithm>
#include <array>

#include "spec/fields.hpp"

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

FieldValue version(const Key&, const Origin&) { return std::uint64_t{1}; }
FieldValue publics(const Key&, const Origin& origin) {
  return Publics{&origin.spec->public_services, &origin.spec->public_rules};
}
FieldValue public_service(const Key&, const Origin& origin) { return origin.rule; }

// Keys that would have no effect are refused, so they have none to write.
bool in_stealth(const Origin& origin) { return origin.spec->mode == Mode::stealth; }
bool locks_out(const Origin& origin) {
  return origin.spec->wrong_knock == WrongKnock::lockout && origin.spec->lockout > Duration{};
}
bool written_down(const Origin& origin) { return !origin.sequence->derive && !origin.sequence->token; }
bool has_steps(const Origin& origin) { return !origin.sequence->token; }
bool opens_any(const Origin& origin) { return origin.sequence->closes.empty(); }
bool from_some(const Origin& origin) { return !origin.rule->from.empty(); }
bool overlaps(const Origin& origin) { return origin.derivation->overlap > Duration{}; }
bool by_epoch(const Origin& origin) { return origin.derivation->epoch.has_value(); }

constexpr std::array<Key, 15> kDeclaration{{
    {.name = "knockwork",
     .scope = Scope::declaration,
     .form = Form::version,
     .access = {read_version, version},
     .fallback = "",
     .example = "1",
     .doc = "The version of this format. Only in the main file, never in a drop-in.",
     .required = true,
     .least = 1,
     .most = 1},
    {.name = "mode",
     .scope = Scope::declaration,
     .form = Form::choice,
     .access = kChoice<&Spec::mode>,
     .fallback = "gate",
     .example = "stealth",
     .doc =
         "`gate` refuses the services that sequences open, except to sources with a grant, and leaves other "
         "services as they are. (It drops TCP segments with flag combinations that no stack sends, at every "
         "port.) `stealth` drops everything that is not established, granted or public.",
     .choices = kMode},
    {.name = "public",
     .scope = Scope::declaration,
     .form = Form::publics,
     .access = {read_public, publics},
     .fallback = "[]",
     .example = "[80/tcp, 443/tcp, gre, {service: 53/udp, interface: docker0}]",
     .doc =
         "What is open to everyone and never counts as a wrong knock: services, and protocols by name "
         "(`icmp`, "
         "`icmpv6/echo-request`, `gre`, `esp`, `ah`, `sctp`, `ospf`, `vrrp`, `igmp` and others) or by "
         "number (`proto/47`). An entry that is a mapping applies to one interface (in a VRF: the VRF) or to "
         "some sources only. Stealth mode does not let in connections that a conntrack helper expects: for an "
         "FTP server, list its data ports as well. Only with `mode: stealth`.",
     .effective = in_stealth},
    {.name = "ping",
     .scope = Scope::declaration,
     .form = Form::boolean,
     .access = {read_ping, value_of<&Spec::ping>},
     .fallback = "true",
     .example = "no",
     .doc = "Whether stealth mode accepts IPv4 and IPv6 echo requests, so that this host answers pings. Only "
            "with `mode: stealth`: gate mode refuses none.",
     .effective = in_stealth},
    {.name = "refuse",
     .scope = Scope::declaration,
     .form = Form::choice,
     .access = kChoice<&Spec::refuse>,
     .fallback = "auto",
     .example = "drop",
     .doc = "How a protected service refuses sources without a grant. `auto` answers like this host's closed "
            "ports: in gate mode like a closed port, in stealth mode not at all.",
     .choices = kRefuse},
    {.name = "always_allow",
     .scope = Scope::declaration,
     .form = Form::networks,
     .access = kNetworks<&Spec::always_allow>,
     .fallback = "[]",
     .example = "[192.0.2.0/28]",
     .doc =
         "Sources that never need to knock, such as your way back in. Networks must not have host bits set."},
    {.name = "wrong_knock",
     .scope = Scope::declaration,
     .form = Form::choice,
     .access = kChoice<&Spec::wrong_knock>,
     .fallback = "lockout",
     .example = "ignore",
     .doc =
         "What a wrong knock does. `lockout`: the source's knocks have no effect for a while, so that a port "
         "scan opens nothing. `ignore`: no effect.",
     .choices = kWrongKnock},
    {.name = "lockout",
     .scope = Scope::declaration,
     .form = Form::duration,
     .access = {read_lockout, value_of<&Spec::lockout>},
     .fallback = "",
     .example = "5s",
     .doc = "How long a lockout lasts after the last wrong knock. Default: the longest `step_timeout`. A "
            "shorter lockout is an error, because a slow scan would get through. Only with `wrong_knock: "
            "lockout`.",
     .effective = locks_out},
    {.name = "guards",
     .scope = Scope::declaration,
     .form = Form::guards,
     .access = {read_guards, value_of<&Spec::guards>},
     .fallback = "auto",
     .example = "[7001/udp, 7999]",
     .doc = "Ports that no legitimate client uses: a packet to one is a wrong knock. `auto` means the ports "
            "next to each knock port; `none` means no ports; in a list, a port without a protocol means both "
            "tcp and udp. Only with `wrong_knock: lockout`.",
     .choices = kGuards},
    {.name = "interfaces",
     .scope = Scope::declaration,
     .form = Form::interfaces,
     .access = {read_interfaces, value_of<&Spec::interfaces>},
     .fallback = "[]",
     .example = "[eth0]",
     .doc =
         "Interfaces to protect, by name; of a VRF, name the members. A missing interface and a bridge port are "
         "warnings. `eth*` means all interfaces whose names begin with `eth`. `[\"!wg0\", \"!docker*\"]` means "
         "all interfaces except loopback and these; the quotes are required. If empty: all interfaces except "
         "loopback. Nothing is protected on other interfaces, and knocks do not count there."},
    {.name = "ipv4_prefix",
     .scope = Scope::declaration,
     .form = Form::integer,
     .access = kInteger<&Spec::ipv4_prefix>,
     .fallback = "32",
     .example = "24",
     .doc =
         "How many leading bits of an IPv4 address identify one source: 24 for clients whose carrier changes "
         "their address within a /24. This has a price: everyone in that network shares grants, "
         "half-finished sequences and lockouts, so a neighbour can get in with you or lock you out.",
     .least = 16,
     .most = 32},
    {.name = "ipv6_prefix",
     .scope = Scope::declaration,
     .form = Form::integer,
     .access = kInteger<&Spec::ipv6_prefix>,
     .fallback = "128",
     .example = "64",
     .doc = "How many leading bits of an IPv6 address identify one source: everyone in that network shares "
            "grants. Lockouts always apply to a /64 or shorter prefix.",
     .least = 32,
     .most = 128},
    {.name = "sources",
     .scope = Scope::declaration,
     .form = Form::integer,
     .access = kInteger<&Spec::sources>,
     .fallback = "65536",
     .example = "262144",
     .doc = "The maximum number of elements in each of the kernel's dynamic sets. A source may need several.",
     .least = 16,
     .most = 4194304},
    {.name = "log",
     .scope = Scope::declaration,
     .form = Form::choice,
     .access = kChoice<&Spec::log>,
     .fallback = "none",
     .example = "grants",
     .doc = "What the kernel reports to `knockwork watch`: nothing, grants, or wrong knocks as well "
            "(rate-limited during a flood). Never a port.",
     .choices = kLog},
    {.name = "sequences",
     .scope = Scope::declaration,
     .form = Form::sequences,
     .access = {read_sequences, value_of<&Spec::sequences>},
     .fallback = "[]",
     .example = "[{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]",
     .doc = "The sequences. Each drop-in file is such a list, and its sequences are added. Names must be "
            "unique."},
}};

constexpr std::array<Key, 3> kPublicEntry{{
    {.name = "service",
     .scope = Scope::public_entry,
     .form = Form::service,
     .access = {read_public_service, public_service},
     .fallback = "",
     .example = "53/udp",
     .doc = "The service or protocol, written as it would be directly in `public`.",
     .required = true},
    {.name = "interface",
     .scope = Scope::public_entry,
     .form = Form::interface,
     .access = kScalarIfAny<&PublicRule::interface, parse_interface>,
     .fallback = "",
     .example = "docker0",
     .doc =
         "The interface on which it is open, by name or by a prefix of names, as in `br-*`. Default: all."},
    {.name = "from",
     .scope = Scope::public_entry,
     .form = Form::networks,
     .access = {read_public_sources, value_of<&PublicRule::from>},
     .fallback = "[]",
     .example = "[192.0.2.0/24]",
     .doc = "Sources to which it is open. If empty: all.",
     .effective = from_some},
}};

constexpr std::array<Key, 16> kSequence{{
    {.name = "name",
     .scope = Scope::sequence,
     .form = Form::name,
     .access = {read_name, value_of<&Sequence::name>},
     .fallback = "",
     .example = "ssh",
     .doc =
         "The name of the sequence in reports: 1 to 64 letters, digits and `.` `_` `-` `@`, beginning with a "
         "letter or digit.",
     .client = true,
     .required = true},
    {.name = "knock",
     .scope = Scope::sequence,
     .form = Form::knocks,
     .access = {read_knocks, value_of<&Sequence::knock>},
     .fallback = "",
     .example = "[7000/udp, 8000/udp, 9000/udp]",
     .doc =
         "The knocks in order, 1 to 32 of them: port/protocol; a port alone means udp. `7000:udp`, "
         "`udp/7000` and upper case are accepted too. A knock port must not be opened, public or a listed "
         "guard, and a port can serve at most 64 knocks in total. Write one of `knock`, `derive` and `token`.",
     .secret = true,
     .client = true,
     .required = true,
     .unless = {"derive", "token"},
     .effective = written_down},
    {.name = "opens",
     .scope = Scope::sequence,
     .form = Form::services,
     .access = {read_opens, value_of<&Sequence::opens>},
     .fallback = "",
     .example = "[22/tcp]",
     .doc =
         "The services that the sequence opens: port/protocol or first-last/protocol, or a name from this "
         "host's /etc/services, such as `ssh` or `ssh/tcp`. The services are refused to all other sources. `all/tcp` "
         "and `all/udp` mean every port of the protocol except this host's knock, guard and token ports.",
     .client = true,
     .required = true,
     .unless = {"closes"},
     .effective = opens_any},
    {.name = "closes",
     .scope = Scope::sequence,
     .form = Form::name,
     .access = kScalarIfAny<&Sequence::closes, parse_name>,
     .fallback = "",
     .example = "ssh",
     .doc =
         "Another sequence whose grant this one ends, in place of `opens`. A source that holds that grant "
         "loses its services, even those that a third sequence opened as well; for any other source, nothing "
         "changes. Live connections continue, unless the other sequence has `on_expiry: cut`.",
     .client = true},
    {.name = "step_timeout",
     .scope = Scope::sequence,
     .form = Form::duration,
     .access = kScalar<&Sequence::step_timeout, parse_duration>,
     .fallback = "5s",
     .example = "1s",
     .doc = "The maximum time between one knock and the next. A token has no steps.",
     .client = true,
     .effective = has_steps},
    {.name = "open_for",
     .scope = Scope::sequence,
     .form = Form::duration,
     .access = kScalar<&Sequence::open_for, parse_duration>,
     .fallback = "30s",
     .example = "60s",
     .doc =
         "How long new connections are accepted after the last knock. Live connections continue. A later grant of "
         "the same service replaces an earlier one, even one that would last longer.",
     .client = true,
     .effective = opens_any},
    {.name = "sequence_timeout",
     .scope = Scope::sequence,
     .form = Form::duration,
     .access = kScalar<&Sequence::sequence_timeout, parse_duration>,
     .fallback = "",
     .example = "10s",
     .doc = "The maximum time for the whole sequence, in addition to `step_timeout`. Default: as long as its "
            "steps allow.",
     .client = true,
     .effective = has_steps},
    {.name = "from",
     .scope = Scope::sequence,
     .form = Form::networks,
     .access = kNetworks<&Sequence::from>,
     .fallback = "[]",
     .example = "[198.51.100.0/24, \"2001:db8::/32\"]",
     .doc = "Sources that may use the sequence. If empty: all."},
    {.name = "to",
     .scope = Scope::sequence,
     .form = Form::networks,
     .access = kNetworks<&Sequence::to>,
     .fallback = "[]",
     .example = "[203.0.113.10]",
     .doc =
         "The addresses of the services. They are protected and opened at these addresses (routed, or some "
         "of this host's addresses) instead of at every address of this host. The knocks still go to this "
         "host.",
     .client = true,
     .effective = opens_any},
    {.name = "interfaces",
     .scope = Scope::sequence,
     .form = Form::interfaces,
     .access = {read_interfaces, value_of<&Sequence::interfaces>},
     .fallback = "[]",
     .example = "[eth0]",
     .doc =
         "Interfaces on which the sequence takes its knocks and opens its services, written as in the main "
         "file's `interfaces`, each of them protected. On all other protected interfaces, a packet to one of its "
         "knock ports is a wrong knock and its services stay closed, unless another sequence opens them there. If "
         "empty: all protected interfaces."},
    {.name = "connections",
     .scope = Scope::sequence,
     .form = Form::integer,
     .access = {read_integer<&Sequence::connections>, value_if_any<&Sequence::connections>},
     .fallback = "",
     .example = "1",
     .doc =
         "How many new connections a grant lets in, to all services of the sequence together; then it ends. "
         "Knocking again makes a new grant. For UDP, a flow is a connection. Live connections continue. `knockwork "
         "knock` does not check that the service is open, because that would use up a connection. Default: any "
         "number.",
     .client = true,
     .least = 1,
     .most = 32,
     .effective = opens_any},
    {.name = "once",
     .scope = Scope::sequence,
     .form = Form::boolean,
     .access = kScalar<&Sequence::once, parse_boolean>,
     .fallback = "false",
     .example = "true",
     .doc =
         "After one grant, the kernel ignores the sequence until `knockwork renew NAME` or until its knocks "
         "change.",
     .effective = opens_any},
    {.name = "prolong",
     .scope = Scope::sequence,
     .form = Form::boolean,
     .access = kScalar<&Sequence::prolong, parse_boolean>,
     .fallback = "false",
     .example = "true",
     .doc =
         "The grant lasts while it is used: packets of a connection to a service that the sequence opens renew "
         "it to `open_for`, or up to a tenth more. Only packets from the client count, and only after the service "
         "has answered. A grant that has expired is not renewed. Sequences that open the same service must agree. "
         "docs/udp-services.md has examples.",
     .effective = opens_any},
    {.name = "on_expiry",
     .scope = Scope::sequence,
     .form = Form::choice,
     .access = kChoice<&Sequence::on_expiry>,
     .fallback = "keep",
     .example = "cut",
     .doc = "What happens to live connections when their source no longer has a grant: `keep` lets them "
            "continue, `cut` silently drops their packets. Sequences that open the same service must agree.",
     .choices = kOnExpiry,
     .effective = opens_any},
    {.name = "derive",
     .scope = Scope::sequence,
     .form = Form::derivation,
     .access = {read_derivation, value_of<&Sequence::derive>},
     .fallback = "",
     .example = "{secret_file: /etc/knockwork/secret, length: 5, period: 1d, overlap: 1h}",
     .doc =
         "Derives the knocks from a secret, with new knocks for each epoch, instead of listing them. Reports "
         "and `once` treat epoch 41 of `ssh` as a separate sequence, `ssh#41`. docs/derivation.md explains "
         "the derivation.",
     .client = true},
    {.name = "token",
     .scope = Scope::sequence,
     .form = Form::token,
     .access = {read_token, value_of<&Sequence::token>},
     .fallback = "",
     .example = "{port: 41873/udp, secret_file: /etc/knockwork/secret}",
     .doc =
         "One UDP packet with a token opens, and each token opens once: no one who sees the packet can repeat "
         "it. The tokens are derived from a secret, and the kernel has those of the next minutes. "
         "docs/tokens.md explains them.",
     .client = true},
}};

constexpr std::array<Key, 8> kToken{{
    {.name = "port",
     .scope = Scope::token,
     .form = Form::knock,
     .access = kScalar<&Token::port, parse_token_port>,
     .fallback = "",
     .example = "41873/udp",
     .doc = "The UDP port that tokens are sent to. Sequences may share it; it must not be a knock port, a "
            "listed guard, public, or opened.",
     .secret = true,
     .client = true,
     .required = true},
    {.name = "secret_file",
     .scope = Scope::token,
     .form = Form::path,
     .access = kScalarIfAny<&Token::secret_file, parse_absolute_path>,
     .fallback = "",
     .example = "/etc/knockwork/secret",
     .doc = "The absolute path of the file with the secret, as in `derive`. If it has several lines, the one "
            "for epoch N applies, where N is `serial`.",
     .secret = true,
     .client = true,
     .required = true,
     .unless = {"key"}},
    {.name = "key",
     .scope = Scope::token,
     .form = Form::sequence_key,
     .access = kScalarIfAny<&Token::key, parse_sequence_key>,
     .fallback = "",
     .example = "sgQ2y3fQmXZV2jWqG0m3KqGqY7yLq4Jb0b1m7n9p2sU=",
     .doc = "The key of this sequence alone, instead of `secret_file`: 32 bytes in base64, as `knockwork "
            "export --for` writes it into a profile. It opens no other sequence and no other host.",
     .secret = true,
     .client = true},
    {.name = "host",
     .scope = Scope::token,
     .form = Form::host,
     .access = kScalarIfAny<&Token::host, parse_host>,
     .fallback = "",
     .example = "web1.example",
     .doc =
         "The name of the host that the sequence belongs to; case does not matter. The client and the host "
         "must use the same name. Default: this host's name. Only with `secret_file`.",
     .client = true},
    {.name = "period",
     .scope = Scope::token,
     .form = Form::duration,
     .access = kScalar<&Token::period, parse_duration>,
     .fallback = "15s",
     .example = "30s",
     .doc = "How long each token is current. A second use within a period takes the next token. The client "
            "and the host must use the same period.",
     .client = true},
    {.name = "ahead",
     .scope = Scope::token,
     .form = Form::duration,
     .access = kScalar<&Token::ahead, parse_duration>,
     .fallback = "10m",
     .example = "1h",
     .doc = "How far into the future the table holds tokens. It is topped up when half of that time is left. "
            "After this time without a top-up, the host accepts no token. Write 2m30s or more, because "
            "knockwork-rotate.timer runs once a minute. At most 1d."},
    {.name = "skew",
     .scope = Scope::token,
     .form = Form::duration,
     .access = kScalar<&Token::skew, parse_duration>,
     .fallback = "2m",
     .example = "30s",
     .doc = "How far a client's clock may be behind. It may be ahead by half of `ahead`. At most 1d."},
    {.name = "serial",
     .scope = Scope::token,
     .form = Form::integer,
     .access = kInteger<&Token::serial>,
     .fallback = "1",
     .example = "2",
     .doc = "Raise it to make every key and profile of the sequence worthless.",
     .client = true,
     .least = 1,
     .most = static_cast<int>(kLastEpoch)},
}};

constexpr std::array<Key, 10> kDerive{{
    {.name = "secret_file",
     .scope = Scope::derive,
     .form = Form::path,
     .access = kScalar<&Derivation::secret_file, parse_absolute_path>,
     .fallback = "",
     .example = "/etc/knockwork/secret",
     .doc =
         "The absolute path of the file with the secret. `knockwork derive` generates its contents; only the "
         "owner may have access. It is read when the declaration is applied, not when it is validated.",
     .secret = true,
     .required = true},
    {.name = "host",
     .scope = Scope::derive,
     .form = Form::host,
     .access = kScalarIfAny<&Derivation::host, parse_host>,
     .fallback = "",
     .example = "web1.example",
     .doc =
         "The name of the host that the sequence belongs to; case does not matter. The client and the host "
         "must use the same name. Default: this host's name."},
    {.name = "length",
     .scope = Scope::derive,
     .form = Form::integer,
     .access = kInteger<&Derivation::length>,
     .fallback = "",
     .example = "5",
     .doc = "The number of knocks.",
     .required = true,
     .least = 1,
     .most = 32},
    {.name = "protocols",
     .scope = Scope::derive,
     .form = Form::protocols,
     .access = kList<&Derivation::protocols, parse_protocol>,
     .fallback = "[udp]",
     .example = "[tcp, udp]",
     .doc = "The protocols to draw from, independently for each knock.",
     .choices = kProtocols},
    {.name = "ports",
     .scope = Scope::derive,
     .form = Form::range,
     .access = kScalar<&Derivation::ports, parse_range>,
     .fallback = "1024-32767",
     .example = "10000-20000",
     .doc = "The ports to draw from: at least 256, not counting those in `exclude`. A sequence never uses a "
            "port twice. This host's own outgoing connections use ports above 32767."},
    {.name = "exclude",
     .scope = Scope::derive,
     .form = Form::ranges,
     .access = kList<&Derivation::exclude, parse_range>,
     .fallback = "[]",
     .example = "[8080, 6000-6063]",
     .doc =
         "Ports that are never drawn, for either protocol. List every port in `ports` that a sequence opens, "
         "that is public or that is a listed guard, on any host with this declaration. Clients must exclude "
         "the same ports."},
    {.name = "period",
     .scope = Scope::derive,
     .form = Form::duration,
     .access = kScalarIfAny<&Derivation::period, parse_duration>,
     .fallback = "",
     .example = "1d",
     .doc = "How long a derived sequence is valid before the clock advances to the next: epoch N begins N "
            "periods after the start of 1970, UTC. Without `period` and `epoch`, the host's record has the "
            "epochs: initially 0; `knockwork epoch` and the role rotate change it."},
    {.name = "overlap",
     .scope = Scope::derive,
     .form = Form::duration,
     .access = kScalar<&Derivation::overlap, parse_duration>,
     .fallback = "",
     .example = "1h",
     .doc =
         "How long both sequences are accepted before and after each rotation; must be shorter than "
         "`period`. It covers clock differences and the time between two applies. Default: no overlap. Only "
         "with `period`.",
     .effective = overlaps},
    {.name = "epoch",
     .scope = Scope::derive,
     .form = Form::integer,
     .access = kInteger<&Derivation::epoch>,
     .fallback = "",
     .example = "41",
     .doc = "The number of the current epoch, if you or a controller advance it instead of the clock. Either "
            "`period` or `epoch`.",
     .least = 0,
     .most = static_cast<int>(kLastEpoch)},
    {.name = "accepts",
     .scope = Scope::derive,
     .form = Form::epochs,
     .access = {read_epochs, value_of<&Derivation::accepts>},
     .fallback = "",
     .example = "[41, 42]",
     .doc = "The epochs that are accepted at the same time, including `epoch`; at most 16. Default: only "
            "`epoch`. "
            "Only with `epoch`.",
     .least = 0,
     .most = static_cast<int>(kLastEpoch),
     .effective = by_epoch},
}};

constexpr std::array<Key, 2> kProfile{{
    {.name = "knockwork",
     .scope = Scope::profile,
     .form = Form::version,
     .access = {read_version, nullptr},
     .fallback = "",
     .example = "1",
     .doc = "The version of this format.",
     .required = true,
     .least = 1,
     .most = 1},
    {.name = "hosts",
     .scope = Scope::profile,
     .form = Form::hosts,
     .access = {read_hosts, nullptr},
     .fallback = "",
     .example =
         "[{host: web1, sequences: [{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]}]",
     .doc = "The hosts to knock on. If several entries match a host, the first one is used.",
     .required = true},
}};

constexpr std::array<Key, 4> kHost{{
    {.name = "host",
     .scope = Scope::host,
     .form = Form::patterns,
     .access = {read_patterns, nullptr},
     .fallback = "",
     .example = "web1.example",
     .doc = "The hosts that the entry applies to, as they are named on the command line: a name, a shell "
            "pattern such as `web*.example`, or a list of these. Case does not matter.",
     .required = true},
    {.name = "address",
     .scope = Scope::host,
     .form = Form::address,
     .access = {read_address, nullptr},
     .fallback = "",
     .example = "192.0.2.10",
     .doc = "The name or address for knocks and connections. Default: the host's name as given."},
    {.name = "lockout",
     .scope = Scope::host,
     .form = Form::duration,
     .access = {read_lockout, nullptr},
     .fallback = "",
     .example = "5s",
     .doc =
         "The host's `lockout`: if knocks opened nothing, the next ones are sent after this time. Default: "
         "the longest `step_timeout`, as on the host."},
    {.name = "sequences",
     .scope = Scope::host,
     .form = Form::sequences,
     .access = {read_sequences, nullptr},
     .fallback = "",
     .example = "[{name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}]",
     .doc =
         "The host's sequences, with the same keys as in its declaration. If several open the same port, the "
         "first one is used.",
     .required = true},
}};

template <std::size_t size>
constexpr bool are_whole(const std::array<Key, size>& table) {
  return std::all_of(table.begin(), table.end(), [](const Key& key) { return key.access.whole; });
}
static_assert(are_whole(kDeclaration) && are_whole(kPublicEntry) && are_whole(kSequence) &&
                  are_whole(kDerive) && are_whole(kToken),
              "a key is read, and written out again");

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
    case Scope::token:
      return kToken;
    case Scope::profile:
      return kProfile;
    case Scope::host:
      return kHost;
  }
  return {};
}

}  // namespace knockwork::spec
