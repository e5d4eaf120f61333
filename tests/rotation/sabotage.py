"""What a run is told to suffer: see saboteur.py."""

from pathlib import Path

_DELAY = "0.4"  # seconds into a task


def sabotage(task: int, moment: str, command: str) -> dict[str, str]:
    """The environment of a run that is struck at the `moment` of its `task`: begin, during or end."""
    if moment == "during":
        moment, command = "begin", f"{command} {_DELAY}"
    return {"ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).parent), "ANSIBLE_CALLBACKS_ENABLED": "saboteur",
            "SABOTAGE": f"{task} {moment} {command}"}
