"""The audit log of a host that a controller manages."""

import json

from bed.journal import Journal
from bed.secrecy import told
from controller import Controller

TASK = "- knockwork.nft.ruleset:\n    sequences:\n      - {name: ssh, knock: [47011, 48123], opens: [50443/tcp]}\n"


def test_a_task_is_logged_as_one(controller: Controller) -> None:
    """With Ansible, by whoever logged in, from where the controller is; without a port."""
    journal = Journal(controller.host)
    controller.changes(TASK)
    controller.unchanged(TASK)
    entry, = journal.entries()
    assert entry["KNOCKWORK_VIA"] == "Ansible" and entry["KNOCKWORK_WHO"] == "root"
    assert str(entry["MESSAGE"]).startswith(f"apply by root with Ansible from {entry['KNOCKWORK_FROM']}: + table")
    shown = json.dumps({key: value for key, value in entry.items() if not key.startswith("_")})
    assert not told(shown, "47011", "48123", "50443")
