# Copyright: (c) The knockwork maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Generated from the table of keys by packaging/generate: edit cpp/src/spec/keys.cpp.
from __future__ import annotations


class ModuleDocFragment:
    # The keys of a whole declaration.
    DOCUMENTATION = r'''
options:
  mode:
    description:
      - >-
        C(gate) refuses the services that sequences open, except to sources with a grant, and leaves other services as
        they are. (It drops TCP segments with flag combinations that no stack sends, at every port.) C(stealth) drops
        everything that is not established, granted or public.
    type: str
    choices: [gate, stealth]
    default: "gate"
  public:
    description:
      - >-
        What is open to everyone and never counts as a wrong knock: services, and protocols by name (C(icmp),
        C(icmpv6/echo-request), C(gre), C(esp), C(ah), C(sctp), C(ospf), C(vrrp), C(igmp) and others) or by number
        (C(proto/47)). An entry that is a mapping applies to one interface (in a VRF: the VRF) or to some sources only.
        Stealth mode does not let in connections that a conntrack helper expects: for an FTP server, list its data
        ports as well. Only with C(mode: stealth).
      - >-
        A mapping has these keys. C(service): The service or protocol, written as it would be directly in C(public).
        C(interface): The interface on which it is open, by name or by a prefix of names, as in C(br-*). Default: all.
        C(from): Sources to which it is open. If empty: all.
    type: list
    elements: raw
    default: []
  ping:
    description:
      - >-
        Whether stealth mode accepts IPv4 and IPv6 echo requests, so that this host answers pings. Only with C(mode:
        stealth): gate mode refuses none.
    type: bool
    default: true
  refuse:
    description:
      - >-
        How a protected service refuses sources without a grant. C(auto) answers like this host's closed ports: in gate
        mode like a closed port, in stealth mode not at all.
    type: str
    choices: [auto, drop, reject]
    default: "auto"
  always_allow:
    description:
      - >-
        Sources that never need to knock, such as your way back in. Networks must not have host bits set.
    type: list
    elements: str
    default: []
  wrong_knock:
    description:
      - >-
        What a wrong knock does. C(lockout): the source's knocks have no effect for a while, so that a port scan opens
        nothing. C(ignore): no effect.
    type: str
    choices: [lockout, ignore]
    default: "lockout"
  lockout:
    description:
      - >-
        How long a lockout lasts after the last wrong knock. Default: the longest C(step_timeout). A shorter lockout is
        an error, because a slow scan would get through. Only with C(wrong_knock: lockout).
    type: str
  guards:
    description:
      - >-
        Ports that no legitimate client uses: a packet to one is a wrong knock. C(auto) means the ports next to each
        knock port; C(none) means no ports; in a list, a port without a protocol means both tcp and udp. Only with
        C(wrong_knock: lockout).
    type: raw
    default: "auto"
  interfaces:
    description:
      - >-
        Interfaces to protect, by name; of a VRF, name the members. A missing interface and a bridge port are warnings.
        C(eth*) means all interfaces whose names begin with C(eth). C(["!wg0", "!docker*"]) means all interfaces except
        loopback and these; the quotes are required. If empty: all interfaces except loopback. Nothing is protected on
        other interfaces, and knocks do not count there.
    type: list
    elements: str
    default: []
  ipv4_prefix:
    description:
      - >-
        How many leading bits of an IPv4 address identify one source: 24 for clients whose carrier changes their
        address within a /24. This has a price: everyone in that network shares grants, half-finished sequences and
        lockouts, so a neighbour can get in with you or lock you out.
    type: int
    default: 32
  ipv6_prefix:
    description:
      - >-
        How many leading bits of an IPv6 address identify one source: everyone in that network shares grants. Lockouts
        always apply to a /64 or shorter prefix.
    type: int
    default: 128
  sources:
    description:
      - >-
        The maximum number of elements in each of the kernel's dynamic sets. A source may need several.
    type: int
    default: 65536
  log:
    description:
      - >-
        What the kernel reports to C(knockwork watch): nothing, grants, or wrong knocks as well (rate-limited during a
        flood). Never a port.
    type: str
    choices: [none, grants, all]
    default: "none"
  sequences:
    description:
      - >-
        The sequences. Each drop-in file is such a list, and its sequences are added. Names must be unique.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - >-
            The name of the sequence in reports: 1 to 64 letters, digits and C(.) C(_) C(-) C(@), beginning with a
            letter or digit.
        type: str
        required: true
      knock:
        description:
          - >-
            The knocks in order, 1 to 32 of them: port/protocol; a port alone means udp. C(7000:udp), C(udp/7000) and
            upper case are accepted too. A knock port must not be opened, public or a listed guard, and a port can
            serve at most 64 knocks in total. Write one of C(knock), C(derive) and C(token).
        type: list
        elements: raw
      opens:
        description:
          - >-
            The services that the sequence opens: port/protocol or first-last/protocol, or a name from this host's
            /etc/services, such as C(ssh) or C(ssh/tcp). The services are refused to all other sources. C(all/tcp) and
            C(all/udp) mean every port of the protocol except this host's knock, guard and token ports.
        type: list
        elements: str
      closes:
        description:
          - >-
            Another sequence whose grant this one ends, in place of C(opens). A source that holds that grant loses its
            services, even those that a third sequence opened as well; for any other source, nothing changes. Live
            connections continue, unless the other sequence has C(on_expiry: cut).
        type: str
      step_timeout:
        description:
          - >-
            The maximum time between one knock and the next. A token has no steps.
        type: str
        default: "5s"
      open_for:
        description:
          - >-
            How long new connections are accepted after the last knock. Live connections continue. A later grant of the
            same service replaces an earlier one, even one that would last longer.
        type: str
        default: "30s"
      sequence_timeout:
        description:
          - >-
            The maximum time for the whole sequence, in addition to C(step_timeout). Default: as long as its steps
            allow.
        type: str
      from:
        description:
          - >-
            Sources that may use the sequence. If empty: all.
        type: list
        elements: str
        default: []
      to:
        description:
          - >-
            The addresses of the services. They are protected and opened at these addresses (routed, or some of this
            host's addresses) instead of at every address of this host. The knocks still go to this host.
        type: list
        elements: str
        default: []
      interfaces:
        description:
          - >-
            Interfaces on which the sequence takes its knocks and opens its services, written as in the main file's
            C(interfaces), each of them protected. On all other protected interfaces, a packet to one of its knock
            ports is a wrong knock and its services stay closed, unless another sequence opens them there. If empty:
            all protected interfaces.
        type: list
        elements: str
        default: []
      connections:
        description:
          - >-
            How many new connections a grant lets in, to all services of the sequence together; then it ends. Knocking
            again makes a new grant. For UDP, a flow is a connection. Live connections continue. C(knockwork knock)
            does not check that the service is open, because that would use up a connection. Default: any number.
        type: int
      once:
        description:
          - >-
            After one grant, the kernel ignores the sequence until C(knockwork renew NAME) or until its knocks change.
        type: bool
        default: false
      prolong:
        description:
          - >-
            The grant lasts while it is used: packets of a connection to a service that the sequence opens renew it to
            C(open_for), or up to a tenth more. Only packets from the client count, and only after the service has
            answered. A grant that has expired is not renewed. Sequences that open the same service must agree.
            docs/udp-services.md has examples.
        type: bool
        default: false
      on_expiry:
        description:
          - >-
            What happens to live connections when their source no longer has a grant: C(keep) lets them continue,
            C(cut) silently drops their packets. Sequences that open the same service must agree.
        type: str
        choices: [keep, cut]
        default: "keep"
      derive:
        description:
          - >-
            Derives the knocks from a secret, with new knocks for each epoch, instead of listing them. Reports and
            C(once) treat epoch 41 of C(ssh) as a separate sequence, C(ssh#41). docs/derivation.md explains the
            derivation.
        type: dict
        suboptions:
          secret_file:
            description:
              - >-
                The absolute path of the file with the secret. C(knockwork derive) generates its contents; only the
                owner may have access. It is read when the declaration is applied, not when it is validated.
            type: path
            required: true
          host:
            description:
              - >-
                The name of the host that the sequence belongs to; case does not matter. The client and the host must
                use the same name. Default: this host's name.
            type: str
          length:
            description:
              - >-
                The number of knocks.
            type: int
            required: true
          protocols:
            description:
              - >-
                The protocols to draw from, independently for each knock.
            type: list
            elements: str
            default: ["udp"]
          ports:
            description:
              - >-
                The ports to draw from: at least 256, not counting those in C(exclude). A sequence never uses a port
                twice. This host's own outgoing connections use ports above 32767.
            type: str
            default: "1024-32767"
          exclude:
            description:
              - >-
                Ports that are never drawn, for either protocol. List every port in C(ports) that a sequence opens,
                that is public or that is a listed guard, on any host with this declaration. Clients must exclude the
                same ports.
            type: list
            elements: str
            default: []
          period:
            description:
              - >-
                How long a derived sequence is valid before the clock advances to the next: epoch N begins N periods
                after the start of 1970, UTC. Without C(period) and C(epoch), the host's record has the epochs:
                initially 0; C(knockwork epoch) and the role rotate change it.
            type: str
          overlap:
            description:
              - >-
                How long both sequences are accepted before and after each rotation; must be shorter than C(period). It
                covers clock differences and the time between two applies. Default: no overlap. Only with C(period).
            type: str
          epoch:
            description:
              - >-
                The number of the current epoch, if you or a controller advance it instead of the clock. Either
                C(period) or C(epoch).
            type: int
          accepts:
            description:
              - >-
                The epochs that are accepted at the same time, including C(epoch); at most 16. Default: only C(epoch).
                Only with C(epoch).
            type: list
            elements: int
      token:
        description:
          - >-
            One UDP packet with a token opens, and each token opens once: no one who sees the packet can repeat it. The
            tokens are derived from a secret, and the kernel has those of the next minutes. docs/tokens.md explains
            them.
        type: dict
        suboptions:
          port:
            description:
              - >-
                The UDP port that tokens are sent to. Sequences may share it; it must not be a knock port, a listed
                guard, public, or opened.
            type: raw
            required: true
          secret_file:
            description:
              - >-
                The absolute path of the file with the secret, as in C(derive). If it has several lines, the one for
                epoch N applies, where N is C(serial).
            type: path
          key:
            description:
              - >-
                The key of this sequence alone, instead of C(secret_file): 32 bytes in base64, as C(knockwork export
                --for) writes it into a profile. It opens no other sequence and no other host.
            type: str
          host:
            description:
              - >-
                The name of the host that the sequence belongs to; case does not matter. The client and the host must
                use the same name. Default: this host's name. Only with C(secret_file).
            type: str
          period:
            description:
              - >-
                How long each token is current. A second use within a period takes the next token. The client and the
                host must use the same period.
            type: str
            default: "15s"
          ahead:
            description:
              - >-
                How far into the future the table holds tokens. It is topped up when half of that time is left. After
                this time without a top-up, the host accepts no token. Write 2m30s or more, because
                knockwork-rotate.timer runs once a minute. At most 1d.
            type: str
            default: "10m"
          skew:
            description:
              - >-
                How far a client's clock may be behind. It may be ahead by half of C(ahead). At most 1d.
            type: str
            default: "2m"
          serial:
            description:
              - >-
                Raise it to make every key and profile of the sequence worthless.
            type: int
            default: 1
'''

    # Those of one sequence.
    SEQUENCE = r'''
options:
  name:
    description:
      - >-
        The name of the sequence in reports: 1 to 64 letters, digits and C(.) C(_) C(-) C(@), beginning with a letter
        or digit.
    type: str
    required: true
  knock:
    description:
      - >-
        The knocks in order, 1 to 32 of them: port/protocol; a port alone means udp. C(7000:udp), C(udp/7000) and upper
        case are accepted too. A knock port must not be opened, public or a listed guard, and a port can serve at most
        64 knocks in total. Write one of C(knock), C(derive) and C(token).
    type: list
    elements: raw
  opens:
    description:
      - >-
        The services that the sequence opens: port/protocol or first-last/protocol, or a name from this host's
        /etc/services, such as C(ssh) or C(ssh/tcp). The services are refused to all other sources. C(all/tcp) and
        C(all/udp) mean every port of the protocol except this host's knock, guard and token ports.
    type: list
    elements: str
  closes:
    description:
      - >-
        Another sequence whose grant this one ends, in place of C(opens). A source that holds that grant loses its
        services, even those that a third sequence opened as well; for any other source, nothing changes. Live
        connections continue, unless the other sequence has C(on_expiry: cut).
    type: str
  step_timeout:
    description:
      - >-
        The maximum time between one knock and the next. A token has no steps.
    type: str
    default: "5s"
  open_for:
    description:
      - >-
        How long new connections are accepted after the last knock. Live connections continue. A later grant of the
        same service replaces an earlier one, even one that would last longer.
    type: str
    default: "30s"
  sequence_timeout:
    description:
      - >-
        The maximum time for the whole sequence, in addition to C(step_timeout). Default: as long as its steps allow.
    type: str
  from:
    description:
      - >-
        Sources that may use the sequence. If empty: all.
    type: list
    elements: str
    default: []
  to:
    description:
      - >-
        The addresses of the services. They are protected and opened at these addresses (routed, or some of this host's
        addresses) instead of at every address of this host. The knocks still go to this host.
    type: list
    elements: str
    default: []
  interfaces:
    description:
      - >-
        Interfaces on which the sequence takes its knocks and opens its services, written as in the main file's
        C(interfaces), each of them protected. On all other protected interfaces, a packet to one of its knock ports is
        a wrong knock and its services stay closed, unless another sequence opens them there. If empty: all protected
        interfaces.
    type: list
    elements: str
    default: []
  connections:
    description:
      - >-
        How many new connections a grant lets in, to all services of the sequence together; then it ends. Knocking
        again makes a new grant. For UDP, a flow is a connection. Live connections continue. C(knockwork knock) does
        not check that the service is open, because that would use up a connection. Default: any number.
    type: int
  once:
    description:
      - >-
        After one grant, the kernel ignores the sequence until C(knockwork renew NAME) or until its knocks change.
    type: bool
    default: false
  prolong:
    description:
      - >-
        The grant lasts while it is used: packets of a connection to a service that the sequence opens renew it to
        C(open_for), or up to a tenth more. Only packets from the client count, and only after the service has
        answered. A grant that has expired is not renewed. Sequences that open the same service must agree.
        docs/udp-services.md has examples.
    type: bool
    default: false
  on_expiry:
    description:
      - >-
        What happens to live connections when their source no longer has a grant: C(keep) lets them continue, C(cut)
        silently drops their packets. Sequences that open the same service must agree.
    type: str
    choices: [keep, cut]
    default: "keep"
  derive:
    description:
      - >-
        Derives the knocks from a secret, with new knocks for each epoch, instead of listing them. Reports and C(once)
        treat epoch 41 of C(ssh) as a separate sequence, C(ssh#41). docs/derivation.md explains the derivation.
    type: dict
    suboptions:
      secret_file:
        description:
          - >-
            The absolute path of the file with the secret. C(knockwork derive) generates its contents; only the owner
            may have access. It is read when the declaration is applied, not when it is validated.
        type: path
        required: true
      host:
        description:
          - >-
            The name of the host that the sequence belongs to; case does not matter. The client and the host must use
            the same name. Default: this host's name.
        type: str
      length:
        description:
          - >-
            The number of knocks.
        type: int
        required: true
      protocols:
        description:
          - >-
            The protocols to draw from, independently for each knock.
        type: list
        elements: str
        default: ["udp"]
      ports:
        description:
          - >-
            The ports to draw from: at least 256, not counting those in C(exclude). A sequence never uses a port twice.
            This host's own outgoing connections use ports above 32767.
        type: str
        default: "1024-32767"
      exclude:
        description:
          - >-
            Ports that are never drawn, for either protocol. List every port in C(ports) that a sequence opens, that is
            public or that is a listed guard, on any host with this declaration. Clients must exclude the same ports.
        type: list
        elements: str
        default: []
      period:
        description:
          - >-
            How long a derived sequence is valid before the clock advances to the next: epoch N begins N periods after
            the start of 1970, UTC. Without C(period) and C(epoch), the host's record has the epochs: initially 0;
            C(knockwork epoch) and the role rotate change it.
        type: str
      overlap:
        description:
          - >-
            How long both sequences are accepted before and after each rotation; must be shorter than C(period). It
            covers clock differences and the time between two applies. Default: no overlap. Only with C(period).
        type: str
      epoch:
        description:
          - >-
            The number of the current epoch, if you or a controller advance it instead of the clock. Either C(period)
            or C(epoch).
        type: int
      accepts:
        description:
          - >-
            The epochs that are accepted at the same time, including C(epoch); at most 16. Default: only C(epoch). Only
            with C(epoch).
        type: list
        elements: int
  token:
    description:
      - >-
        One UDP packet with a token opens, and each token opens once: no one who sees the packet can repeat it. The
        tokens are derived from a secret, and the kernel has those of the next minutes. docs/tokens.md explains them.
    type: dict
    suboptions:
      port:
        description:
          - >-
            The UDP port that tokens are sent to. Sequences may share it; it must not be a knock port, a listed guard,
            public, or opened.
        type: raw
        required: true
      secret_file:
        description:
          - >-
            The absolute path of the file with the secret, as in C(derive). If it has several lines, the one for epoch
            N applies, where N is C(serial).
        type: path
      key:
        description:
          - >-
            The key of this sequence alone, instead of C(secret_file): 32 bytes in base64, as C(knockwork export --for)
            writes it into a profile. It opens no other sequence and no other host.
        type: str
      host:
        description:
          - >-
            The name of the host that the sequence belongs to; case does not matter. The client and the host must use
            the same name. Default: this host's name. Only with C(secret_file).
        type: str
      period:
        description:
          - >-
            How long each token is current. A second use within a period takes the next token. The client and the host
            must use the same period.
        type: str
        default: "15s"
      ahead:
        description:
          - >-
            How far into the future the table holds tokens. It is topped up when half of that time is left. After this
            time without a top-up, the host accepts no token. Write 2m30s or more, because knockwork-rotate.timer runs
            once a minute. At most 1d.
        type: str
        default: "10m"
      skew:
        description:
          - >-
            How far a client's clock may be behind. It may be ahead by half of C(ahead). At most 1d.
        type: str
        default: "2m"
      serial:
        description:
          - >-
            Raise it to make every key and profile of the sequence worthless.
        type: int
        default: 1
'''
