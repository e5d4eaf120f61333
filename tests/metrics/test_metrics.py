"""Metrics as Prometheus takes them, and the dashboard, the alerts and the page that speak of them."""

import base64
import json
import re
import stat
import subprocess
from pathlib import Path

import pytest

from bed import Lab
from bed.cli import Knockwork

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "packaging/monitoring"
# With a sequence of each kind, so that every family is there.
DECLARATION = """\
knockwork: 1
sources: 1024
sequences:
  - {name: ssh, knock: [7000/udp, 8000/udp, 9000/udp], opens: [22/tcp]}
  - {name: a.b@c-d, knock: [7100/udp, 8100/udp], opens: [51820-51822/udp], once: true}
  - {name: alice, opens: [22/tcp], token: {port: 41873/udp, secret_file: /etc/knockwork/secret, host: web1}}
  - {name: backup, opens: [873/tcp], derive: {secret_file: /etc/knockwork/secret, host: web1, length: 4, period: 1d}}
  - {name: fleet, opens: [874/tcp], derive: {secret_file: /etc/knockwork/secret, host: web1, length: 4}}
"""
SECRET = f"master:{base64.b64encode(bytes(range(32))).decode()}\n"
Samples = dict[str, dict[str, float]]


def _full(knockwork: Knockwork) -> None:
    knockwork.host.write("/etc/knockwork/secret", SECRET, 0o600)
    knockwork.apply(DECLARATION)
    assert knockwork.run("epoch", "publish", "7").returncode == 0
    knockwork.host.write("/var/lib/knockwork/repairs.json", '{"count": 3, "last": 1700000000500}')


def _text(knockwork: Knockwork) -> str:
    done = knockwork.run("metrics")
    assert done.returncode == 0, done.stderr
    return done.stdout


def _samples(text: str) -> Samples:
    """Family → labels → value, as strictly as the format is written: HELP and TYPE before its samples, once."""
    found: Samples = {}
    kinds: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in kinds and line.endswith("."), line
            kind = re.fullmatch(rf"# TYPE {name} (gauge|counter)", next(lines))
            assert kind, line
            kinds[name] = kind[1]
            assert (kinds[name] == "counter") == name.endswith("_total"), name
            continue
        sample = re.fullmatch(r'(knockwork_[a-z_]+)(?:\{([a-z]+="[^"\\]*"(?:,[a-z]+="[^"\\]*")*)\})? ([0-9.]+)', line)
        assert sample and sample[1] == list(kinds)[-1], line
        series = found.setdefault(sample[1], {})
        assert sample[2] not in series, line
        series[sample[2] or ""] = float(sample[3])
    assert found.keys() == kinds.keys()
    return found


@pytest.mark.parametrize("state", ["nothing", "declared", "gate", "everything"])
def test_promtool_takes_them(knockwork: Knockwork, state: str) -> None:
    """Without a complaint, whatever the host has; what is not known is left out."""
    if state == "declared":
        knockwork.declare("knockwork: 1\nsequences: []\n")
    if state == "gate":
        knockwork.apply("knockwork: 1\nsequences: []\n")
    if state == "everything":
        _full(knockwork)
    text = _text(knockwork)
    found = _samples(text)
    assert found["knockwork_gate_present"][""] == (state in ("gate", "everything"))
    assert found["knockwork_gate_declared"][""] == (state != "nothing")
    assert ("knockwork_tokens_left_seconds" in found) == (state == "everything")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_values(lab: Lab, knockwork: Knockwork) -> None:
    """What happened is what is measured; names are labels, and no port is anywhere."""
    _full(knockwork)
    lab.client.knock(7000, 8000, 9000)
    lab.client6.knock(7000, 8000, 9000)
    lab.client.knock(7100, 8100)
    lab.caller("10.200.1.1").knock(7000)
    lab.caller("10.200.2.2").knock(9000)
    text = _text(knockwork)
    found = _samples(text)
    day = int(found["knockwork_newest_epoch"][""])
    grants = found["knockwork_grants_total"]
    assert {key: grants[key] for key in ('sequence="ssh"', 'sequence="a.b@c-d"', 'sequence="alice"')} == {
        'sequence="ssh"': 2, 'sequence="a.b@c-d"': 1, 'sequence="alice"': 0}
    assert grants[f'sequence="backup",epoch="{day}"'] == 0 and grants['sequence="fleet",epoch="7"'] == 0
    assert found["knockwork_active_grants"][""] == 3
    assert found["knockwork_half_done_sources"][""] == 1
    assert found["knockwork_locked_out_sources"][""] == 1
    assert found["knockwork_set_size_elements"]['set="expected4"'] == 1024
    assert found["knockwork_set_elements"]['set="granted6"'] == 1
    assert 0 < found["knockwork_tokens_left_seconds"][""] <= 700
    assert found["knockwork_rotation_due"][""] == 0
    assert found["knockwork_gate_drifted"][""] == 0
    assert found["knockwork_drift_repairs_total"][""] == 3
    assert found["knockwork_last_drift_repair_timestamp_seconds"][""] == 1700000000.5
    assert not re.search(r"\b(7000|8000|9000|7100|8100|41873|51820)\b", text)


def test_time_of_the_last_apply(knockwork: Knockwork) -> None:
    """An apply that finds all as declared counts, however it finds that out; a look does not."""
    text = "knockwork: 1\nsequences:\n  - {name: ssh, knock: [7000/udp, 8000/udp], opens: [22/tcp]}\n"

    def last() -> float:
        return _samples(_text(knockwork))["knockwork_last_apply_timestamp_seconds"][""]

    def age() -> None:
        knockwork.host.run(["touch", "-d", "@1700000000", "/run/knockwork/stamp"], check=True)

    knockwork.apply(text)
    knockwork.apply(text)
    age()
    assert "Unchanged" in knockwork.apply(text) and last() > 1700000000
    age()
    knockwork.declare("# the same in other words\n" + text)
    for look in (("apply", "--check"), ("plan",), ("status",)):
        knockwork.run(*look)
    assert last() == 1700000000
    assert "Unchanged" in knockwork.apply() and last() > 1700000000


def test_what_needs_attention(knockwork: Knockwork) -> None:
    """A drifted table, a missed rotation, an apply that waits, a table that is gone."""
    _full(knockwork)
    knockwork.host.nft("add rule inet knockwork gate accept")
    assert _samples(_text(knockwork))["knockwork_gate_drifted"][""] == 1
    knockwork.apply(DECLARATION.replace("period: 1d", "epoch: 5"), "--confirm-within", "60s")
    assert _samples(_text(knockwork))["knockwork_apply_pending"][""] == 1
    knockwork.declare(DECLARATION)  # its epoch is that of today, which the table does not have
    assert _samples(_text(knockwork))["knockwork_rotation_due"][""] == 1
    knockwork.host.nft("flush ruleset")
    found = _samples(_text(knockwork))
    assert (found["knockwork_gate_present"][""], found["knockwork_gate_declared"][""]) == (0, 1)


def test_file_for_a_collector(knockwork: Knockwork) -> None:
    """In place of the old one at once, readable by all; where it cannot be written, the old one stays."""
    knockwork.host.run(["mkdir", "-p", "/run/collector"], check=True)
    knockwork.host.write("/run/collector/knockwork.prom", "old\n", 0o600)
    before = knockwork.host.output(["stat", "-c", "%i", "/run/collector/knockwork.prom"])
    done = knockwork.run("metrics", "--output", "/run/collector/knockwork.prom")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert _samples(knockwork.host.read("/run/collector/knockwork.prom"))
    mode, inode = knockwork.host.output(["stat", "-c", "%f %i", "/run/collector/knockwork.prom"]).split()
    assert stat.S_IMODE(int(mode, 16)) == 0o644 and inode != before.strip()
    assert "cannot write /run/none/new" in knockwork.refused("metrics", "--output", "/run/none/new")
    knockwork.host.run(["mkdir", "-p", "/run/collector/taken/inside"], check=True)
    knockwork.refused("metrics", "--output", "/run/collector/taken")
    assert sorted(knockwork.host.output(["ls", "-A", "/run/collector"]).split()) == ["knockwork.prom", "taken"]


def _names(text: str) -> set[str]:
    return set(re.findall(r"\bknockwork_[a-z_]+", text))


def test_who_speaks_of_them(knockwork: Knockwork) -> None:
    """Dashboard and alerts name nothing that is not measured; the page names all that is, and nothing else."""
    _full(knockwork)
    measured = set(_samples(_text(knockwork))) | {"knockwork_gate_survives_reboot"}  # unknown in a namespace
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    asked = _names(json.dumps([panel["targets"] for panel in board["panels"]] + board["templating"]["list"]))
    alerts = _names((MONITORING / "knockwork.rules.yml").read_text(encoding="utf-8"))
    page = _names((ROOT / "docs/monitoring.md").read_text(encoding="utf-8"))
    assert (asked - measured, alerts - measured) == (set(), set())
    assert asked == measured, "a panel for each"
    assert page == measured
    spots = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(spots)) == len(spots) and len({panel["id"] for panel in board["panels"]}) == len(spots)


def test_rules() -> None:
    """Prometheus takes them, and each fires when it should."""
    for words in (["check", "rules", str(MONITORING / "knockwork.rules.yml")],
                  ["test", "rules", str(Path(__file__).with_name("rules_test.yml"))]):
        done = subprocess.run(["promtool", *words], text=True, capture_output=True)
        assert done.returncode == 0, done.stdout + done.stderr
    tested = Path(__file__).with_name("rules_test.yml").read_text(encoding="utf-8")
    names = re.findall(r"- alert: (\w+)", (MONITORING / "knockwork.rules.yml").read_text(encoding="utf-8"))
    assert not [name for name in names if tested.count(f"alertname: {name}\n        exp_alerts") == 0]


def test_expressions_of_the_dashboard(tmp_path: Path) -> None:
    """Each is one that Prometheus takes."""
    board = json.loads((MONITORING / "grafana-dashboard.json").read_text(encoding="utf-8"))
    rules = [{"record": "a:b:c", "expr": target["expr"].replace("$__rate_interval", "5m").replace("$instance", ".*")}
             for panel in board["panels"] for target in panel["targets"]]
    path = tmp_path / "rules.yml"
    groups = [{"name": str(number), "rules": [rule]} for number, rule in enumerate(rules)]
    path.write_text(json.dumps({"groups": groups}))
    done = subprocess.run(["promtool", "check", "rules", "--lint=none", str(path)], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
