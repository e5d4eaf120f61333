"""The collection's tarball: what is in it, and what an execution environment takes from it."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from readme import ROOT, blocks


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As README has it made."""
    folder = tmp_path_factory.mktemp("collection")
    assert any(command == "packaging/build-collection" for block in blocks("Install") for command in block.commands)
    subprocess.run([ROOT / "packaging/build-collection", folder], check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("knockwork-nft-*.tar.gz"))


def test_contents(tarball: Path) -> None:
    """What its users look for, and nothing of this checkout."""
    with tarfile.open(tarball) as archive:
        names = set(archive.getnames())
    assert {"README.md", "CHANGELOG.md", "COPYING", "docs/ansible.md", "docs/rotation.md", "bindep.txt",
            "requirements.txt", "meta/execution-environment.yml", "plugins/modules/ruleset.py",
            "extensions/eda/plugins/event_source/knockwork.py", "extensions/eda/rulebooks/wrong_knocks.yml",
            "playbooks/wrong_knocks.yml"} <= names
    assert not [name for name in names if name.startswith("tests") or "__pycache__" in name]


def test_execution_environment(tarball: Path, tmp_path: Path) -> None:
    """ansible-builder finds what the controller's side needs."""
    subprocess.run(["ansible-galaxy", "collection", "install", "-p", tmp_path / "collections", tarball], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["/usr/bin/python3", "-m", "venv", tmp_path / "venv"], check=True)
    done = subprocess.run([tmp_path / "venv/bin/pip", "install", "ansible-builder"], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        pytest.skip(f"no package index: {done.stdout.splitlines()[-1]}")
    found = subprocess.run([tmp_path / "venv/bin/ansible-builder", "introspect", tmp_path / "collections"], check=True,
                           text=True, stdout=subprocess.PIPE).stdout
    assert "knockwork >=0.1.0, <0.2" in found
    assert "openssh-client [platform:dpkg]" in found
