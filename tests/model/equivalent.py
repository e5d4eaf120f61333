"""Mutants that no packet can find out, each kind with its reason: the tables' own account of what is redundant.

A pattern is for a mutant's name with its declaration before it. One that no mutant matches any more fails the test.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Equivalent:
    """A kind of mutants."""

    pattern: str
    reason: str

    def fits(self, name: str) -> bool:
        """Whether a mutant is of that kind."""
        return re.search(self.pattern, name) is not None


_VRF = "only in a VRF, which not every kernel has; tests/neighbours has one"
_TOKENS_ALONE = "(once_)?open_300ms_69977fe0074fc85b"  # of declaration "cut"
EQUIVALENT = (
    Equivalent(r"fib daddr \. iif type local (.*) → (nothing|fib daddr \. iif type local .*|drop)$", _VRF),
    Equivalent(r"fib daddr type != local fib daddr \. iif type != local (.*) → fib daddr type != local \1$", _VRF),
    Equivalent(r'meta iifkind "vrf" |chain (overheard|knocked: meta l4proto 6 goto rejected)', _VRF),
    Equivalent(r"iifname != @interfaces meta sdifname != @interfaces (.*) → iifname != @interfaces \1$", _VRF),
    Equivalent(r"meta sdifname @left_out accept → (nothing|meta sdifname @left_out drop)$", _VRF),
    Equivalent(r"^prolong: chain (judge: meta pkttype host goto wrong|wrong:|(open|within)_\w+: meta pkttype set)",
               "nothing comes of a wrong knock with wrong_knock: ignore, so it does not matter what is one"),
    Equivalent(rf"^cut: chain {_TOKENS_ALONE}: meta pkttype set broadcast →",
               "a token is never a wrong knock, and no lockout matters to it"),
    Equivalent(rf"^cut: chain {_TOKENS_ALONE}: update @holders.* → .*add @holders",
               "a `once` sequence opens once: there is nothing to refresh"),
    Equivalent(rf"^cut: chain {_TOKENS_ALONE}: ip6? saddr .* @holders\d update .* → update @ranged",
               "a `once` sequence comes here only where it has a holder"),
    Equivalent(r"^cut: chain spender:", "a used token comes to nothing before, and a new one is never wrong"),
    Equivalent(r"add @spent (.*) → .* update @spent \1", "it was looked up just before, and does not expire"),
    Equivalent(r"update @counted (.*) → .*add @counted \1", "it counts all the same, and does not expire"),
    Equivalent(r"chain renewal_\w+: add @renewed(.*) → update @renewed\1", "`renew` has found that it is not there"),
    Equivalent(r"set none (drop|accept) → .*(meta priority set 7411:7|ct state invalid|meta pkttype != host) drop$",
               "the priority of a packet that is dropped is nobody's"),
    Equivalent(r"limit rate 1000/second burst 10000 packets (.*) → .*@holders\d \1$",
               "a bound of what is logged at once, far beyond what these plays log"),
    Equivalent(r"chain known: tcp flags syn / fin,syn,rst,ack return → tcp flags syn / fin,syn,rst return",
               "a SYN with ACK is no beginning, wherever it goes from there"),
    Equivalent(r"chain (turned_away|refusals|output): type .*policy accept; → .*policy drop;$",
               "its last rule decides"),
    Equivalent(r"chain (segment|segment_range_\w+): tcp sequence set tcp ackseq accept → tcp sequence set tcp ackseq$",
               "the hook's policy is the same"),
    Equivalent(r"^cut: map cut: .* : goto cut.* → .* : goto cut_range",
               "a range asks besides for grants of the range, of which a port outside has none"),
    Equivalent(r"map (ranges|door_ranges): \d+ \. (\d+)-\d+ : .* → \d+ \. \2-\d+",
               "a port outside the range is in no set of those that are asked first"),
)


def reason_for(name: str) -> str:
    """Why a mutant may survive; empty where it may not."""
    return next((one.reason for one in EQUIVALENT if one.fits(name)), "")
