"""`pip install .`: both faces from one environment."""

from pathlib import Path

from bed import Lab
from readme import blocks

DECLARATION = "knockwork: 1\nsequences: [{name: ssh, knock: [7000, 8000], opens: [22/tcp]}]\n"
MODULE = """
import knockwork
report = knockwork.apply(knockwork.load(open("/etc/knockwork/knockwork.yml").read()))
print(knockwork.__version__, report.changed)
"""


def test_readme_says_it() -> None:
    """What the environment was made by is README's line."""
    assert ["pip install ."] in [block.commands for block in blocks("Install")]


def test_both_faces(venv: Path, lab: Lab) -> None:
    """The command gates and lets in; the module says that nothing is to be done."""
    lab.server.write("/etc/knockwork/knockwork.yml", DECLARATION, 0o600)
    command = str(venv / "bin/knockwork")
    version = lab.server.output([command, "--version"]).split()[-1]
    lab.server.run([command, "apply"], check=True)
    assert lab.client.tcp(22) != lab.client.tcp(80)
    lab.callers.run([command, "knock", "10.77.0.10", "7000", "8000"], check=True)
    lab.client.connect(22).close()
    assert lab.server.output([str(venv / "bin/python"), "-c", MODULE]) == f"{version} False\n"
