"""Kernel and machine side by side. What happens within a hair of an expiry is not judged, but counted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from bed.packets import RST
from model import machine
from model import declaration
from model.declaration import covers
from model.machine import Reply, State
from model.neighbour import Translation
from model.network import OVERHEARD
from model.observer import Look, Seen
from model.script import LINK_LOCAL, Flow, Packet, Script, is_routed, is_syn

HAIR = 0.03  # seconds around an expiry in which either may be right
# What the server's side did, or an apply; what shows in grants; and what only counts them.
_NOT_COMPARED = {"spoken4", "spoken6", "underway", "renewed4", "renewed6", "counted", "spending"}
LATE = 0.015  # seconds: a packet that took longer to arrive has no known time


@dataclass(frozen=True)
class Disagreement:
    """One packet, or one look after a packet."""

    number: int  # of the packet
    source: str
    kernel: str
    machine: str

    def __str__(self) -> str:
        return (f"packet {self.number} of {self.source}: the kernel: {self.kernel}; "
                f"the machine: {self.machine}")


@dataclass
class Account:
    """What was compared."""

    packets: int = 0
    elements: int = 0
    looks: int = 0
    fired: int = 0
    granted: int = 0
    wrong: int = 0
    at_expiry: int = 0  # packets not judged: within a hair of an expiry …
    unsure: int = 0  # … or of a source that had been in that case, until all that could differ had expired
    late: int = 0  # … or without a known time
    lost: int = 0  # … or that never arrived
    forged: int = 0  # of the judged: that conntrack takes for answers, wrongly
    related: int = 0  # … or calls related
    again: int = 0  # … or SYNs of connections that it knows
    translated: int = 0  # … or led in or out by a neighbour
    begun: int = 0  # of the judged: of connections …
    renewed: int = 0  # … or sequences whose grants the packet renewed
    closed: int = 0  # … or ended
    ended: int = 0  # … or dropped, the connection having lost its grant
    away: int = 0  # … or to another address than the server's first
    spent: int = 0  # … or sequences that the packet spent
    tokens: int = 0  # … or tokens that it used up
    replays: int = 0  # … or that were used before
    disagreements: list[Disagreement] = field(default_factory=list)

    def add(self, other: "Account") -> None:
        """Sum up."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def judged(self) -> int:
        """Packets of which both said something."""
        return self.packets - self.at_expiry - self.unsure - self.late - self.lost


@dataclass
class Doubt:
    """Until when the two may differ about an owner of sources, both being right."""

    firing: float = 0  # in what a knock does
    steps: float = 0  # in the elements of `expected`, `begun`, `locked` and `strays`
    excused: float = 0  # in what is no wrong knock
    grants: float = 0


class Comparison:
    """Goes through one script's packets in their order."""

    def __init__(self, script: Script, sent: Sequence[Packet], state: State) -> None:
        self._script = script  # as it is delivered
        self._sent = sent
        self._state = state
        self._declaration = state.declaration
        self._doubts: dict[str, Doubt] = {}  # by lockout key
        self._perhaps_spent: set[str] = set()  # names of `once` sequences: nothing makes this sure again
        self._let_in: set[Flow] = set()  # whose segments have passed to a port where somebody listens
        self._unsure_tokens: set[str] = set()  # used at an unknown time
        self._settled: set[str] = set()  # those that disagreed: what follows would follow from it
        self.account = Account()

    def packet(self, number: int, now: float, delay: float, seen: Seen, reply: Reply | None) -> None:
        """One packet that was sent at `now` and took `delay` to arrive; no reply where it never did."""
        packet = self._script.packets[number]
        account = self.account
        account.packets += 1
        self._note_socket(number, packet, seen)
        doubt = self._doubts.setdefault(self._declaration.owner(packet.source), Doubt())
        if reply is None:
            account.lost += 1
            return
        knock = self._is_knock(packet, seen) or self._is_token(packet, seen)
        unsure = (knock and (doubt.firing > now or self._is_perhaps_spent(packet, doubt, now)
                             or doubt.grants > now and bool(self._declaration.closers(_target(packet)))
                             or doubt.excused > now and not (reply["fired"] or self._is_first(packet)))
                  or doubt.grants > now and any(True for _ in self._asked_for(packet, seen)))
        used = seen.state == "established" and not is_syn(packet) and not seen.reply and bool(
            [*self._state.pauses_of(packet)])
        close = any(abs(until - now) < HAIR for until in self._timers(packet, seen, knock, used))
        if used and (close or delay > LATE or doubt.grants > now or self._way_out(number)):
            doubt.grants = now + self._declaration.longest_grant / 1000 + 2 * HAIR
            unsure = True
        if delay > LATE:
            account.late += 1
        elif unsure:
            account.unsure += 1
        elif close:
            account.at_expiry += 1
        else:
            account.fired += len(reply["fired"])
            account.granted += len(reply["granted"])
            account.wrong += reply["wrong"]
            account.forged += seen.reply and not seen.ours
            account.related += seen.state == "related"
            account.again += seen.state == "established" and is_syn(packet)
            account.translated += seen.goes_by_nat and packet is not self._sent[number] or bool(
                self._way_out(number))
            account.begun += seen.state == "established"
            account.renewed += len(reply["renewed"])
            account.closed += len(reply["closed"])
            account.ended += seen.state == "established" and reply["verdict"] == "dropped"
            account.away += bool(packet.to)
            account.spent += "is spent" in reply["why"]
            account.tokens += reply["token_used"]
            account.replays += "used before" in reply["why"]
            self._judge(number, packet, seen, reply, knock)
        if delay > LATE or knock and (close or unsure):
            self._grow(doubt, packet, now, knock)
        elif reply["wrong"] and not knock and packet.source not in LINK_LOCAL:
            doubt.firing = 0  # a guard: locked out, in any case, for longer than any step is expected
        self._state.take(packet, now, reply)
        if used:
            self._state.use(packet, now)

    def _note_socket(self, number: int, packet: Packet, seen: Seen) -> None:
        """A socket of the server's stands for a connection that was let in: here nobody else made any."""
        if packet.protocol != "tcp":
            return
        if seen.ours and packet.flow not in self._let_in:
            self._disagree(number, packet.source, "this host's connection", "none of which a SYN passed")
        if seen.passed and is_syn(packet) and not is_routed(packet.address):
            self._let_in.add(packet.flow)

    def _is_perhaps_spent(self, packet: Packet, doubt: Doubt, now: float) -> bool:
        """Whether it depends on who spent a sequence."""
        spenders = self._spenders(packet)
        return bool(spenders) and (doubt.grants > now or any(
            sequence.name in self._perhaps_spent for sequence in spenders))

    def _spenders(self, packet: Packet) -> list[declaration.Sequence]:
        token = packet.token.sequence if packet.token and not packet.token.spoiled else ""
        return self._declaration.spenders(_target(packet), token)

    def _is_token(self, packet: Packet, seen: Seen) -> bool:
        """Whether it counts at a port for tokens, with one or without."""
        return (packet.protocol == "udp" and seen.state in ("new", "related") and not packet.cast
                and not is_routed(packet.address) and _target(packet) in self._declaration.tokens)

    def _is_first(self, packet: Packet) -> bool:
        """Whether it is no wrong knock, whatever is remembered."""
        return _target(packet) in self._declaration.tokens or any(
            sequence.knock[:1] == (_target(packet),) and sequence.is_for(packet.source)
            for sequence in self._declaration.sequences)

    def _grow(self, doubt: Doubt, packet: Packet, now: float, knock: bool) -> None:
        """A packet may have done either of two things; so may what builds upon them."""
        if packet.token:
            self._unsure_tokens.add(f"0x{int.from_bytes(packet.token.key, 'big'):x}")
        for sequence in self._spenders(packet) if knock else ():
            if not self._state.until("spent", self._state.last_edge(sequence)):
                self._perhaps_spent.add(sequence.name)
        if _target(packet) not in self._declaration.tokens:
            doubt.firing = doubt.steps = now + self._declaration.longest_memory / 1000 + 2 * HAIR
        doubt.excused = now + self._declaration.longest_excuse + 2 * HAIR
        if packet.token or any(sequence.knock[-1:] == (_target(packet),)
                               for sequence in self._declaration.sequences):
            doubt.grants = now + self._declaration.longest_grant / 1000 + 2 * HAIR

    def _asked_for(self, packet: Packet, seen: Seen) -> Iterator[tuple[declaration.Sequence, str]]:
        """The services, and their sequences, of which a grant could matter to the packet."""
        going_on = (seen.state == "established" and not is_syn(packet)
                    and (seen.ours or not seen.reply))
        for sequence in self._declaration.sequences:
            for service in sequence.opens:
                if covers(service, packet.port, packet.protocol) and (sequence.cut or not going_on):
                    yield sequence, service

    def _is_knock(self, packet: Packet, seen: Seen) -> bool:
        """Whether it could fire anything: only then it matters what is remembered."""
        opening = is_syn(packet) and seen.state != "invalid" or (
            packet.protocol == "udp" and seen.state in ("new", "related"))
        return opening and not is_routed(packet.address) and _target(packet) in self._declaration.knocks

    def _timers(self, packet: Packet, seen: Seen, knock: bool, used: bool) -> Iterator[float]:
        """The expiries that matter to a packet."""
        digit = machine.family(packet.source)
        if used:
            yield from (self._state.pauses.get(key, 0) for key, _ in self._state.pauses_of(packet))
            for sequence in self._declaration.sequences:
                if sequence.prolong:
                    yield self._state.until(f"holders{digit}", self._state.expected(
                        packet.source, sequence.name, sequence.steps))
                    for service in sequence.opens:
                        yield self._state.until(*self._state.grant(packet.source, sequence, service))
        target = _target(packet)
        if knock:
            for lockouts in ("locked", "strays"):
                yield self._state.until(lockouts + digit, self._declaration.lockout_key(packet.source))
            for sequence in self._declaration.sequences:
                for step, port in enumerate(sequence.knock, 1):
                    if port == target and step > 1:
                        for steps in ("expected", "begun"):
                            yield self._state.until(
                                steps + digit, self._state.expected(packet.source, sequence.name, step))
            for closer in self._declaration.closers(target):
                for sequence in self._declaration.sequences:
                    if sequence.name == closer.closes:
                        yield self._state.until("holders" + digit, self._state.expected(
                            packet.source, sequence.name, sequence.steps))
            for sequence in self._spenders(packet):
                yield self._state.until("holders" + digit, self._state.expected(
                    packet.source, sequence.name, sequence.steps))
        for sequence, service in self._asked_for(packet, seen):
            yield self._state.until(*self._state.grant(packet.source, sequence, service))

    def _judge(self, number: int, packet: Packet, seen: Seen, reply: Reply, knock: bool) -> None:
        passed = "passed" if seen.passed else "answered" if seen.answered else "dropped"
        refused = reply["verdict"] == "rejected"
        if refused and self._is_closed(packet) and seen.passed and seen.answered:
            passed = "answered"  # by the host, where nobody listens
        if seen.renumbered:
            passed += ", renumbered"
        expected = {"passed on": "passed", "accepted": "passed", "dropped": "dropped",
                    "rejected": "answered"}[reply["verdict"]]
        if self._is_renumbered(packet, reply):
            expected += ", renumbered"
        if is_routed(packet.address) and packet.source in LINK_LOCAL:  # led there: nobody forwards it
            return
        unanswerable = (packet.cast or packet.protocol == "tcp" and packet.flags & RST
                        or seen.state == "invalid")  # a host answers nothing malformed, nor does the gate
        if seen.redirected and seen.state == "established":  # of a connection that was refused
            expected = "answered"
        if seen.goes_by_nat and self._way_out(number):
            expected = self._led_out(packet, seen, reply, expected)
        if unanswerable and expected == "answered":  # nobody answers a reset or a broadcast
            expected = "dropped"
        if passed != expected:
            self._disagree(number, packet.source, passed, f"{reply['verdict']} ({reply['why']})")
            return
        if seen.misquoted and not packet.cast:
            self._disagree(number, packet.source, "answered for other ports", f"({reply['why']})")
        scratch = self._scratch(packet, knock, reply)
        logged = bool(reply["granted"] and self._declaration.log)  # then the mark says which sequence
        if seen.passed and seen.passed not in scratch and not logged:
            self._disagree(number, packet.source, f"mark and priority {seen.passed}",
                           f"{' or '.join(scratch)} ({reply['why']})")
        if seen.redirected == "lost" and not logged:
            self._disagree(number, packet.source, "the mark lost", f"kept ({reply['why']})")

    def _is_closed(self, packet: Packet) -> bool:
        """Whether it is to a port of knocks or tokens."""
        return _target(packet) in self._declaration.knocks | self._declaration.tokens

    def _way_out(self, number: int) -> Translation | None:
        return self._script.way(self._sent[number], self._script.neighbour.ways_out)

    def _led_out(self, packet: Packet, seen: Seen, reply: Reply, expected: str) -> str:
        """A neighbour leads to an unprotected port what the gate does not stop on its arrival."""
        if any(sequence.is_at(packet.address) and covers(service, packet.port, packet.protocol)
               for sequence in self._declaration.sequences for service in sequence.opens):
            return expected  # refused then and there
        if expected.endswith("renumbered") or (
                packet.protocol == "tcp" and not is_syn(packet) and reply["why"].startswith("protected")):
            return "passed"
        overheard = (packet.protocol, packet.port) in OVERHEARD
        if self._is_closed(packet) and not overheard:
            return expected  # by whatever port it is led to: closed
        if expected == "answered" and packet.protocol == "tcp":
            if self._script.neighbour.early:
                return "dropped"
            if seen.state == "established":  # led out or closed, as its first packet was
                return "answered" if seen.answered else "dropped"
        return expected

    def _scratch(self, packet: Packet, knock: bool, reply: Reply) -> set[str]:
        """What may become of mark and priority. A knock loses the latter; all others let them be."""
        if not self._script.dirty or not self._is_closed(packet):
            return {"kept"}
        if reply["why"].startswith("no token") and (packet.protocol, packet.port) not in OVERHEARD:
            return {"kept"}  # a look at the table of tokens, and no more
        return {"cleaned"} if knock and reply["verdict"] == "rejected" else {"kept", "cleaned"}

    def _is_renumbered(self, packet: Packet, reply: Reply) -> bool:
        """At a protected port a segment that nobody knows passes without a number that could be a cookie."""
        return (reply["verdict"] == "passed on" and reply["why"].startswith("not part of a known connection") and any(
            covers(service, packet.port, packet.protocol) and not sequence.to
            for sequence in self._declaration.sequences for service in sequence.opens))

    def look(self, number: int, look: Look) -> None:
        """The sets after a packet, where both are sure."""
        self.account.looks += 1
        for name in sorted(look.sets.keys() - _NOT_COMPARED | self._state.sets.keys()):
            kernel, model = look.sets.get(name, {}), self._state.sets.get(name, {})
            for element in sorted(kernel.keys() | model.keys()):
                until = model.get(element, 0)
                if name == "spent":
                    self._spent(number, element, element in kernel, element in model)
                elif name in ("claimed", "used") and element in self._unsure_tokens:
                    continue
                elif not look.began - HAIR < until < look.ended + HAIR:
                    self._element(number, look, name, element, kernel.get(element), until)

    def _spent(self, number: int, element: str, kernel: bool, model: bool) -> None:
        """It never expires."""
        if any(self._state.last_edge(sequence) == element and sequence.name in self._perhaps_spent
               for sequence in self._declaration.sequences):
            return
        self.account.elements += 1
        if kernel != model:
            self._disagree(number, element, "spent" if kernel else "not spent",
                           "spent" if model else "not spent")

    def _element(self, number: int, look: Look, name: str, element: str, left: float | None,
                 until: float) -> None:
        source = element.split(" . ")[0]
        owner = self._declaration.owner(source) if name not in ("overflow", "claimed", "used") else ""
        doubt = self._doubts.get(owner, Doubt())
        lives = until > look.ended
        remembered = name.startswith(("expected", "begun", "locked", "strays"))
        until_sure = (doubt.excused if name.startswith("excused") else
                      doubt.steps if remembered else doubt.grants)
        unsure = until_sure > look.began
        if unsure or not lives and left is None:
            return
        self.account.elements += 1
        remaining = f"{until - look.ended:.3f} s"
        if left is None:
            self._disagree(number, source, f"no {element} in {name}", f"it lives for {remaining}")
        elif not lives or not look.began - HAIR < until - left < look.ended + HAIR:
            self._disagree(number, source, f"{element} in {name} for {left:.3f} s",
                           f"for {remaining}" if lives else "not there")

    def _disagree(self, number: int, source: str, kernel: str, model: str) -> None:
        """Once for a source and its neighbours."""
        owner = self._declaration.owner(source) if "." in source or source.count(":") > 1 else source
        if owner not in self._settled:
            self.account.disagreements.append(Disagreement(number, source, kernel, model))
        self._settled.add(owner)


def _target(packet: Packet) -> str:
    return f"{packet.port}/{packet.protocol}"


def delays(sent: list[tuple[float, float]], seen: Iterable[Seen]) -> list[float]:
    """Seconds that each packet took, the fastest taken as at once: two clocks and a constant between."""
    spent = [one.arrival - (before + after) / 2 for (before, after), one in zip(sent, seen) if one.state]
    constant = min(spent, default=0.0)
    rest = iter(spent)
    return [next(rest) - constant if one.state else 0.0 for one in seen]
