"""Tokens by real packets: each opens once, and nothing that happens to the host lets one open twice."""
from __future__ import annotations

import base64
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bed import Caller, Lab, derivation, packets, tokens
from bed.cli import Knockwork
from bed.lab import CLIENT
from bed.preloaded import preloaded

MASTER = bytes(range(32))
SECRET = "/etc/knockwork/secret"
RECORD = "/var/lib/knockwork/tokens.json"
PORT = 41873
ALICE = tokens.sequence_key(derivation.host_key(MASTER, "web1"), "alice")
DECLARATION = """\
knockwork: 1
mode: {mode}
sequences:
  - name: alice
    token: {{port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1{keys}}}
    opens: [22/tcp]
    open_for: 1s
{more}"""


@pytest.fixture(autouse=True)
def _secret(lab: Lab) -> None:
    lab.server.write(SECRET, f"master:{base64.b64encode(MASTER).decode()}\n", 0o600)


def declared(keys: str = "", more: str = "", mode: str = "gate") -> str:
    return DECLARATION.format(keys=keys, more=more, mode=mode)


class Owner:
    """Whoever has alice's key: takes the next window for each use, and finds out what was lost today."""

    def __init__(self, caller: Caller, key: bytes = ALICE, period_ms: int = 15000) -> None:
        self.caller = caller
        self.key = key
        self.period_ms = period_ms
        self.sent: list[bytes] = []
        self._next = 0

    def token(self, losses: int = 0) -> bytes:
        """A fresh one."""
        self._next = max(self._next, tokens.window(self.period_ms)) + 1
        self.sent.append(tokens.token(self.key, self._next - 1, losses, self.period_ms))
        return self.sent[-1]

    def gets_in(self, most: int = 5) -> bool:
        """Within so many packets, the losses counted up from none."""
        for losses in range(most):
            self.caller.send(PORT, self.token(losses))
            if self.caller.tcp(22) == "open":
                return True
        return False


@pytest.fixture(params=["ipv4", "ipv6"])
def owner(request: pytest.FixtureRequest, lab: Lab) -> Owner:
    """In either family."""
    return Owner(lab.client if request.param == "ipv4" else lab.client6)


def _closed(owner: Owner) -> None:
    time.sleep(1.05)
    assert owner.caller.tcp(22) != "open"


def _replays(lab: Lab, owner: Owner) -> Iterator[tuple[Caller, bytes]]:
    for sent in owner.sent:
        for caller in (owner.caller, lab.stranger, lab.stranger6):
            yield caller, sent


def nothing_replays(lab: Lab, owner: Owner) -> None:
    """All that was ever sent opens nothing, for whoever sends it."""
    _closed(owner)
    for caller, sent in _replays(lab, owner):
        caller.send(PORT, sent)
        assert caller.tcp(22) != "open"


@pytest.mark.parametrize("mode", ["gate", "stealth"])
@pytest.mark.parametrize("padding", [0, 1, 17, 496])
def test_one_packet_opens_once(lab: Lab, knockwork: Knockwork, owner: Owner, mode: str, padding: int) -> None:
    """For its source alone, whatever follows it in the packet; never again."""
    knockwork.apply(declared(mode=mode))
    assert owner.caller.tcp(22) != "open"
    owner.caller.send(PORT, owner.token() + random.randbytes(padding))
    assert owner.caller.tcp(22) == "open"
    assert lab.stranger.tcp(22) != "open"
    nothing_replays(lab, owner)
    assert owner.gets_in(1)


def test_what_is_no_token_opens_nothing(lab: Lab, knockwork: Knockwork, owner: Owner) -> None:
    """Wrong, short, shifted, at another port, over another protocol; and none of it locks anybody out."""
    knockwork.apply(declared())
    right = owner.token()
    wrong = [b"", right[:15], b"\x00" + right, right[1:], bytes(16), random.randbytes(16), right[::-1],
             tokens.token(ALICE, tokens.window() + 2, 1), tokens.token(bytes(32), tokens.window()),
             tokens.token(ALICE, tokens.window() + 100), tokens.token(ALICE, tokens.window() - 20)]
    for payload in wrong:
        owner.caller.send(PORT, payload)
        assert owner.caller.tcp(22) == "refused"
    owner.caller.send(PORT - 1, right)
    owner.caller.send(PORT + 1, right)
    assert owner.caller.tcp(22) == "refused"
    owner.caller.send(PORT, right)
    assert owner.caller.tcp(22) == "open"


def test_fragments(lab: Lab, knockwork: Knockwork) -> None:
    """A token in pieces counts when the datagram is whole, and no piece alone does."""
    knockwork.apply(declared())
    owner = Owner(lab.client)

    def send(number: int, *kept: int) -> None:
        lab.callers.call(packets.udp_fragments, owner.caller.target, PORT, owner.token() + bytes(16), CLIENT[0], number,
                         kept)

    for number, kept in enumerate(((0,), (1,), (2,), (0, 1), (1, 2)), 1):
        send(number, *kept)
        assert owner.caller.tcp(22) == "refused"
    owner.sent.clear()  # none of them arrived
    send(6, 2, 0, 1)
    assert owner.caller.tcp(22) == "open"
    nothing_replays(lab, owner)


def test_a_refused_source_spends_its_token(lab: Lab, knockwork: Knockwork) -> None:
    """`from` is asked after the token is used up."""
    knockwork.apply(declared(more="    from: [10.77.0.20]\n"))
    owner = Owner(lab.client)
    token = owner.token()
    lab.stranger.send(PORT, token)
    assert lab.stranger.tcp(22) == "refused"
    lab.client.send(PORT, token)
    assert lab.client.tcp(22) == "refused"
    assert owner.gets_in(1)


def test_lockouts_and_always_allow_exempt_nobody(lab: Lab, knockwork: Knockwork) -> None:
    """Who is locked out gets in by a token; who need not knock spends it all the same."""
    knockwork.apply(declared(more="  - {name: other, knock: [7000], opens: [80/tcp]}\n")
                    + "always_allow: [10.77.0.30]\n")
    owner = Owner(lab.client)
    lab.client.knock(7001)
    lab.client.knock(7000)
    assert lab.client.tcp(80) == "refused"
    assert owner.gets_in(1)
    _closed(owner)
    token = owner.token()
    lab.stranger.send(PORT, token)
    lab.client.send(PORT, token)
    assert lab.client.tcp(22) == "refused"


def test_once(lab: Lab, knockwork: Knockwork) -> None:
    """One grant, and no more until it is renewed."""
    knockwork.apply(declared(more="    once: true\n"))
    owner = Owner(lab.client)
    assert owner.gets_in(1)
    _closed(owner)
    assert not owner.gets_in(1)
    assert knockwork.run("renew", "alice").returncode == 0
    assert owner.gets_in(1)


def test_unchanged_sends_nothing(lab: Lab, knockwork: Knockwork) -> None:
    """While enough tokens are there; without a stamp as well."""
    knockwork.apply(declared())
    before = (lab.generation(), lab.server.read(RECORD))
    for forgotten in ("/nothing", "/run/knockwork"):
        lab.server.run(["rm", "-rf", forgotten], check=True)
        assert not knockwork.differs()
        assert "Unchanged" in knockwork.apply()
    assert (lab.generation(), lab.server.read(RECORD)) == before


def _altered(lab: Lab, **values: object) -> None:
    record = json.loads(lab.server.read(RECORD))
    for key, value in values.items():
        (record if key in record else record["sequences"][0])[key] = value
    lab.server.write(RECORD, json.dumps(record), 0o600)


def test_top_up(lab: Lab, knockwork: Knockwork, owner: Owner) -> None:
    """When half of `ahead` is left: only what follows is added, nothing a second time."""
    knockwork.apply(declared(", period: 1s, ahead: 10s, skew: 2s"))
    owner.period_ms = 1000
    assert owner.gets_in(1)
    until = json.loads(lab.server.read(RECORD))["sequences"][0]["loaded_to_ms"]
    time.sleep(6)
    assert "tokens alice: topped up" in knockwork.run("plan").stdout
    assert json.loads(lab.server.read(RECORD))["sequences"][0]["loaded_to_ms"] == until
    assert "topped up" in knockwork.apply()
    assert json.loads(lab.server.read(RECORD))["sequences"][0]["loaded_to_ms"] >= until + 3000
    assert "Unchanged" in knockwork.apply()
    nothing_replays(lab, owner)
    assert owner.gets_in(1)


def test_without_a_top_up_the_gate_closes(lab: Lab, knockwork: Knockwork) -> None:
    """A host whose timer died serves for `ahead`, then nobody."""
    knockwork.apply(declared(", period: 1s, ahead: 8s, skew: 1s"))
    owner = Owner(lab.client, period_ms=1000)
    assert owner.gets_in(1)
    _wait_for_the_last(lab)
    assert not Owner(lab.client, period_ms=1000).gets_in(3)
    knockwork.apply()
    assert Owner(lab.client, period_ms=1000).gets_in(1)


def _wait_for_the_last(lab: Lab) -> None:
    """Token: a second of skew after its window."""
    until = json.loads(lab.server.read(RECORD))["sequences"][0]["loaded_to_ms"] / 1000 + 1.1
    time.sleep(max(0.0, until - time.time()))


BROKEN = "knockwork: 1\nsequences: [{name: alice\n"


def test_a_broken_declaration_shuts_nobody_out(lab: Lab, knockwork: Knockwork) -> None:
    """The timer tops up what was applied."""
    knockwork.apply(declared(", period: 1s, ahead: 8s, skew: 1s"))
    owner = Owner(lab.client, period_ms=1000)
    knockwork.declare(BROKEN)
    for _ in range(5):
        time.sleep(2)
        assert knockwork.run("apply", "--quiet", "--unattended").returncode == 1
    assert owner.gets_in(1)


def _reapply(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply()


def _other_sequence(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply(declared(more="  - {name: other, knock: [7000], opens: [80/tcp]}\n"))
    knockwork.apply(declared())


def _flush(lab: Lab, knockwork: Knockwork) -> None:
    lab.server.nft("flush ruleset")
    knockwork.apply()


def _flush_twice(lab: Lab, knockwork: Knockwork) -> None:
    _flush(lab, knockwork)
    _flush(lab, knockwork)


def _remove(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.remove()
    knockwork.apply()


def _used_is_lost(lab: Lab, knockwork: Knockwork) -> None:
    """A hand makes the set of used tokens anew."""
    lab.server.nft("flush chain inet knockwork token_use\ndelete set inet knockwork used")
    knockwork.apply()


def _period(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply(declared(", period: 30s"))
    knockwork.apply(declared())


def _serial(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply(declared(", serial: 2"))
    knockwork.apply(declared())


def _removed_and_added(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply("knockwork: 1\n")
    knockwork.apply(declared())


def _save_and_reboot(lab: Lab, knockwork: Knockwork) -> None:
    assert knockwork.run("save").returncode == 0
    _power_loss(lab, knockwork)


def _power_loss(lab: Lab, knockwork: Knockwork) -> None:
    lab.server.nft("flush ruleset")
    lab.server.run(["rm", "-rf", "/run/knockwork"], check=True)
    knockwork.apply()


def _clock_is_set(lab: Lab, by_ms: int) -> None:
    """As if, since the table was filled."""
    record = json.loads(lab.server.read(RECORD))
    _altered(lab, offset_ms=record["offset_ms"] - by_ms,
             loaded_to_ms=record["sequences"][0]["loaded_to_ms"] - by_ms)


def _clock_was_ahead(lab: Lab, knockwork: Knockwork) -> None:
    """The clock goes back by an hour."""
    _clock_is_set(lab, -3600_000)
    knockwork.apply()


def _clock_was_behind(lab: Lab, knockwork: Knockwork) -> None:
    """It is set ahead by an hour, and then by a little."""
    _clock_is_set(lab, 3600_000)
    knockwork.apply()
    _clock_is_set(lab, 90_000)
    knockwork.apply()


def _back_and_forward(lab: Lab, knockwork: Knockwork) -> None:
    """Back by an hour, and forward again."""
    _clock_was_ahead(lab, knockwork)
    _clock_was_behind(lab, knockwork)


def _rolled_back(lab: Lab, knockwork: Knockwork) -> None:
    knockwork.apply(declared(", skew: 1m"), "--confirm-within", "60s")
    assert knockwork.run("rollback").returncode == 0


def _record_is_lost(lab: Lab, knockwork: Knockwork) -> None:
    lab.server.run(["rm", RECORD], check=True)
    lab.server.run(["rm", "-rf", "/run/knockwork"], check=True)
    knockwork.apply()


def _record_is_damaged(lab: Lab, knockwork: Knockwork) -> None:
    lab.server.write(RECORD, "{", 0o600)
    knockwork.apply()


def _cloned(lab: Lab, knockwork: Knockwork) -> None:
    """The disk is another machine's: said once."""
    lab.server.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
    done = knockwork.run("apply")
    assert done.returncode == 0 and "this host is a copy of another machine" in done.stderr
    assert "copy" not in knockwork.run("apply").stderr


EVENTS = [_reapply, _cloned, _other_sequence, _flush, _flush_twice, _remove, _used_is_lost, _period, _serial,
          _removed_and_added, _save_and_reboot, _power_loss, _clock_was_ahead, _clock_was_behind, _back_and_forward,
          _rolled_back]


@pytest.mark.parametrize("event", EVENTS, ids=[event.__name__.strip("_") for event in EVENTS])
def test_nothing_replays_after(lab: Lab, knockwork: Knockwork, owner: Owner, event: object) -> None:
    """Whatever happens to the host: nothing that was sent opens again, and the owner gets in."""
    knockwork.apply(declared())
    assert owner.gets_in(1)
    event(lab, knockwork)  # type: ignore[operator]
    nothing_replays(lab, owner)
    assert owner.gets_in()


@pytest.mark.parametrize("event", [_record_is_lost, _record_is_damaged], ids=["lost", "damaged"])
def test_a_record_that_is_gone(lab: Lab, knockwork: Knockwork, owner: Owner, event: object) -> None:
    """Then the tokens are others, and take the owner a few attempts more."""
    knockwork.apply(declared())
    assert owner.gets_in(1)
    event(lab, knockwork)  # type: ignore[operator]
    nothing_replays(lab, owner)
    assert owner.gets_in(6)


def test_an_old_dump_is_good_for_nothing(lab: Lab, knockwork: Knockwork, owner: Owner) -> None:
    """Loaded by hand when its tokens are over: by the kernel's clock it opens nothing, whatever its timeouts say.

    The next apply notices that the table is another one.
    """
    knockwork.apply(declared(", period: 1s, ahead: 8s, skew: 1s"))
    owner.period_ms = 1000
    dump = lab.server.output(["nft", "list", "ruleset"])
    assert owner.gets_in(1)
    _wait_for_the_last(lab)
    lab.server.nft("flush ruleset")
    lab.server.nft(dump)
    nothing_replays(lab, owner)
    knockwork.apply()
    nothing_replays(lab, owner)
    assert owner.gets_in()


def test_a_young_dump_is_noticed(lab: Lab, knockwork: Knockwork, owner: Owner) -> None:
    """An apply over a table that was loaded from a listing draws all tokens anew."""
    knockwork.apply(declared())
    dump = lab.server.output(["nft", "list", "ruleset"])
    assert owner.gets_in(1)
    lab.server.nft("flush ruleset")
    lab.server.nft(dump)
    assert "replaced" in knockwork.apply()
    nothing_replays(lab, owner)
    assert owner.gets_in()


@pytest.mark.parametrize("keys,why", [(", ahead: 20m", "ahead 10m → 20m"), (", skew: 3m", "skew 2m → 3m"),
                                      (", period: 20s", "period 15s → 20s"), (", serial: 2", "serial 1 → 2")])
def test_a_change_is_told_in_the_words_of_the_declaration(knockwork: Knockwork, keys: str, why: str) -> None:
    knockwork.apply(declared())
    knockwork.declare(declared(keys))
    planned, applied = knockwork.run("plan").stdout, knockwork.apply()
    for said in (planned, applied):
        assert f"  ~ sequence alice: {why}\n" in said and "token_use" not in said and "setting" not in said, said
    assert not knockwork.differs()


def test_a_clock_that_is_set_ahead(lab: Lab, knockwork: Knockwork, tmp_path: Path) -> None:
    """Or a host that slept: a token that nobody used ends with its window, although the kernel still has it."""
    library = preloaded(tmp_path, "another_clock")
    knockwork.declare(declared())
    behind = {"LD_PRELOAD": str(library), "CLOCK_SET_BY": "-3600"}
    assert knockwork.run("apply", env=behind).returncode == 0
    hour_ago = tokens.window() - 3600 // 15
    generation = lab.generation()
    said = knockwork.apply()
    assert "tokens alice: topped up" in said and "replaced" not in said
    assert lab.generation() == generation + 1  # nothing else was looked at
    for window in range(hour_ago - 8, hour_ago + 42):
        lab.client.send(PORT, tokens.token(ALICE, window))
    assert lab.client.tcp(22) == "refused"
    assert Owner(lab.client).gets_in(1)
    assert "Unchanged" in knockwork.apply()


def test_a_host_name_that_changed(lab: Lab, knockwork: Knockwork) -> None:
    """Profiles from before are worth nothing then: a plan says so, and how to keep them."""
    unnamed = declared().replace(", host: web1", "")
    name = lab.server.output(["uname", "-n"]).strip()
    try:
        lab.server.run(["hostname", "web1"], check=True)
        knockwork.apply(unnamed)
        lab.server.run(["hostname", "web2"], check=True)
        for command in ("plan", "apply"):
            done = knockwork.run(command)
            assert "alice now uses host web2 instead of web1 for its tokens: " in done.stderr, done
            assert "write `host: web1` under its `token`" in done.stderr
            assert "  ~ sequence alice: host web1 → web2\n" in done.stdout
        assert not knockwork.run("plan").stderr
    finally:
        lab.server.run(["hostname", name], check=True)


def _with(keys: str) -> str:
    return declared(keys)


KNOCKS = "knockwork: 1\nsequences:\n  - {name: alice, knock: [7000, 8000], opens: [22/tcp], open_for: 1s}\n"


@pytest.mark.parametrize("before,after", [(_with(""), _with(", ahead: 1h")), (_with(""), KNOCKS), (KNOCKS, _with(""))],
                         ids=["ahead", "to-knocks", "to-tokens"])
def test_rollback(lab: Lab, knockwork: Knockwork, before: str, after: str) -> None:
    """The table of before comes back whole, and its tokens open."""
    knockwork.apply(before)
    knockwork.apply(after, "--confirm-within", "60s")
    assert knockwork.run("rollback").returncode == 0
    knockwork.declare(before)
    assert not knockwork.differs()
    if before == KNOCKS:
        lab.client.knock(7000, 8000)
        assert lab.client.tcp(22) == "open"
    else:
        assert Owner(lab.client).gets_in()


def test_rollback_without_a_record(lab: Lab, knockwork: Knockwork, owner: Owner) -> None:
    """What tokens opened before is known from what they open now."""
    knockwork.apply(declared())
    lab.server.run(["rm", RECORD], check=True)
    knockwork.apply(declared(more="  - {name: other, knock: [7000], opens: [80/tcp]}\n"), "--confirm-within", "60s")
    assert knockwork.run("rollback").returncode == 0
    assert owner.gets_in(8)


def test_the_last_good_gate_has_tokens(lab: Lab, knockwork: Knockwork, owner: Owner) -> None:
    """A start with a broken declaration loads it, and fills it."""
    knockwork.apply(declared())
    assert owner.gets_in(1)
    lab.server.nft("flush ruleset")
    knockwork.declare(BROKEN)
    done = knockwork.run("apply", "--unattended")
    assert "the last good gate was loaded instead" in done.stderr
    nothing_replays(lab, owner)
    assert owner.gets_in()


@pytest.mark.parametrize("edit", ["flush set inet knockwork good", "flush map inet knockwork tokens"])
def test_what_a_hand_emptied_is_filled_again(lab: Lab, knockwork: Knockwork, owner: Owner, edit: str) -> None:
    """With other tokens: what was taken out may have been used."""
    knockwork.apply(declared())
    assert owner.gets_in(1)
    lab.server.nft(edit)
    assert "replaced" in knockwork.apply()
    nothing_replays(lab, owner)
    assert owner.gets_in()


def test_a_strange_token_goes(lab: Lab, knockwork: Knockwork) -> None:
    """One that a hand put into the table opens until the next apply."""
    knockwork.apply(declared())
    edge = json.loads(lab.server.read(RECORD))["sequences"][0]["edge"]
    strange = bytes(range(1, 17))
    lab.server.nft(f"add element inet knockwork tokens {{ 0x{strange.hex()} timeout 20m : "
                   f"{edge >> 16:x}:{edge & 0xffff:x} }}")
    assert "replaced" in knockwork.apply()
    lab.client.send(PORT, strange)
    assert lab.client.tcp(22) == "refused"
    assert "Unchanged" in knockwork.apply()


def test_a_removed_key_is_forgotten(lab: Lab, knockwork: Knockwork) -> None:
    """What was declared as a key stays in no file once its sequence is gone."""
    key = base64.b64encode(ALICE).decode()
    knockwork.apply(declared().replace("secret_file: /etc/knockwork/secret, host: web1", f"key: {key}"))
    assert Owner(lab.client).gets_in(1)
    knockwork.apply("knockwork: 1\n")
    assert lab.server.run(["grep", "-rlF", key, "/var/lib/knockwork", "/run/knockwork"]).stdout == ""


def test_a_person_taken_away(lab: Lab, knockwork: Knockwork) -> None:
    """Their tokens leave with the sequence; nobody else notices."""
    bob = Owner(lab.stranger, tokens.sequence_key(derivation.host_key(MASTER, "web1"), "bob"))
    second = ("  - name: bob\n    token: {port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}\n"
              "    opens: [22/tcp]\n")
    knockwork.apply(declared(more=second))
    alice = Owner(lab.client)
    assert alice.gets_in(1) and bob.gets_in(1)
    session = lab.stranger.connect(22)
    assert session.works()
    _closed(alice)
    knockwork.apply(declared(), "--revoke-retired")
    assert not session.works(0.5)
    assert not bob.gets_in(5)
    assert alice.gets_in(1)


def test_a_revocation_replaces_tokens_as_well(lab: Lab, knockwork: Knockwork) -> None:
    """A profile is lost: the same apply ends its grants and puts other tokens in place of its tokens."""
    knockwork.apply(declared())
    thief = Owner(lab.stranger)
    assert thief.gets_in(1)
    knockwork.apply(declared(", serial: 2"), "--revoke-retired")
    assert not thief.gets_in()
    assert Owner(lab.client, tokens.sequence_key(derivation.host_key(MASTER, "web1"), "alice", 2)).gets_in()


def test_another_secret_with_a_revocation(lab: Lab, knockwork: Knockwork) -> None:
    """The secret is lost: nothing that was drawn from it opens any more, whatever else is taken away."""
    other = "  - {name: other, knock: [7000], opens: [80/tcp]}\n"
    knockwork.apply(declared(more=other))
    lab.server.write(SECRET, f"master:{base64.b64encode(MASTER[::-1]).decode()}\n", 0o600)
    knockwork.apply(declared(), "--revoke-retired")
    assert not Owner(lab.stranger).gets_in()
    assert Owner(lab.client, tokens.sequence_key(derivation.host_key(MASTER[::-1], "web1"), "alice")).gets_in()


def test_a_plan_names_whose_tokens_are_replaced(lab: Lab, knockwork: Knockwork) -> None:
    """Of the sequence that changes alone."""
    bob = ("  - name: bob\n    token: {port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}\n"
           "    opens: [22/tcp]\n")
    knockwork.apply(declared(more=bob))
    knockwork.declare(declared(", period: 30s", more=bob))
    assert "  ~ tokens alice: replaced\n" in knockwork.run("plan").stdout


def test_a_missing_token_is_reported(lab: Lab, knockwork: Knockwork) -> None:
    """And never added back: whoever took it may have used it."""
    knockwork.apply(declared())
    window = tokens.window() + 5
    token = "0x" + tokens.token(ALICE, window).hex()
    lab.server.nft(f"delete element inet knockwork tokens {{ {token} }}")
    done = knockwork.run("apply")
    assert done.returncode == 0 and "Unchanged" in done.stdout
    assert "1 token is missing from the table" in done.stderr
    assert token[2:].lstrip("0") not in knockwork.listing()


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Los_Angeles"])
def test_time_zones(lab: Lab, knockwork: Knockwork, zone: str) -> None:
    """The kernel counts in UTC, whatever the administrator's shell says."""
    knockwork.declare(declared())
    assert knockwork.run("apply", env={"TZ": zone}).returncode == 0
    assert Owner(lab.client).gets_in(1)
    assert not knockwork.differs()
