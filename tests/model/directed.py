"""A play in which every rule has its turn: the same each time, and over before anything in it expires."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bed.lab import SERVER
from bed.packets import ACK, FIN, RST, SYN, TCP_FLAGS
from model.declaration import Declaration, Sequence
from model.forms import FORMS, FORMS_OF_TOKENS
from model.network import FAR_SIDE, OVERHEARD
from model.neighbour import NOWHERE, Neighbour, Translation
from model.script import LINK_LOCAL, OWN, Packet, Script, Token

STEP = 0.0001  # seconds between packets
_ECHO = 0.015  # … after datagrams that may be answered
LATER = 0.6  # … before the second part, which shows what is refreshed
_ALLOWED = ("10.200.255.9", "fd99:0:0:ff:8000::7")  # in the upper half of their networks
_PLACES = (("10.88.0.7", "10.88.0.6", "10.88.1.1", OWN[1]), ("fd88::7", "fd88::20", OWN[3]))
_FAR_AWAY = ("10.88.0.7", "fd88::7")  # one of those
_NOBODYS = "9/tcp"
UNTRACKED = ("10.200.125.1", "fd99:0:0:3d::1")  # somebody whose packets another table hides from conntrack
ANNOUNCED = ("10.200.127.9", "fd99:0:0:3f::9")  # somebody whose connection another table expects
_FAR = ("10.200.126.1", "fd99:0:0:3e::1")  # near the end of the networks that a sequence is for
_CROWD = 4
_WRONG_SUM = "wrong sum"
_OF_DATAGRAMS = ("unsummed", _WRONG_SUM)
_BEHIND = {"tcp": 22, "udp": 51820}  # services of the host behind
_ODD = (*TCP_FLAGS.values(), RST | ACK, FIN | ACK)


@dataclass(frozen=True)
class Part:
    """A kind of play: who acts in it, in its first half and in its second, and what happens to the table meanwhile."""

    acts: "tuple[Act, ...]"
    later: "tuple[Later, ...]" = ()
    neighbour: Literal["", "late", "early"] = ""  # its table is loaded after knockwork's, or before
    crossed: bool = False  # sequences that share knocks begin in one half, and end in the other
    ipv6_first: bool = False  # what has little room is used up later
    is_given: bool = False  # grants by hand come before it
    is_underway: bool = False  # the first apply was not long ago
    is_spoken: bool = False  # the services have begun all of it themselves, before
    has_wrong_clock: bool = False  # no time is good
    has_errands: bool = False  # what this play cannot send comes after it
    between: Literal["", "grants end", "grants and renewals end", "conntrack forgets",
                     "a minute passes"] = ""


Act = Callable[["_Stage", bool], None]
Later = Callable[["_Stage", tuple[Packet, ...]], None]


@dataclass(frozen=True)
class Play:
    """A script for `sender.rush`."""

    part: Part
    script: Script
    second: int  # the number of the packet from which on it is later
    first: dict[tuple[str, bool], str]  # who played a sequence, by its name and whether in IPv6
    given: tuple[Packet, ...]  # by those who have a grant for just that port


def play(declaration: Declaration, name: str) -> Play:
    """One of `PARTS`."""
    part = PARTS[name]
    neighbour = _neighbour(declaration, part.neighbour == "early") if part.neighbour else Neighbour()
    stage = _Stage(declaration, neighbour=neighbour)
    for six in (True, False) if part.ipv6_first else (False, True):
        for act in part.acts:
            act(stage, six)
    crossed = _crossed(declaration) if part.crossed else []
    sources = [(stage.source(six), last) for _, last in crossed for six in (False, True)]
    for (source, _), first in zip(sources, (first for first, _ in crossed for _ in range(2))):
        _knock(stage, first, source)
    stage.now += LATER
    first_half = tuple(stage.packets)
    for source, other in sources:
        _knock(stage, other, source)
    for act_later in part.later:
        act_later(stage, first_half)
    return Play(part, Script(tuple(stage.packets), dirty=True, neighbour=neighbour), len(first_half), stage.first,
                tuple(stage.given))


@dataclass
class _Stage:
    declaration: Declaration
    neighbour: Neighbour
    packets: list[Packet] = field(default_factory=list)
    now: float = 0
    networks: dict[bool, int] = field(default_factory=lambda: {False: 0, True: 0})
    strangers: int = 0
    source_port: int = 20000
    tokens: dict[str, int] = field(default_factory=dict)
    first: dict[tuple[str, bool], str] = field(default_factory=dict)  # who played a sequence
    pure: dict[tuple[str, bool], str] = field(default_factory=dict)  # … and did nothing else
    given: list[Packet] = field(default_factory=list)

    def source(self, six: bool) -> str:
        """A new one, in networks of its own; for whom `from` is."""
        self.networks[six] += 1
        wide = (self.declaration.ipv6_prefix or 128) < 64
        return f"fd99:0:0:{self.networks[six] << 8 * wide:x}::1" if six else f"10.200.{self.networks[six]}.1"

    def stranger(self, six: bool) -> str:
        """Another new one, for whom no `from` is."""
        self.strangers += 1
        low, high = self.strangers % 126, self.strangers // 126
        return f"fd99:0:{self.strangers:x}::1" if six else f"10.200.{128 + low}.{1 + high}"

    def send(self, source: str, target: str, to: str = "", source_port: int = 0, **options: object) -> Packet:
        """One packet, from a new port unless told."""
        port, _, protocol = target.partition("/")
        self.source_port += 1
        packet = Packet(self.now, source, int(port), protocol, source_port=source_port or self.source_port, to=to)
        self.packets.append(replace(packet, **options))
        self.now += STEP
        return self.packets[-1]

    def again(self, packet: Packet, **options: object) -> None:
        """More of the same flow."""
        changes: dict[str, Any] = {"at": self.now, "begun_there": False, "forged": False, **options}
        self.packets.append(replace(packet, **changes))
        self.now += STEP

    def token(self, sequence: Sequence) -> Token:
        """A new one."""
        self.tokens[sequence.name] = self.tokens.get(sequence.name, 0) + 1
        return Token(sequence.name, self.tokens[sequence.name], padding=4)


def _knock(stage: _Stage, sequence: Sequence, source: str, knocks: tuple[str, ...] | None = None) -> None:
    for knock in sequence.knock if knocks is None else knocks:
        stage.send(source, knock)
    if sequence.token and knocks is None:
        token = stage.token(sequence)
        stage.send(source, sequence.token, token=token)
        stage.send(source, sequence.token, token=token)


def _sequences(stage: _Stage, six: bool) -> None:
    for sequence in stage.declaration.sequences:
        _sequence(stage, sequence, six)


def _sequence(stage: _Stage, sequence: Sequence, six: bool) -> None:
    closed = [other for other in stage.declaration.sequences if other.name == sequence.closes]
    if sequence.once and sequence.knock:  # locked out in the middle, and not spent by that
        _knock(stage, sequence, stage.source(six),
               (sequence.knock[0], _beside(sequence.knock[0]), *sequence.knock[1:]))
    source = stage.source(six)
    stage.first[sequence.name, six] = source
    if not sequence.once and not closed:  # and somebody who does nothing else: a probe may be a stray
        stage.pure[sequence.name, six] = stage.source(six)
        _knock(stage, sequence, stage.pure[sequence.name, six])
    for opened in closed or [sequence]:
        _probe(stage, opened, source)
    for opened in closed:
        _knock(stage, opened, source)
    _knock(stage, sequence, source)
    if closed:
        stage.now += _ECHO
    for opened in closed or [sequence]:
        _probe(stage, opened, source)
    for opened in closed:
        _close_by_another(stage, sequence, opened, six)
        _close_once_more(stage, sequence, opened, six)
    if sequence.sources:
        _knock(stage, sequence, _FAR[six])
        _probe(stage, sequence, _FAR[six])
    if sequence.prolong:
        _odd_uses(stage, sequence, six)
    _at_once(stage, sequence, six)
    _mistakes(stage, sequence, six)


def _at_once(stage: _Stage, sequence: Sequence, six: bool) -> None:
    """By more sources than one, so soon one after the other that a limit of grants would be felt."""
    sources = [stage.source(six) for _ in range(_CROWD)]
    for source in sources:
        _knock(stage, sequence, source, sequence.knock[:-1])
    for source in sources:
        if sequence.token:
            stage.send(source, sequence.token, token=stage.token(sequence))
        else:
            stage.send(source, sequence.knock[-1])


def _odd_uses(stage: _Stage, sequence: Sequence, six: bool) -> None:
    """What the service begins is no use of it. What goes on is one, even in a segment that looks like a beginning."""
    for service in sequence.opens:
        target, to = _ends(service)[0], _addresses(sequence, six)[0]
        source = stage.source(six)
        _knock(stage, sequence, source)
        stage.again(stage.send(source, target, to, flags=SYN | ACK, begun_there=True), flags=ACK)
        if target.endswith("tcp"):
            source = stage.source(six)
            _knock(stage, sequence, source)
            stage.again(stage.send(source, target, to), flags=SYN | ACK, forged=True)
            source = stage.source(six)
            _knock(stage, sequence, source)
            flow = stage.send(source, target, to)
            stage.now += _ECHO
            stage.again(flow, flags=SYN)


def _close_by_another(stage: _Stage, sequence: Sequence, opened: Sequence, six: bool) -> None:
    """The last knock is that of another sequence as well."""
    for other in stage.declaration.sequences:
        if other == sequence or other.knock[-1:] != sequence.knock[-1:]:
            continue
        source = stage.source(six)
        _knock(stage, opened, source)
        _knock(stage, other, source)
        stage.now += _ECHO
        _probe(stage, opened, source)


def _close_once_more(stage: _Stage, sequence: Sequence, opened: Sequence, six: bool) -> None:
    """By the last knock alone; and by somebody who is locked out, whom a repeated one neither helps nor harms."""
    for wrong in ((), (_beside(sequence.knock[-1]),)):
        source = stage.source(six)
        for each in (opened, sequence):
            _knock(stage, each, source)
        stage.now += _ECHO
        _knock(stage, opened, source)
        for knock in (*wrong, sequence.knock[-1]):
            stage.send(source, knock)
        stage.now += _ECHO
        _probe(stage, opened, source)


def _crossed(declaration: Declaration) -> list[tuple[Sequence, Sequence]]:
    """Sequences of which the second ends with a knock of the first."""
    return [(first, second) for first in declaration.sequences for second in declaration.sequences
            if first != second and second.knock and second.knock[-1] in first.knock]


def _mistakes(stage: _Stage, sequence: Sequence, six: bool) -> None:
    """Each by somebody else, with what it leads to; and by more than there may be room for, none at all."""
    knocks = sequence.knock
    for _ in range(_CROWD):
        source = stage.source(six)
        _knock(stage, sequence, source)
        for service in sequence.opens:
            for to in _addresses(sequence, six):
                stage.send(source, _ends(service)[0], to, flags=ACK)  # of no connection
    if sequence.token:
        for spoiled in ("shifted", "short", "wrong"):
            stage.send(stage.source(six), sequence.token, token=replace(stage.token(sequence), spoiled=spoiled))
        stage.send(stage.source(six), sequence.token)
        for form in FORMS_OF_TOKENS:
            stage.send(stage.source(six), sequence.token, token=stage.token(sequence), form=form)
            stage.send(stage.source(six), sequence.token, form=form)
        for to in (OWN[2 * six + 1], FAR_SIDE[six], *_PLACES[six]):
            stage.send(stage.source(six), sequence.token, to, token=stage.token(sequence))
        return
    plays = [knocks[1:], knocks[::-1], knocks[:-1], tuple(knock for knock in knocks for _ in range(2)),
             (knocks[0], _beside(knocks[0]), *knocks[1:]), (_beside(knocks[-1]), *knocks, *knocks)]
    for play_ in plays:
        source = stage.source(six)
        _knock(stage, sequence, source, play_)
        for service in sequence.opens[:1]:
            stage.send(source, _ends(service)[0], to=_addresses(sequence, six)[0])


def _beside(knock: str) -> str:
    port, _, protocol = knock.partition("/")
    return f"{int(port) - 1}/{protocol}"


def _above(knock: str) -> str:
    port, _, protocol = knock.partition("/")
    return f"{int(port) + 1}/{protocol}"


def _ends(service: str) -> list[str]:
    """Ports: of a range the first, the last, one between, and those just outside."""
    ports, _, protocol = service.partition("/")
    first, _, last = ports.partition("-")
    if not last:
        return [service]
    return [f"{port}/{protocol}" for port in (int(first), int(last), int(first) + 1, int(first) - 1, int(last) + 1)]


def _addresses(sequence: Sequence, six: bool) -> list[str]:
    return [*_PLACES[six]] if sequence.to else ["", OWN[2 * six + 1], FAR_SIDE[six]]


def _probe(stage: _Stage, sequence: Sequence, source: str) -> None:
    """Connections, segments of none, datagrams and more of them, to all that it opens."""
    six = ":" in source
    flows = []
    for service in sequence.opens:
        for target in _ends(service):
            for to in _addresses(sequence, six):
                flows.append(stage.send(source, target, to))
                if target.endswith("tcp"):
                    stage.again(flows[-1], flags=ACK)
                    stage.send(source, target, to, flags=ACK)
                else:
                    stage.send(source, target, to, begun_there=True)
        for to in _addresses(sequence, six) if service.endswith("tcp") else ():
            stage.send(source, _ends(service)[0], to)  # and no more: it stays half open
    stage.now += _ECHO
    for flow in flows:
        stage.again(flow, flags=ACK)
        stage.again(flow, flags=SYN)


def _targets(declaration: Declaration) -> list[str]:
    """All ports of a declaration, and some that are nobody's."""
    knocks = sorted({*declaration.knocks, *declaration.tokens})
    services = [end for service in sorted(declaration.services) for end in _ends(service)[:2]]
    public = [end for service in declaration.public for end in _ends(service)]
    beside = [*map(_beside, knocks), *map(_above, knocks)]
    return [*knocks, *beside, *services, *public, "9/udp", "9/tcp", "1/udp", "1/tcp"]


def _strangers(stage: _Stage, six: bool) -> None:
    """Everything by somebody else, wherever it goes, and in every form of TCP."""
    addresses = ["", OWN[2 * six + 1], FAR_SIDE[six], *_PLACES[six]]
    for target in _targets(stage.declaration):
        for to in addresses:
            stage.send(stage.stranger(six), target, to)
        if target.endswith("tcp"):
            for flags in _ODD:
                stage.send(stage.stranger(six), target, flags=flags)
            forged = stage.send(stage.stranger(six), target, forged=True)
            stage.again(forged, flags=ACK)
        else:
            stage.send(stage.stranger(six), target, cast=True)
            stage.again(stage.send(stage.stranger(six), target, forged=True))
            stage.send(stage.stranger(six), target, begun_there=True)
            stage.send(stage.stranger(six), target, source_port=1)
            stage.again(stage.send(stage.stranger(six), target, source_port=1, forged=True))


def _begun_elsewhere(stage: _Stage, six: bool) -> None:
    """Answers to what a service of another host begins."""
    for sequence in stage.declaration.sequences:
        for service in sequence.opens if sequence.to else ():
            for to in _PLACES[six]:
                stage.send(stage.stranger(six), _ends(service)[0], to, flags=SYN | ACK, begun_there=True)


def _begun_here(stage: _Stage, six: bool) -> None:
    """Answers to what this host begins from its services' ports."""
    for service in sorted(stage.declaration.services):
        if service.endswith("udp"):
            stage.send(stage.stranger(six), _ends(service)[0], begun_there=True)
            stage.send(OWN[2 * six + 1], _ends(service)[0], begun_there=True)
        else:
            flow = stage.send(stage.stranger(six), _ends(service)[0], begun_there=True, flags=SYN | ACK)
            for flags in (ACK, SYN):
                stage.again(flow, flags=flags)


def _answered_elsewhere(stage: _Stage, six: bool) -> None:
    """What goes on with another host's services, and begins anew, without a grant."""
    for service in sorted(stage.declaration.services):
        for to in (*_PLACES[six], OWN[2 * six + 1], FAR_SIDE[six]):
            flow = stage.send(stage.stranger(six), _ends(service)[0], to)
            for flags in (SYN | ACK, ACK, SYN):
                stage.again(flow, flags=flags, forged=flags != ACK)


def _underway(stage: _Stage, six: bool) -> None:
    """Strangers, while older sessions are still looked for."""
    for sequence in stage.declaration.sequences:
        for service in sequence.opens:
            for to in _addresses(sequence, six):
                for flags in (SYN, ACK, SYN | ACK):
                    stage.send(stage.stranger(six), _ends(service)[0], to, flags=flags)


def _given(stage: _Stage, six: bool) -> None:
    """Who has a grant of an earlier declaration's, for one port inside what is a range by now."""
    for sequence in stage.declaration.sequences:
        for service in sequence.opens if not sequence.to else ():
            source = stage.source(six)
            inside = _ends(service)[2:] or [service]
            for target in inside:
                packet = stage.send(source, target)
                stage.now += _ECHO
                stage.again(packet, flags=SYN | ACK, forged=True)
                stage.again(packet, flags=ACK)
                stage.send(source, target, flags=ACK)
                if target == inside[0]:
                    stage.given.append(packet)


def _locked_out(stage: _Stage, six: bool) -> None:
    """Each sequence from its beginning, by somebody who is locked out, before so many are that none is heard."""
    for sequence in stage.declaration.sequences:
        if sequence.knock:
            _knock(stage, sequence, stage.source(six),
                   (sequence.knock[0], _beside(sequence.knock[0]), *sequence.knock, *sequence.knock))


def _tokens(stage: _Stage, six: bool) -> None:
    for sequence in stage.declaration.sequences:
        if sequence.token:
            source = stage.source(six)
            _knock(stage, sequence, source)
            _probe(stage, sequence, source)


def _same_tokens(stage: _Stage, first_half: tuple[Packet, ...]) -> None:
    """Each token once more, by whoever has heard it."""
    for packet in first_half:
        if packet.token:
            stage.again(replace(packet, source=stage.stranger(":" in packet.source)))


def _strays(stage: _Stage, six: bool) -> None:
    """So few that each is logged; of IPv6 fewer than of IPv4."""
    for knock in sorted(stage.declaration.knocks)[six:]:
        stage.send(stage.stranger(six), knock)
        stage.send(stage.stranger(six), _beside(knock))
    for target in ("8/udp", "9/udp", "9/tcp")[six:]:
        stage.send(stage.stranger(six), target)


def _privileged(stage: _Stage, six: bool) -> None:
    """Those who are always allowed, and of the link, whose addresses cost nothing."""
    sources = [_ALLOWED[six], *(LINK_LOCAL if six else ())]
    for target in _targets(stage.declaration):
        for source in sources:
            flow = stage.send(source, target)
            if target.endswith("tcp"):
                stage.again(flow, flags=ACK)
                stage.send(source, target, flags=ACK)
                stage.send(source, target, flags=SYN | FIN)
        for to in _PLACES[six]:
            stage.send(sources[0], target, to)
        for to in ("", _PLACES[six][0]):
            stage.send(OWN[2 * six + 1], target, to)
    for sequence in stage.declaration.sequences:
        for source in sources:
            _knock(stage, sequence, source)
    for number in range(4) if six else ():  # DHCPv6, and what looks much like it: each by somebody else
        stage.send(f"fe80::c:{number}", f"{545 + number % 2}/udp", source_port=547 + number // 2)
    stage.send(stage.stranger(six), "546/udp", source_port=547)
    for target in ("9/udp", _beside(sorted(stage.declaration.knocks)[0])) if six else ():
        stage.send("fe80::", target)  # who looks like the whole link
    for number, knock in enumerate(sorted(stage.declaration.knocks) if six else ()):  # without what comes before it
        stage.send(f"fe80::d:{number}", knock)


def _forms(stage: _Stage, six: bool) -> None:
    """What a stack seldom sends."""
    for form in (*FORMS, _WRONG_SUM):
        for target in _targets(stage.declaration):
            if form == "signed" and target.endswith("udp") or form in _OF_DATAGRAMS and target.endswith("tcp"):
                continue
            for flags in (SYN, ACK, SYN | ACK) if target.endswith("tcp") else (SYN,):
                stage.send(stage.stranger(six), target, flags=flags, form=form)


def _go_on(stage: _Stage, first_half: tuple[Packet, ...]) -> None:
    """Each flow. A knock among them would make up for what has ended."""
    _go_on_with(stage, first_half, (ACK,))


def _go_on_anew(stage: _Stage, first_half: tuple[Packet, ...]) -> None:
    """Each flow, and as if it began once more: that every other one does first, since a refusal may end it."""
    _go_on_with(stage, first_half, (SYN | ACK, ACK, SYN))


def _go_on_with(stage: _Stage, first_half: tuple[Packet, ...], segments: tuple[int, ...]) -> None:
    ports = _ports(stage.declaration)
    for packet in first_half:
        if packet.port not in ports:
            in_turn = segments[::-1] if packet.source_port % 2 else segments
            for flags in in_turn if packet.protocol == "tcp" else (ACK,):
                stage.again(packet, flags=flags)


def _again(stage: _Stage, _: tuple[Packet, ...]) -> None:
    """The same sources, later: what they have is refreshed, or is not."""
    for six in (False, True):
        for sequence in stage.declaration.sequences:
            _play_again(stage, sequence, six)
    for target in ("9/udp", *map(_beside, sorted(stage.declaration.knocks))):
        stage.send(LINK_LOCAL[0], target)


def _play_again(stage: _Stage, sequence: Sequence, six: bool) -> None:
    if pure := stage.pure.get((sequence.name, six)):
        _knock(stage, sequence, pure)
    source = stage.first.get((sequence.name, six)) or stage.source(six)
    _knock(stage, sequence, source)
    for service in sequence.opens:
        for to in _addresses(sequence, six)[:1]:
            stage.send(source, _ends(service)[0], to)
    if sequence.once and sequence.knock:  # and once more, locked out
        _knock(stage, sequence, source, (_beside(sequence.knock[-1]), sequence.knock[-1]))
    other = stage.source(six)
    for knock in sequence.knock:
        stage.send(other, _beside(knock))


def _ports(declaration: Declaration) -> set[int]:
    """Where nothing goes on."""
    return {int(knock.partition("/")[0]) for knock in declaration.knocks | declaration.tokens}


def _neighbour(declaration: Declaration, early: bool) -> Neighbour:
    """It leads out of every port, to where nobody protects anything, and into every kind of service."""
    here = [end for sequence in declaration.sequences if not sequence.to for service in sequence.opens
            for end in _ends(service)[:1]]
    far = [_ends(service)[0] for sequence in declaration.sequences if sequence.to for service in sequence.opens]
    gate = declaration.mode == "gate"
    free = {"tcp": range(8022, 8030), "udp": range(5182, 5190)} if gate else {
        "tcp": range(80, 84), "udp": range(8000, 8004)}  # its cases' public ones
    targets = [*((target, SERVER) for target in here), *((target, _FAR_AWAY) for target in far)]
    ways_in = [Translation(f"{port}/{protocol}", int(target.partition("/")[0]), whose)
               for protocol, ports in free.items()
               for port, (target, whose) in zip(ports, [one for one in targets if one[0].endswith(protocol)])]
    knocks = sorted(declaration.knocks | declaration.tokens)
    behind = early or not gate
    to = ("10.88.1.1", "fd88::20") if behind else SERVER
    there = _BEHIND if behind else {
        protocol: NOWHERE[protocol] if f"{port}/{protocol}" in declaration.tokens | declaration.knocks else port
        for protocol, port in OVERHEARD}  # where it can be, somebody answers
    ways_out = [Translation(target, there[target.partition("/")[2]], to)
                for target in (*here, *knocks, *map(_above, knocks))]
    ways_out += [Translation(f"{port}/{protocol}", 1, (OWN[1], OWN[3])) for protocol, port in OVERHEARD
                 if not behind and f"{port}/{protocol}" in knocks]
    from_places = [Translation(target, _BEHIND[target.partition("/")[2]], ("10.88.1.1", "fd88::20"), _FAR_AWAY)
                   for target in far]
    announced = here[0] if gate or early else _NOBODYS
    return Neighbour(early, tuple(ways_in), (*ways_out, *from_places), announced, ANNOUNCED, UNTRACKED)


def _led(stage: _Stage, six: bool) -> None:
    """By a neighbour's ways, before and after a sequence; and what was announced."""
    neighbour = stage.neighbour
    targets = [way.target for way in (*neighbour.ways_in, *neighbour.ways_out)]
    knocks = stage.declaration.knocks | stage.declaration.tokens
    services = [target for target in targets if target not in knocks | {*map(_above, knocks)}]
    for target in targets:
        stage.send(stage.stranger(six), target)
    for sequence in stage.declaration.sequences:
        source = stage.source(six)
        flows = [stage.send(source, target) for target in services]
        _knock(stage, sequence, source)
        flows += [stage.send(source, target) for target in services]
        flows += [stage.send(source, way.target, way.at[six]) for way in neighbour.ways_out if way.at == _FAR_AWAY]
        stage.now += _ECHO
        for flow in flows:
            stage.again(flow, flags=ACK)
    for target in targets:
        stage.send(stage.stranger(six), target, flags=ACK)
        stage.send(stage.stranger(six), target, forged=True)
    for way in neighbour.ways_out:
        if way.at == _FAR_AWAY:
            for flags in (SYN, ACK):
                stage.send(stage.stranger(six), way.target, way.at[six], flags=flags)
    for target in _targets(stage.declaration):
        stage.send(UNTRACKED[six], target)
    flow = stage.send(ANNOUNCED[six], neighbour.announced)
    stage.again(flow, flags=ACK)


_ALL = (_strangers, _begun_elsewhere, _begun_here, _answered_elsewhere, _privileged, _forms)
PARTS = {
    "sequences": Part((_sequences,), (_again,), crossed=True),
    "sequences, IPv6 first": Part((_sequences,), (_again,), crossed=True, ipv6_first=True),
    "strangers": Part(_ALL, (_again,)),
    "led": Part((_led,), (_again,), "late"),
    "led early": Part((_led,), (_again,), "early"),
    "errands": Part((), has_errands=True),
    "locked out": Part((_locked_out,), (_again,)),
    "given": Part((_sequences, _given), is_given=True),
    "underway": Part((_underway,), is_underway=True),
    "forgotten": Part((_begun_elsewhere, _begun_here), (_go_on,), between="conntrack forgets"),
    "strays": Part((_strays,)),
    "a wrong clock": Part((_tokens,), has_wrong_clock=True),
    "tokens again": Part((_tokens,), (_same_tokens,), between="a minute passes"),
    "used": Part((_sequences,), (_go_on,)),
    "ended": Part((_sequences,), (_go_on_anew,), between="grants and renewals end"),
    "spoken, ended": Part((_sequences,), (_go_on_anew,), is_spoken=True, between="grants end"),
    "led, ended": Part((_led,), (_go_on,), "late", between="grants end"),
    "led early, ended": Part((_led,), (_go_on,), "early", between="grants end"),
}
