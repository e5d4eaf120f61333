"""A fleet of two releases whose nodes have nothing of knockwork: one role, once."""

import pytest

from conftest import Fleet

PLAY = """\
- ansible.builtin.import_role: {name: knockwork.nft.gate}
  vars:
    knockwork_gate_declaration:
      sequences:
        - {name: ssh, knock: [47011/udp, 48123/tcp, 49377/udp], opens: [22/tcp], step_timeout: 2s, open_for: 10s}
"""
VARIABLES = {"ansible_connection": "knockwork.nft.ssh"}
REBOOTED = ("bookworm1", "trixie1")


def received(fleet: Fleet) -> dict[str, int]:
    """Bytes that came to each node."""
    return {name: int(host.read("/sys/class/net/eth0/statistics/rx_bytes"))
            for name, host in fleet.nodes.bed.hosts.items()}


def copies(fleet: Fleet) -> dict[str, str]:
    """The core's files on each node, with what shows that one came again."""
    return {name: fleet.nodes.run(name, "find", "/usr/local/lib/knockwork", "-type", "f", "-printf", "%m %P %i %C@\n")
            for name in fleet.nodes.systems}


def is_refused(fleet: Fleet, name: str) -> bool:
    """To the controller, which has not knocked."""
    probe = f"exec 3<>/dev/tcp/{fleet.nodes.bed.address(name)}/22"
    return fleet.nodes.bed.controller.run(["timeout", "3", "bash", "-c", probe]).returncode != 0


@pytest.mark.timeout(1800)  # the systems are made first
def test_from_nothing_to_gated_and_still_after_a_reboot(fleet: Fleet) -> None:
    """Changed once, then not; the core is sent once; what was rebooted is shut to all who do not knock."""
    first = fleet.controller.play(PLAY, variables=VARIABLES)
    assert set(first.failed.values()) == {0} and set(first.changed.values()) == {2}, first.output
    assert all(result["confirmed"] for result in first.results.values())
    kept = copies(fleet)
    assert all(one.startswith("755 ") and one.count("\n") == 1 for one in kept.values()), kept
    before = received(fleet)
    second = fleet.controller.play(PLAY, variables=VARIABLES)
    assert set(second.failed.values()) == {0} and set(second.changed.values()) == {0}, second.output
    came = {name: count - before[name] for name, count in received(fleet).items()}
    size = fleet.installed.command.stat().st_size
    print(f"the core has {size} bytes; a second run sent at most {max(came.values())} to a node")
    assert max(came.values()) < size / 2
    assert copies(fleet) == kept
    for name in REBOOTED:
        fleet.nodes.reboot(name)
        assert is_refused(fleet, name)
    third = fleet.controller.play(PLAY, variables=VARIABLES)
    assert set(third.failed.values()) == {0} and set(third.changed.values()) == {0}, third.output


def test_the_controller_has_the_wheel(fleet: Fleet) -> None:
    """Else it had the build, and the test above shows less."""
    if fleet.installed.no_wheel:
        pytest.skip(fleet.installed.no_wheel)
    assert "/venv/" in str(fleet.installed.command) and fleet.installed.command.is_file()
