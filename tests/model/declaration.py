"""Random declarations: few ports and short times, so that sequences meet in every way."""

import base64
import hashlib
import ipaddress
import random
from dataclasses import dataclass, replace
from functools import lru_cache

ALLOWED = ("10.200.255.0/28", "fd99:0:0:ff::/64")  # the sources' pools are in script.py
_SERVICES = ("22/tcp", "443/tcp", "51820/udp", "60007/udp", "60000-60010/udp", "60005-60020/udp",
             "6000-6003/tcp")
_PUBLIC = ("80/tcp", "8000-8003/udp", "8002-8005/udp", "7003/tcp", "7002/udp", "443/tcp")
_STEP_TIMES = (100, 200, 200, 300, 400)
_FROM = (("10.200.0.0/17", "fd99::/58"), ("10.200.0.0/16",), ("fd99::/32",))
_TO = (("10.77.0.11", "fd77::11"), ("10.88.0.0/24", "fd88::/64"), ("10.88.0.6/31", "fd88::7"),
       ("10.77.0.11", "10.88.0.0/28"), ("10.88.0.7",), ("fd77::11", "fd88::20"), ("10.77.0.10", "fd77::10"),
       ("10.77.0.0/16", "10.88.0.0/16"))  # as few networks as there can be, sorted
_OPEN_TIMES = (100, 200, 300, 500, 900)
_MOST_STEPS = 32
_TOKEN_PORTS = ("7004/udp", "6999/udp", "30000/udp")  # beside knock ports, and far from them


@dataclass(frozen=True)
class Sequence:
    """One sequence; times in milliseconds."""

    name: str
    knock: tuple[str, ...]
    opens: tuple[str, ...]
    step_timeout: int
    open_for: int
    sequence_timeout: int | None
    sources: tuple[str, ...]  # `from`
    to: tuple[str, ...] = ()
    once: bool = False
    cut: bool = False  # on_expiry: cut
    prolong: bool = False
    closes: str = ""  # the name of another one; then it opens nothing
    token: str = ""  # the port of its tokens, as "7000/udp": then it has no knocks

    @property
    def pause(self) -> int:
        """Between two renewals by use."""
        return max(100, self.open_for // 1000 * 100)

    @property
    def renewed_for(self) -> int:
        """By use."""
        return self.open_for + self.pause

    @property
    def steps(self) -> int:
        """How many it takes to open."""
        return len(self.knock) or 1

    def is_at(self, address: str) -> bool:
        """Whether `to` names this address."""
        return any(_holds(network, address) for network in self.to)

    def is_for(self, source: str) -> bool:
        """Whether `from` lets this source knock."""
        return not self.sources or any(_holds(network, source) for network in self.sources)


@dataclass(frozen=True)
class Declaration:
    """What knockwork reads. None, or no guards, where a key is left to its default."""

    mode: str
    refuse: str | None
    public: tuple[str, ...]
    always_allow: tuple[str, ...]
    wrong_knock: str | None
    lockout: int | None
    guards: str | tuple[str, ...] | None
    sources: int | None
    ipv4_prefix: int | None
    ipv6_prefix: int | None
    log: str | None
    sequences: tuple[Sequence, ...]
    interfaces: tuple[str, ...] = ()

    def source_key(self, source: str) -> str:
        """How the sets call a source."""
        return _widened(source, self.ipv6_prefix or 128 if ":" in source else self.ipv4_prefix or 32)

    def lockout_key(self, source: str) -> str:
        """Whom a lockout of this source locks out, as nft lists it."""
        if _holds("fe80::/10", source):
            return source
        return _widened(source, min(64, self.ipv6_prefix or 64) if ":" in source else self.ipv4_prefix or 32)

    def owner(self, source: str) -> str:
        """Whose doing this is: those that share neither steps, grants nor lockouts have different ones."""
        return self.source_key(source) if _holds("fe80::/10", source) else self.lockout_key(source)

    def spenders(self, target: str, token: str = "") -> list[Sequence]:
        """The sequences that a knock on this port, as "7000/udp", or a token of this name could spend."""
        return [sequence for sequence in self.sequences if sequence.once and (
            sequence.knock[-1:] == (target,) or bool(token) and target in self.tokens and sequence.name == token)]

    def used_at(self, address: str, port: int, protocol: str, routed: bool) -> list[list[tuple[Sequence, str]]]:
        """What a packet of a connection there uses: in groups, each of which is asked about by itself."""
        found = [(sequence, service) for sequence in self.sequences for service in sequence.opens
                 if covers(service, port, protocol)]
        there = [(sequence, service) for sequence, service in found if sequence.is_at(address)]
        here = [] if there or routed else [(sequence, service) for sequence, service in found if not sequence.to]
        single = [(sequence, service) for sequence, service in here if "-" not in service]
        wide = [(sequence, service) for sequence, service in here if "-" in service]
        return [group for group in (there, single, wide) if any(sequence.prolong for sequence, _ in group)]

    def closers(self, target: str) -> list[Sequence]:
        """The sequences of which a knock on this port, as "7000/udp", could be the last, and which close others."""
        return [sequence for sequence in self.sequences if sequence.closes and sequence.knock[-1:] == (target,)]

    @property
    def locks(self) -> bool:
        """Whether a wrong knock has consequences."""
        return self.wrong_knock != "ignore"

    @property
    def lockout_time(self) -> int:
        """Milliseconds, the default resolved."""
        return self.lockout or max(sequence.step_timeout for sequence in self.sequences if sequence.knock)

    @property
    def longest_memory(self) -> int:
        """Milliseconds after which no packet is remembered but by its grants."""
        return max([self.lockout_time] + [sequence.sequence_timeout or sequence.step_timeout
                                          for sequence in self.sequences])

    @property
    def longest_excuse(self) -> float:
        """Seconds in which a stack sends a copy of a knock."""
        return max([8.0] + [sequence.step_timeout / 1000 for sequence in self.sequences])

    @property
    def longest_grant(self) -> int:
        """Milliseconds."""
        return max(sequence.renewed_for for sequence in self.sequences)

    @property
    def knocks(self) -> frozenset[str]:
        """Every knock port, as "7000/udp"."""
        return frozenset(knock for sequence in self.sequences for knock in sequence.knock)

    @property
    def tokens(self) -> frozenset[str]:
        """Every port that tokens are sent to."""
        return frozenset(sequence.token for sequence in self.sequences if sequence.token)

    @property
    def services(self) -> frozenset[str]:
        """Every service that a sequence opens."""
        return frozenset(service for sequence in self.sequences for service in sequence.opens)

    def text(self) -> str:
        """As YAML."""
        lines = ["knockwork: 1", f"mode: {self.mode}"]
        for key, value in (("refuse", self.refuse), ("public", self.public),
                           ("always_allow", self.always_allow), ("wrong_knock", self.wrong_knock),
                           ("lockout", self.lockout and f"{self.lockout}ms"), ("guards", self.guards),
                           ("sources", self.sources), ("ipv4_prefix", self.ipv4_prefix),
                           ("ipv6_prefix", self.ipv6_prefix), ("log", self.log),
                           ("interfaces", self.interfaces)):
            if value:
                lines.append(f"{key}: {_list(value) if isinstance(value, tuple) else value}")
        lines.append("sequences:")
        for sequence in self.sequences:
            lines += [f"  - name: {sequence.name}"]
            if sequence.closes:
                lines += [f"    closes: {sequence.closes}"]
            else:
                lines += [f"    opens: {_list(sequence.opens)}", f"    open_for: {sequence.open_for}ms"]
            if sequence.token:
                lines.append(f"    token: {{port: {sequence.token}, key: {_any_key(sequence.name)}}}")
            else:
                lines += [f"    knock: {_list(sequence.knock)}", f"    step_timeout: {sequence.step_timeout}ms"]
            if sequence.sequence_timeout:
                lines.append(f"    sequence_timeout: {sequence.sequence_timeout}ms")
            if sequence.sources:
                lines.append(f"    from: {_list(sequence.sources)}")
            if sequence.to:
                lines.append(f"    to: {_list(sequence.to)}")
            if sequence.once:
                lines.append("    once: true")
            if sequence.cut:
                lines.append("    on_expiry: cut")
            if sequence.prolong:
                lines.append("    prolong: true")
        return "\n".join(lines) + "\n"


def _any_key(name: str) -> str:
    """Its tokens are never sent: tokens.py has others."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


def _list(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{word}"' if set(word) & set(":!") else word for word in words) + "]"


@lru_cache(maxsize=None)
def _holds(network: str, source: str) -> bool:
    return ipaddress.ip_address(source) in ipaddress.ip_network(network)


@lru_cache(maxsize=None)
def _widened(source: str, prefix: int) -> str:
    return str(ipaddress.ip_network(f"{source}/{prefix}", strict=False).network_address)


@lru_cache(maxsize=None)
def covers(service: str, port: int, protocol: str) -> bool:
    """Whether "60000-60010/udp" or "22/tcp" holds a port."""
    ports, _, its_protocol = service.partition("/")
    first, _, last = ports.partition("-")
    return its_protocol == protocol and int(first) <= port <= int(last or first)


def any_declaration(dice: random.Random, mode: str) -> Declaration:
    """One that knockwork accepts."""
    public = tuple(dice.sample(_PUBLIC, dice.randint(0, 3))) if mode == "stealth" else ()
    public = tuple(service for service in public
                   if not (service == "8002-8005/udp" and "8000-8003/udp" in public))
    pool = _knock_pool(dice, public)
    sequences = _any_sequences(dice, pool)
    public = tuple(service for service in public
                   if not any(service in sequence.opens and not sequence.to for sequence in sequences))
    locks = dice.random() < 0.8
    longest = max(sequence.step_timeout for sequence in sequences)
    knocks = {knock for sequence in sequences for knock in sequence.knock}
    return Declaration(
        mode=mode, refuse=dice.choice((None, None, "auto", "drop", "reject")), public=public,
        always_allow=ALLOWED if dice.random() < 0.5 else (),
        wrong_knock=dice.choice((None, "lockout")) if locks else "ignore",
        lockout=dice.choice((None, longest, longest + 100, longest + 300)) if locks else None,
        guards=_any_guards(dice, public, knocks) if locks else None,
        sources=dice.choice((None, 4096)), ipv4_prefix=dice.choice((None, None, 32, 30, 24)),
        ipv6_prefix=dice.choice((None, None, 128, 64, 64, 56)),
        log=dice.choice((None, None, "grants", "all")), sequences=sequences)


def _knock_pool(dice: random.Random, public: tuple[str, ...]) -> list[str]:
    """A handful of ports side by side, sometimes at an end of their range."""
    first = dice.choice((7000, 7000, 7000, 1, 65532))
    ports = [f"{first + offset}/{protocol}" for offset in dice.sample(range(4), dice.randint(2, 4))
             for protocol in ("udp", "tcp")]
    free = [port for port in ports if port not in public]
    return dice.sample(free, min(len(free), dice.randint(2, 6)))


def _any_sequences(dice: random.Random, pool: list[str]) -> tuple[Sequence, ...]:
    """Some begin alike; one at most is long, for no port serves more than 64 knocks."""
    found: list[Sequence] = []
    for name in dice.sample(("carol", "alice", "bob", "dave"), dice.randint(1, 4)):
        sequence = _any_sequence(dice, name, pool)
        if found and dice.random() < 0.15:
            other = dice.choice(found).knock
            begin = other[:dice.randint(1, len(other))][:4]
            sequence = replace(sequence, knock=begin + sequence.knock)
        found.append(sequence)
    if dice.random() < 0.06:
        knock = tuple(dice.choice(pool) for _ in range(dice.choice((12, _MOST_STEPS))))
        found[0] = replace(found[0], knock=knock)
    return _agreed(dice, found)


def _any_sequence(dice: random.Random, name: str, pool: list[str]) -> Sequence:
    knock = [dice.choice(pool) for _ in range(dice.choice((1, 2, 2, 3, 3, 3, 4, 5)))]
    if len(knock) > 1 and dice.random() < 0.2:
        knock[1] = knock[0]
    opens = list(dice.sample(_SERVICES, dice.randint(1, 3)))
    overlapping = [service for service in opens if service.startswith("6000") and service.endswith("/udp")]
    opens = [service for service in opens if service not in overlapping[1:]]
    step_timeout = dice.choice(_STEP_TIMES)
    whole = step_timeout * dice.choice((1, 1, 2)) if len(knock) > 1 and dice.random() < 0.3 else None
    return Sequence(name, tuple(knock), tuple(opens), step_timeout, dice.choice(_OPEN_TIMES), whole,
                    sources=dice.choice(_FROM) if dice.random() < 0.2 else (),
                    to=dice.choice(_TO) if dice.random() < 0.25 else (), once=dice.random() < 0.2)


def _agreed(dice: random.Random, sequences: list[Sequence]) -> tuple[Sequence, ...]:
    """Those that open the same in the same place agree on what becomes of its connections."""
    chance = dice.choice((0, 0, 0.4, 1))
    cut = {sequence.name for sequence in sequences if dice.random() < chance}
    while True:
        more = {other.name for sequence in sequences if sequence.name in cut for other in sequences
                if _meet(sequence, other)}
        if more <= cut:
            return tuple(replace(sequence, cut=sequence.name in cut) for sequence in sequences)
        cut |= more


def with_token_sequences(dice: random.Random, declaration: Declaration) -> Declaration:
    """Up to two sequences more, which agree with those that are there."""
    taken = {*declaration.knocks, *declaration.public}
    if isinstance(declaration.guards, tuple):
        taken |= {*declaration.guards}
    ports = [port for port in _TOKEN_PORTS if port not in taken]
    for name in dice.sample(("erin", "abel"), dice.choice((0, 1, 1, 2))):
        sequence = replace(_any_sequence(dice, name, ["7000/udp"]), knock=(), sequence_timeout=None, step_timeout=0,
                           token=dice.choice(ports))
        met = {other.cut for other in declaration.sequences if _meet(sequence, other)}
        public = not sequence.to and any(service in declaration.public for service in sequence.opens)
        if len(met) < 2 and not public:
            cut = met.pop() if met else dice.random() < 0.3
            declaration = replace(declaration, sequences=(*declaration.sequences, replace(sequence, cut=cut)))
    return declaration


def with_prolonged(dice: random.Random, declaration: Declaration) -> Declaration:
    """Some of its grants last while they are used; those that open the same in the same place agree."""
    prolonged = {sequence.name for sequence in declaration.sequences if dice.random() < 0.3}
    while more := {other.name for sequence in declaration.sequences if sequence.name in prolonged
                   for other in declaration.sequences if _meet(sequence, other)} - prolonged:
        prolonged |= more
    return replace(declaration, sequences=tuple(
        replace(sequence, prolong=sequence.name in prolonged) for sequence in declaration.sequences))


def with_closer(dice: random.Random, declaration: Declaration) -> Declaration:
    """Perhaps one more, that closes another: by knocks that come one after the other when that is played again."""
    closed = dice.choice(declaration.sequences)
    if not closed.knock or dice.random() < 0.5:
        return declaration
    knock = dice.choice(((closed.knock[-1],), (closed.knock[-1], closed.knock[0]), closed.knock[::-1][:4]))
    closer = Sequence(dice.choice(("aaron", "zoe")), knock, (), closed.step_timeout, 0, None, (),
                      closes=closed.name)
    return replace(declaration, sequences=(*declaration.sequences, closer))


def _meet(one: Sequence, other: Sequence) -> bool:
    places = not one.to and not other.to or any(
        _overlap(left, right) for left in one.to for right in other.to)
    return places and any(covers(left, port, protocol) for left in one.opens for right in other.opens
                          for port, protocol in _ports(right))


def _overlap(left: str, right: str) -> bool:
    one, other = ipaddress.ip_network(left), ipaddress.ip_network(right)
    return one.version == other.version and one.overlaps(other)


def _ports(service: str) -> list[tuple[int, str]]:
    ports, _, protocol = service.partition("/")
    first, _, last = ports.partition("-")
    return [(port, protocol) for port in range(int(first), int(last or first) + 1)]


def _any_guards(dice: random.Random, public: tuple[str, ...],
                knocks: set[str]) -> str | tuple[str, ...] | None:
    kind = dice.choice((None, "auto", "none", "listed"))
    if kind != "listed":
        return kind
    offered = [f"{port}/{protocol}" for port in (3, 6999, 7001, 7004, 65531) for protocol in ("udp", "tcp")]
    free = [port for port in offered if port not in knocks and port not in public]
    return tuple(dice.sample(free, 3))
