"""Whether a port is told: as a number of its own, not as part of a time, a process's id or a fingerprint."""

import re

_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def told(text: str, *ports: str) -> list[str]:
    """Those of `ports` (as they are written: `22`, `22/tcp`) that stand in the text."""
    text = _UUID.sub("", text)
    return [port for port in ports if re.search(rf"(?<![\w.]){re.escape(port)}(?!\w)", text)]
