"""What the fuzzers of profiles and secrets begin with is sound: else they would see little more than refusals."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "fuzz"))

from corpus import SEEDS  # noqa: E402


def ask(command: str, **more: str) -> dict[str, object]:
    from knockwork import _core
    question = {"version": _core.__version__, "protocol": 1, "command": command, **more}
    answer: dict[str, object] = json.loads(_core.call(json.dumps(question)))
    return answer


@pytest.mark.parametrize("seed", SEEDS["profile"], ids=len)
def test_profiles(seed: bytes) -> None:
    assert ask("profile", name="seed", text=seed.decode())["ok"]


@pytest.mark.parametrize("seed", SEEDS["secrets"], ids=len)
def test_secrets(seed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.touch(0o600)
    path.write_bytes(seed)
    assert ask("host_key", secret_file=str(path), host="web1")["ok"]
