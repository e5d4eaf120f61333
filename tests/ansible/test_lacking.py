"""Nodes that lack something: SELinux's bindings for Python, nftables, systemd. The command is sent to them."""

import re
from collections.abc import Iterator

import pytest

from controller import Controller, table, traces
from test_deliver import BIN, CORE, INFO, RULESET, bare, with_command
from test_first_hour import without_library, words

__all__ = ["bare"]  # a fixture

SEQUENCE = "- knockwork.nft.sequence: {name: web, knock: [47011, 48123], opens: [50443/tcp]}\n"
GRANT = "- knockwork.nft.grant: {source: 192.0.2.7, sequence: ssh}\n"
PURGE = "- knockwork.nft.ruleset: {state: absent, purge: true}\n"
FACTS = "- ansible.builtin.setup: {gather_subset: ['!all', '!min', selinux]}\n"
_WITHOUT_BINDINGS = """\
#!/bin/sh
PATH=/run/bare/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONPATH=/run/bare/site; export PATH PYTHONPATH
exec /usr/bin/python3 "$@"
"""
_NO_BINDINGS = """\
import ctypes
class CDLL(ctypes.CDLL):
    def __init__(self, name, *rest, **more):
        if 'selinux' in str(name):
            raise OSError('no such library')
        super().__init__(name, *rest, **more)
ctypes.CDLL = CDLL
"""


@pytest.fixture
def unlabelled(bare: Controller) -> Controller:
    """Nodes whose Python has nothing to ask SELinux with, whether it runs or not."""
    for host in bare.hosts.values():
        host.write("/run/bare/python", _WITHOUT_BINDINGS, 0o755)
        host.write("/run/bare/site/sitecustomize.py", _NO_BINDINGS)
    return bare


def test_without_selinux_bindings(unlabelled: Controller) -> None:
    """No module needs them, neither in check mode nor for what it writes."""
    facts = unlabelled.unchanged(FACTS, variables=with_command()).result()["ansible_facts"]
    assert facts["ansible_selinux_python_present"] is False
    for task in (CORE, RULESET, SEQUENCE, GRANT):
        if task is not GRANT:  # there is no gate that it could be in, unless the tasks before it have run
            unlabelled.changes(task, "--check", variables=with_command())
        unlabelled.changes(task, variables=with_command())
    assert unlabelled.unchanged(INFO, variables=with_command()).result()["status"]["mode"] == "gate"
    unlabelled.changes(PURGE, "--check", variables=with_command())
    unlabelled.changes(PURGE, variables=with_command())
    assert table(unlabelled.host) == ""


@pytest.mark.parametrize("chcon", ["exit 0", "echo no way >&2; exit 1"], ids=["labelled", "refused"])
def test_a_label_for_the_command(bare: Controller, chcon: str) -> None:
    """Where SELinux runs, systemd may start what was sent; a label that cannot be set is a warning."""
    for host in bare.hosts.values():
        host.write("/run/bare/bin/selinuxenabled", "#!/bin/sh\n", 0o755)
        host.write("/run/bare/bin/chcon", f"#!/bin/sh\necho $@ >> /run/bare/chcon.said\n{chcon}\n", 0o755)
    done = bare.changes(CORE, variables=with_command())
    given = f"--type=bin_t {done.result()['path']}"
    assert bare.host.read("/run/bare/chcon.said") == given + "\n"
    warning = f"SELinux may stop systemd from loading the gate at boot: chcon {given}: no way"
    assert ("no way" in chcon) == (warning in words(done))


@pytest.fixture
def without_nftables(bare: Controller) -> Iterator[Controller]:
    """Nodes without nft and its library."""
    for host in bare.hosts.values():
        without_library(host)
    yield bare
    for host in bare.hosts.values():
        host.run(["sh", "-ec", "umount $(cat /run/hidden)"], check=True)


@pytest.mark.parametrize("options", [(), ("--check",)], ids=["run", "check"])
@pytest.mark.parametrize("task", [RULESET, SEQUENCE, GRANT, INFO], ids=["ruleset", "sequence", "grant", "info"])
def test_without_nftables(without_nftables: Controller, task: str, options: tuple[str, ...]) -> None:
    """What to install, from the command that came along. Nothing is written but that command."""
    message = without_nftables.fails(task, *options, variables=with_command())
    assert "libnftables.so.1" in message and "install nftables" in message, message
    left = re.findall(r"^-\S+ (/(?:etc|usr|var)/.*)$", traces(without_nftables.host), re.MULTILINE)
    assert all(path.startswith(BIN) for path in left) and not (options and left), left


@pytest.mark.parametrize("task", [RULESET, SEQUENCE], ids=["ruleset", "sequence"])
def test_without_systemd(bare: Controller, task: str) -> None:
    """Check mode says what the run says: that nothing is known to load the gate at boot. No unit is written."""
    checked, done = (bare.changes(task, *options, variables=with_command()) for options in (("--check",), ()))
    warning = "systemd is not running, so this module cannot tell what loads the gate at boot"
    assert [warning in words(outcome) for outcome in (checked, done)] == [task is RULESET] * 2
    assert bare.unchanged(INFO, variables=with_command()).result()["status"]["boot"]["stands"] == "unknown"
    bare.changes(PURGE, variables=with_command())
    assert bare.host.run(["sh", "-c", "ls /etc/systemd/system/knockwork*"]).stdout == ""
