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
_TOKENS_ALONE = "(once_)?open_300ms_(69977fe0074fc85b|23b2b44c0b7aa2d3)"
EQUIVALENT = (
    Equivalent(r"fib daddr \. iif type local (.*) → (nothing|fib daddr \. iif type local .*|drop)$", _VRF),
    Equivalent(r"chain home: socket wildcard 0 fib daddr \. iif type local accept → (?!socket wildcard 0 accept$)",
               _VRF),
    Equivalent(r"fib daddr type != local fib daddr \. iif type != local (.*) → fib daddr type != local \1$", _VRF),
    Equivalent(r'meta iifkind "vrf" |chain (overheard|knocked: meta l4proto 6 goto rejected)', _VRF),
    Equivalent(r"iifname != @interfaces meta sdifname != @interfaces (.*) → iifname != @interfaces \1$", _VRF),
    Equivalent(r"meta sdifname @left_out accept → (nothing|meta sdifname @left_out drop)$", _VRF),
    Equivalent(r"^prolong: chain (judge: meta pkttype host goto wrong|wrong:|(open|within)_\w+: meta pkttype set)",
               "nothing comes of a wrong knock with wrong_knock: ignore, so it does not matter what is one"),
    Equivalent(rf"chain {_TOKENS_ALONE}: meta pkttype set broadcast →",
               "a token is never a wrong knock, and no lockout matters to it"),
    Equivalent(rf"chain {_TOKENS_ALONE}: meta pkttype > broadcast goto excuse → "
               "(nothing|meta pkttype > (broadcast (accept|drop)|host goto excuse))$",
               "a token is never excused as a repeated knock"),
    Equivalent(r"chain once_open_\w+: update @holders.* → .*add @holders",
               "a `once` sequence opens once: there is nothing to refresh"),
    Equivalent(r"^gate: chain open_300ms_b0a32eb71d326a99: (ip6? saddr .*) @holders(\d) (update @granted\d .*) → "
               r"(\3|\1 @\w+\2 \3|\1 @holders\2 add .*)$",
               "a `once` sequence comes here only where it has a holder, and once"),
    Equivalent(r"^gate: chain open_300ms_b0a32eb71d326a99: update @holders\d .* → (add @holders|update @begun)",
               "a `once` sequence has its holder already"),
    Equivalent(r"^gate: chain open_300ms_b0a32eb71d326a99: (update @excused\d .* → add|.* limit .*@begun\d limit|"
               r".* limit .* burst 1 packets)", "a `once` sequence comes here once, and has begun"),
    Equivalent(r"^gate: chain open_300ms_b0a32eb71d326a99: meta pkttype (> broadcast goto excuse → "
               "(nothing|meta pkttype > broadcast (accept|drop))$|set broadcast →)",
               "`once_open_…` has asked for it and set it before; it is excused at once"),
    Equivalent(r"chain once_open_\w+: meta pkttype set broadcast →", "the chain that it goes to sets it again"),
    Equivalent(r"^stealth: chain open_300ms_71722e1b90c648b6: meta pkttype "
               r"(> broadcast goto excuse → meta pkttype > host|set broadcast →)",
               "it is the last on its port, judged first, and excused at once"),
    Equivalent(r"^(gate: chain (open_300ms_40b8d7e38c5001bf|close_\w+)|cut: chain open_300ms_5f6501e32f326537): "
               r"meta pkttype (> broadcast goto excuse → meta pkttype > host|set broadcast →)",
               "it is the last on its port, judged first, and excused at once"),
    Equivalent(r"^gate: chain (within_300ms_of_400ms|open_300ms_71479e36411a7097): "
               "meta pkttype set broadcast → nothing$",
               "another sequence begins on its port, and is judged before"),
    Equivalent(r"^prefixes: chain open_\w+: meta pkttype (> broadcast goto excuse → meta pkttype > host goto excuse|"
               "set broadcast → (nothing|meta pkttype set host))$",
               "of one sequence alone, no other step is on the port of the last, and this one is excused at once"),
    Equivalent(rf"^cut: chain {_TOKENS_ALONE}: ip6? saddr .* @holders\d update .* → "
               r"(update|.*@excused\d update) @ranged",
               "a `once` sequence comes here only where it has a holder"),
    Equivalent(rf"^cut: chain {_TOKENS_ALONE}: .*update @(?P<name>\w+) .* → .*add @(?P=name) ",
               "a `once` sequence comes here once: there is nothing to refresh"),
    Equivalent(r"chain spender:", "a used token comes to nothing before, and a new one is never wrong"),
    Equivalent(r"add @spent (.*) → .* update @spent \1", "it was looked up just before, and does not expire"),
    Equivalent(r"update @counted (.*) → .*add @counted \1", "it counts all the same, and does not expire"),
    Equivalent(r"set elsewhere\d: (10\.77\.0\.11|fd77::11) ",
               "what an address of this host begins is not forwarded"),
    Equivalent(r"chain close_\w+: .* @holders\d (update @holders\d .* 4ms \}) → (\1|.* 40ms \})$",
               "nothing asks who holds a grant before that is over"),
    Equivalent(r"chain close_\w+: .* update @(\w+) \{ (.*) timeout 4ms \} → .* update @\1 \{ \2 \}$",
               "by an update without a time the element ends at once, which is what is wanted"),
    Equivalent(r"chain from_\w+_(within_300ms|once_open_\w+): ip6? saddr @from\d_\w+ (goto \w+) → \2$",
               "who is not meant does not get past the first step"),
    Equivalent(r"chain renewal_\w+: add @renewed(.*) → update @renewed\1", "`renew` has found that it is not there"),
    Equivalent(r"set none (drop|accept) → .*(meta priority set 7411:7|ct state invalid|meta pkttype != host) drop$",
               "the priority of a packet that is dropped is nobody's"),
    Equivalent(r"limit rate 1000/second burst 10000 packets (.*) → .*@holders\d \1$",
               "a bound of what is logged at once, far beyond what these plays log"),
    Equivalent(r"chain known: tcp flags syn / fin,syn,rst,ack return → tcp flags syn / fin,syn,rst return",
               "a SYN with ACK is no beginning, wherever it goes from there"),
    Equivalent(r"chain (turned_away|refusals|output): type .*policy accept; → .*policy drop;$",
               "its last rule decides"),
    Equivalent(r"chain (cut_)?(segment|segment_range_\w+): tcp sequence set tcp ackseq accept → "
               "tcp sequence set tcp ackseq$",
               "the hook's policy is the same"),
    Equivalent(r"^(cut|prefixes): map cut: .* : goto cut.* → .* : goto cut_range",
               "a range asks besides for grants of the range, of which a port outside has none"),
    Equivalent(r"chain to_\w+: .* → meta skuid 0-4294967295 accept$",
               "a SYN is refused at prerouting, where no socket is known"),
    Equivalent(r"^prolong: chain renew_\w+: .* @renewed\d return → .* accept$",
               "what comes after it accepts what is established"),
    Equivalent(r"^prolong: chain renew_b6ec2e6ea79128e3: .* @reached\d (goto renewal_\w+) → \1$",
               "a grant of that place ends with its holder"),
    Equivalent(r"^prolong: chain renewal_(7f2cd9444ce5f0c6|b6ec2e6ea79128e3): "
               r"ip6? saddr .* @holders\d (ip6? saddr .*) → \2$",
               "who has the grant that was asked for before is its holder"),
    Equivalent(r"^stealth: chain open_\w+: .* meta mark set 0x00000000 → .* (meta mark set 0x1|snaplen \d+)$",
               "the mark of a packet that is dropped is nobody's"),
    Equivalent(r"^stealth: chain token: fib daddr type local drop → nothing$", "`input` drops it as well"),
    Equivalent(r"chain (token|token_heard|answered|knock): accept → nothing$", "the hook's policy is the same"),
    Equivalent(r"chain refuse: meta pkttype set other accept → meta pkttype set other$",
               "the hook's policy is the same"),
    Equivalent(r"chain answered: (meta l4proto 17 .*|meta l4proto 6 .*) accept → \1$",
               "no other rule of it is about that protocol, and the hook's policy is the same"),
    Equivalent(r"chain answered: meta l4proto 6 (socket .*) → \1$", "datagrams have been accepted before"),
    Equivalent(r"chain refusals: ct direction original (udp dport set ct reply proto-src) → \1$",
               "the next rule sets it anew where it is a reply"),
    Equivalent(r"chain cut(_range_\w+)?: fib daddr type != local (fib daddr \. iif type != local accept) → \2$",
               "`input` drops it as well"),
    Equivalent(r"chain token: meta l4proto 17 socket (wildcard 0-1 goto token_heard) → "
               r"(socket \1|meta l4proto 17 goto token_heard)$",
               "a token's port is one of UDP, and `answered` asks for the socket as well"),
    Equivalent(r"chain token_heard: fib daddr( \. iif)? type local (goto answered) → (fib .* )?\2$",
               "what is forwarded gets its priority from the kernel"),
    Equivalent(r"^stealth: chain token_check: .* drop → .* accept$", "`input` drops it as well"),
    Equivalent(r"^stealth: chain token_check: meta pkttype set host meta priority set none goto answered → "
               "meta pkttype set host meta priority set 7411:7 goto answered$", "it is dropped there"),
    Equivalent(r"chain token_use: add @claimed .* → (update @claimed|.* update @used)",
               "a used token is known before"),
    Equivalent(r"chain token_hit: meta priority set none accept → "
               r"(nothing|accept|meta priority set (none|7411:7 accept))$",
               "what is forwarded gets its priority from the kernel, and the hook's policy is the same"),
    Equivalent(r"set (watched|services)_ranges: (\d+)-\d+ → \2-(84|8004|6004|60011)$",
               "a port outside is in no map, and fares as if nobody asked"),
    Equivalent(r"chain (gate|input): (meta priority != 7411:1 )?th dport != @(watched|services) "
               r"th dport != @(watched|services)_ranges (accept|goto elsewhere) → nothing$",
               "what no map knows fares the same: it only takes longer"),
    Equivalent(r"chain gate: (th dport != @watched th dport != )@watched_ranges accept → \1@services_ranges",
               "in gate mode both sets have the same ranges"),
    Equivalent(r"chain input: (meta priority != 7411:1 th dport != @services th dport != )@services_ranges accept → "
               r"\1@watched_ranges", "in gate mode both sets have the same ranges"),
    Equivalent(r"chain input: meta priority != 7411:1 th dport != @services (th .*) → .*th dport != @watched \1$",
               "a knock's port is in no map of doors"),
    Equivalent(r"chain (judge|muted|fire_later_uses|follow_later_uses): meta priority set meta l4proto \. th dport map "
               r"@steps_2 (jump \w+_later_uses → jump|jump \w+_later_uses → .*@steps_1|jump (fire|follow) → .*goto)",
               "later uses are asked for anew there; the second is the last of them"),
    Equivalent(r"^prolong: chain input: (ip6? daddr .* vmap) @places\d → \1 @cut_places",
               "its places are at another host"),
    Equivalent(r"chain once_open_\w+: (update @holders\d .* timeout 20ms \} →|.* add @spending .* → .*"
               r"(update @spending|@holders\d \{ [^{]* \} add @spent|"
               r"@\w+ \{ meta priority( timeout 10(000m)?s)? \} add @spent))|set spending: ",
               "only of two last knocks at the same time; tests/kernel/test_token_race.py has them"),
    Equivalent(r"set spent: size 1048576 → size 1$", "each declaration has one `once` sequence"),
    Equivalent(r"set underway: size 128 → size 1$", "TCP is all that is ever in it"),
    Equivalent(r"chain lockout: ip6 saddr != fe80::/10 (update @locked6 .* return) → (ip6 saddr != fec0::/10 )?\1$",
               "an address of the link has returned by then, or the set is full for its network as well"),
    Equivalent(r"chain (protected|range_\w+): fib daddr type != local (fib daddr \. iif type != local accept) → \2$",
               "the door refuses it as well"),
    Equivalent(r"chain (elsewhere|guard|judge): tcp flags != syn / fin,syn,rst,ack accept → "
               "tcp flags != syn / fin,syn,rst accept$", "a SYN with ACK that begins nothing is invalid"),
    Equivalent(r"^(stealth|prefixes): chain (elsewhere|guard|judge): (ct state .*|meta pkttype != host) drop → "
               r"\3 accept$",
               "`input` drops it as well"),
    Equivalent(r"chain input: ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept → "
               r"(udp sport 547 udp dport 546|ip6 saddr fe80::/10 udp [sd]port \d+) accept$",
               "prerouting has dropped what is no answer of a DHCPv6 server"),
    Equivalent(r"chain input: tcp flags != syn / fin,syn,rst,ack (ct state established accept) → \1$",
               "what begins anew in a session is a stray, and dropped before"),
    Equivalent(r"chain input: meta l4proto != 6 (ct state established accept) → (meta l4proto != 7 )?\1$",
               "what begins anew in a session is a stray, and dropped before"),
    Equivalent(r"chain input: meta l4proto (1|58) (ct state related accept) → \2$",
               "prerouting has dropped what is related and no error"),
    Equivalent(r"chain input: meta l4proto 58 ct state related accept → (nothing|meta l4proto (59|!= 58) .*)$",
               "related errors are accepted below as well"),
    Equivalent(r"chain gate: tcp flags != syn / fin,syn,rst,ack (ip6? daddr .* jump home) → \1$",
               "`input` refuses it as well"),
    Equivalent(r"^prolong: set (services|watched): 60005 → (nothing|60006)$", "a range has that port as well"),
    Equivalent(r"^cut: chain knocked: iifname != @interfaces .* →",
               "what comes here has been marked, which is done with packets of these interfaces alone"),
    Equivalent(r"^prolong: chain (lasting|door_range)_\w+: (.* )ct direction original jump (renew_\w+) → "
               r"\2ct direction original goto \3$", "what comes after it accepts what is established"),
    Equivalent(r"^prefixes: chain output: meta l4proto 6 goto connect → goto connect$",
               "its rules are about segments, and there is no service of datagrams"),
    Equivalent(r"chain connect: tcp flags != syn / fin,syn,rst,ack (ip6? daddr .*) → \1$",
               "a SYN has just been remembered for as long"),
    Equivalent(r"chain disguised: (udp dport set 1) accept → \1$", "the hook's policy is the same"),
    Equivalent(r"^stealth: chain door: (meta l4proto 6 )?drop → (nothing|meta l4proto 7 drop)$",
               "the hook's policy is the same"),
    Equivalent(r"^(stealth: chain door|prefixes: chain cut_door): meta l4proto 17 "
               r"(ct state established ct direction original \w+) → \2$",
               "what begins anew in a session is a stray, and dropped before"),
    Equivalent(r"^prefixes: chain (cut_)?segment(_\w+)?: meta skuid 0-4294967295 drop → "
               r"(nothing|meta skuid (!= 0|1)-4294967295 drop)$", "the next rule drops it as well"),
    Equivalent(r"^prolong: chain (cut_to_\w+: drop → nothing|known: .* vmap @cut_places\d → .* vmap @places)",
               "what is established and forwarded is refused by `forward` as well"),
    Equivalent(r"map (ranges|door_ranges): \d+ \. (\d+)-\d+ : .* → \d+ \. \2-\d+",
               "a port outside the range is in no set of those that are asked first"),
)


def reason_for(name: str) -> str:
    """Why a mutant may survive; empty where it may not."""
    return next((one.reason for one in EQUIVALENT if one.fits(name)), "")
