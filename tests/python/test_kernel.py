"""plan(), apply(), remove() and status() on a real kernel, in a namespace of their own."""

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

TEXT = """\
knockwork: 1
sequences:
  - {name: ssh, knock: [47011, 48123/tcp], opens: [50022/tcp], open_for: 1m}
"""
Inside = Callable[..., Any]


def lifecycle() -> list[tuple[bool, list[str]]]:
    """Every function, in the order of a host's life; (changed, names) of each."""
    import knockwork
    spec = knockwork.load(TEXT)
    reports = [knockwork.plan(spec), knockwork.apply(spec, check=True), knockwork.apply(spec),
               knockwork.apply(spec), knockwork.plan(spec), knockwork.remove(check=True), knockwork.remove(),
               knockwork.remove()]
    assert reports[0] != reports[3] == reports[4]
    return [(report.changed, [change.name for change in report.changes]) for report in reports]


def test_lifecycle(inside: Inside) -> None:
    said = inside(lifecycle)
    assert [changed for changed, _ in said] == [True, True, True, False, False, True, True, False]
    assert all(bool(names) == changed for changed, names in said)
    assert "ssh" in said[0][1] and said[0][1] == said[1][1] == said[2][1]


def statuses() -> list[Any]:
    """The status before, with and after the table."""
    import knockwork
    before = knockwork.status()
    knockwork.apply(knockwork.load(TEXT))
    live = knockwork.status()
    assert live == knockwork.status()
    (ssh,) = live.sequences
    found = [before.present, live.present, live.mode, (ssh.name, ssh.knocks, ssh.services),
             live.grants, live.lockouts, live.half_done]
    return [*found, repr(live), repr(knockwork.plan(knockwork.load(TEXT.replace("1m", "2m"))))]


def test_status(inside: Inside) -> None:
    *found, live, report = inside(statuses)
    assert found == [False, True, "gate", ("ssh", 2, 1), (), (), 0]
    assert "1m → 2m" in report
    assert not any(port in live + report for port in ("47011", "48123", "50022"))


def refusal() -> tuple[str, str]:
    """What is raised where the table is somebody else's, and where the lock is held."""
    import fcntl
    import subprocess
    import knockwork
    spec = knockwork.load(TEXT)
    knockwork.apply(spec)
    with open("/run/knockwork/lock", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = time.monotonic()
        held = _error(lambda: knockwork.apply(spec, lock_timeout=timedelta(seconds=0.3)))
        assert 0.2 < time.monotonic() - started < 5
    foreign = "delete table inet knockwork; add table inet knockwork; add chain inet knockwork theirs"
    subprocess.run(["/usr/sbin/nft", foreign], check=True)
    return held, _error(lambda: knockwork.apply(spec))


def _error(action: Callable[[], object]) -> str:
    import knockwork
    try:
        action()
    except knockwork.KnockworkError as error:
        return str(error)
    return ""


def test_what_the_system_refuses(inside: Inside) -> None:
    held, foreign = inside(refusal)
    assert "knockwork" in held and "knockwork" in foreign and held != foreign


def beats_during_a_wait() -> int:
    """How often another thread ran while this one waited in the core for a lock."""
    import fcntl
    import knockwork
    spec = knockwork.load(TEXT)
    knockwork.apply(spec)
    beats = 0
    done = threading.Event()

    def beat() -> None:
        nonlocal beats
        while not done.wait(0.01):
            beats += 1

    thread = threading.Thread(target=beat)
    with open("/run/knockwork/lock", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.start()
        _error(lambda: knockwork.apply(spec, lock_timeout=timedelta(seconds=0.5)))
        done.set()
    thread.join()
    return beats


def test_other_threads_go_on(inside: Inside) -> None:
    """The core works without the GIL."""
    assert inside(beats_during_a_wait) > 10


def answers() -> list[Any]:
    """The façade that Ansible speaks to, with good and bad requests."""
    from knockwork import _core
    ours = {"version": _core.__version__}
    bad = {"kind": "declaration", "name": "options", "text": TEXT.replace("47011", "70000")}
    minor = _core.__version__.rpartition(".")[0]
    requests = [{"version": "0.0.0", "command": "status"}, {**ours, "protocol": 2, "command": "status"},
                {"version": f"{minor}.99", "protocol": 1, "command": "status"},
                {**ours, "command": "apply", "sources": [bad]}, {**ours, "command": "apply"}]
    return [json.loads(_core.call(text)) for text in [*map(json.dumps, requests), "{"]]


def test_call(inside: Inside) -> None:
    other, protocol, status, invalid, short, broken = inside(answers)
    assert other["error"]["kind"] == protocol["error"]["kind"] == "version"
    assert status["ok"] and not status["status"]["present"]
    assert [each["path"] for each in invalid["error"]["diagnostics"]] == ["sequences[0].knock[0]"]
    assert short["error"]["kind"] == broken["error"]["kind"] == "bug"


def waiting() -> list[Any]:
    """An apply that is confirmed, one that is rolled back, one that nobody confirms; grants."""
    import knockwork
    spec, other = knockwork.load(TEXT), knockwork.load(TEXT.replace("1m", "2m"))
    within = timedelta(seconds=60)
    first = knockwork.apply(spec, confirm_within=within)
    assert first.pending is not None and knockwork.status().pending is not None
    refused = ""
    try:
        knockwork.apply(other)
    except knockwork.KnockworkError as error:
        refused = str(error)
    found: list[Any] = [first.pending.id in refused, knockwork.confirm(first.pending.id) == first.pending.id,
                        knockwork.apply(spec, confirm_within=within).pending]
    second = knockwork.apply(other, confirm_within=within)
    found += [second.changed, knockwork.rollback().changed, knockwork.apply(spec).changed]
    knockwork.apply(other, confirm_within=timedelta(seconds=1))
    deadline = time.monotonic() + 30
    while knockwork.status().pending is not None and time.monotonic() < deadline:
        time.sleep(0.05)
    found.append(knockwork.apply(spec).changed)
    found.append(knockwork.grant("192.0.2.7", "ssh", time=timedelta(seconds=40)).changed)
    found.append([(each.source, each.sequence) for each in knockwork.status().grants])
    found.append(knockwork.revoke(sequence="ssh", check=True).changed)
    found.append([(change.kind, change.object, change.name) for change in knockwork.revoke(source="192.0.2.7").changes])
    found.append(knockwork.revoke().changed)
    return found


def test_waiting(inside: Inside) -> None:
    assert inside(waiting) == [True, True, None, True, True, False, False, True, [("192.0.2.7", "ssh")], True,
                               [("remove", "grant", "192.0.2.7")], False]
