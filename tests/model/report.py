"""A trial as text: the declaration, and both opinions of every packet."""

from collections.abc import Container

from model import machine
from model.trial import Trial


def report(trial: Trial, owners: Container[str] | None = None) -> str:
    """All of it, or only what the sources of some lockout keys sent."""
    lines = [*map(str, trial.account.disagreements), "", trial.declaration.text(),
             "mark 7 and priority 0:1 before the gate" if trial.script.dirty else "no mark and no priority"]
    for number, packet in enumerate(trial.script.packets):
        if owners is not None and trial.declaration.owner(packet.source) not in owners:
            continue
        seen, reply = trial.seen[number], trial.replies[number]
        packet_line = machine.line(packet, round(trial.times[number] * 1000), seen.state or "lost",
                                   seen.reply, seen.ours)
        kernel = seen.passed or ("answered" if seen.answered else "dropped")
        said = f"{reply['verdict']}, {reply['why']}" if reply else ""
        look = "  (look)" if packet.look else ""
        lines.append(f"{number:5} {packet_line:60} from port {packet.source_port}  {kernel:8} {said}{look}")
    return "\n".join(lines) + "\n"
