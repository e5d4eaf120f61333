"""What the modules return is what they document, whether they succeed or fail."""

import json
import os
import subprocess
from typing import Any

import pytest

from controller import COLLECTIONS, Controller

# What every module of Ansible may return.
USUAL = {"changed", "failed", "msg", "invocation", "warnings", "diff", "exception", "deprecations", "_ansible_no_log",
         "_ansible_delegated_vars", "ansible_facts", "_ansible_parsed", "skipped", "rc"}
GATE = "- knockwork.nft.ruleset:\n    always_allow: WAY\n    boot: false\n    sequences:\n      - "
BY_RECORD = "{name: ssh, opens: [22/tcp], derive: {secret_file: /etc/knockwork/secret, length: 5}}"
WRITTEN = "{name: ssh, opens: [50443/tcp], knock: [47011, 48123]}"
TASKS = {
    "ruleset": GATE + BY_RECORD + "\n",
    "ruleset, invalid": GATE + WRITTEN.replace("48123", "99999") + "\n",
    "ruleset, unconfirmed": GATE.replace("WAY", "[]") + WRITTEN.replace("50443", "22") + "\n    confirm_within: 2s\n",
    "ruleset, no core": GATE + WRITTEN + "\n    backend: python\n",
    "sequence": "- knockwork.nft.sequence: {name: web, opens: [50444/tcp], knock: [47012, 48124]}\n",
    "sequence, invalid": "- knockwork.nft.sequence: {name: web, opens: [50444/tcp], knock: [99999]}\n",
    "grant": "- knockwork.nft.grant: {source: 192.0.2.7, sequence: ssh}\n",
    "grant, to nobody": "- knockwork.nft.grant: {source: 192.0.2.7, sequence: nobody}\n",
    "pending": "- knockwork.nft.pending: {state: confirmed}\n",
    "ruleset_info": "- knockwork.nft.ruleset_info:\n",
}


def documented(module: str) -> dict[str, Any]:
    """The results in a module's documentation."""
    done = subprocess.run(["/usr/bin/ansible-doc", "--json", "-M", "/nowhere", f"knockwork.nft.{module}"], check=True,
                          capture_output=True, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)})
    returned: dict[str, Any] = json.loads(done.stdout)[f"knockwork.nft.{module}"]["return"]
    return returned


def undocumented(result: dict[str, Any], told: dict[str, Any], path: str = "") -> list[str]:
    """Members that the documentation does not have, as far as it says what is in them."""
    found = []
    for name, value in result.items():
        if name not in told:
            found.append(path + name)
        elif "contains" in told[name]:
            for each in value if isinstance(value, list) else [value]:
                found += undocumented(each, told[name]["contains"], f"{path}{name}.")
    return found


@pytest.mark.parametrize("name", TASKS)
def test_every_result_is_documented(controller: Controller, name: str) -> None:
    host = controller.host
    host.write("/etc/knockwork/secret", f"master:{'QUJD' * 8}\n", 0o600)
    if name.split(",")[0] != "ruleset":
        controller.changes((GATE + WRITTEN + "\n").replace("WAY", controller.way_back_in), limit="host1")
    variables = {"ansible_python_interpreter": "/usr/bin/python3"}
    if name == "ruleset, no core":
        variables["knockwork_deliver"] = "never"
        host.write("/run/bare/python", '#!/bin/sh\nunset PYTHONPATH\nexec /usr/bin/python3 "$@"\n', 0o755)
        variables["ansible_python_interpreter"] = "/run/bare/python"
    outcome = controller.play(TASKS[name].replace("WAY", controller.way_back_in), limit="host1", variables=variables)
    result = {key: value for key, value in outcome.result().items() if key not in USUAL}
    told = documented(name.split(",")[0])
    assert undocumented(result, told) == [], result
    assert ("," in name) == bool(outcome.failed["host1"]) or name == "pending", outcome.output
    expected = {"ruleset": "epochs", "ruleset, unconfirmed": "pending", "ruleset, invalid": "diagnostics",
                "grant, to nobody": "unproved"}.get(name)
    assert expected is None or expected in result, result
