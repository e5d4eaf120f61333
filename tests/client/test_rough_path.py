"""Two hundred visitors on a path with jitter, reordering, loss and copies: how many get in, and how soon."""

import json
import re
from collections.abc import Iterator

import pytest

from bed.cli import Knockwork
from bed.lab import SERVER
from bed.rough import RoughLab, Roughness

COUNT = 200
AT_ONCE = 20  # the machine is to be no part of what is measured
SECONDS = 10
DECLARATION = """\
knockwork: 1
mode: {mode}
sequences:
  - {{name: ssh, knock: [{knocks}], opens: [22/tcp]}}
"""
KNOCKS = {"udp": "7000, 8000, 9000", "mixed": "7000/tcp, 8000/udp, 9000/tcp, 7500/udp"}
JITTER = Roughness()
LOSS = Roughness(loss=0.05, duplicate=0.1)
# A visitor for each address of the crowd: when it ended, whether it was let in, and what it says.
VISITORS = """
visit() {
  begin=$(date +%s%N)
  said=$("$program" knock 10.77.0.10 --source "10.200.$1.$2" $options --json 2>&1)
  echo "$(($(date +%s%N) - begin)) $? $said"
}
for batch in $(seq 1 $((count / at_once))); do
  for number in $(seq 1 "$at_once"); do visit "$batch" "$number" & done
  wait
done | cat
"""


@pytest.fixture(params=[JITTER, LOSS], ids=["jitter", "loss"])
def rough(request: pytest.FixtureRequest) -> Iterator[RoughLab]:
    """A server behind a rough path."""
    with RoughLab(request.param) as lab:
        yield lab


def visit(lab: RoughLab, options: str = "") -> list[tuple[float, str, int]]:
    """Everybody's seconds, outcome and rounds."""
    program = Knockwork(lab.callers).command()[0]
    environment = {"program": program, "options": options, "count": str(COUNT), "at_once": str(AT_ONCE)}
    done = lab.callers.run(["/bin/sh", "-c", VISITORS], env=environment, timeout=280)
    found = [(int(nanoseconds) / 1e9, json.loads(said))
             for nanoseconds, said in re.findall(r"(\d+) \d+ (\{.*\})", done.stdout)]
    assert len(found) == COUNT, done
    return [(seconds, said["outcome"], said["rounds"]) for seconds, said in found]


@pytest.mark.parametrize("knocks", KNOCKS)
@pytest.mark.parametrize("mode", ["gate", "stealth"])
def test_everybody_gets_in(rough: RoughLab, mode: str, knocks: str) -> None:
    """With nothing but a profile: 199 of 200 within ten seconds, and they say so."""
    server = Knockwork(rough.server)
    server.apply(DECLARATION.format(mode=mode, knocks=KNOCKS[knocks]))
    profile = server.host.output(server.command("export", "--host", SERVER[0]))
    rough.callers.write("/root/.config/knockwork/hosts.yml", profile, 0o600)
    visits = visit(rough)
    soon = [seconds for seconds, outcome, _ in visits if outcome == "open" and seconds < SECONDS]
    assert len(soon) >= COUNT - 1, sorted(visits)[-5:]
    print(f"{mode}, {knocks}: {len(soon)} of {COUNT}; half within {sorted(soon)[COUNT // 2]:.2f} s, the last within"
          f" {max(soon):.2f} s; {sum(rounds > 1 for _, _, rounds in visits)} knocked again")
