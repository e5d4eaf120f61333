"""Rows of connections: what those that the gate lets in, and those beside it, pay."""
from __future__ import annotations

import subprocess

import declarations
from packets import RECEIVER, SENDER, linked
from programs import DECLARATION, FIRST, KNOCKWORK, made
from table import Measured, Scale

PROTECTED, BESIDE = 5201, 8080
_DECLARATION = f"""\
knockwork: 1
sequences:
  - {{name: bench, knock: [7000, 8000, 9000], opens: [{PROTECTED}/tcp], open_for: 1h}}
"""


def measure(scale: Scale) -> Measured:
    """All rows of the room."""
    stream = made("stream")
    taken: dict[str, list[float]] = {}
    for _ in range(scale.rounds):
        for kind in ("open", "tracked", "none"):
            with linked(declarations.CT_TABLE if kind == "tracked" else "") as (receiver, sender):
                sender.sysctl("net.ipv4.ip_local_port_range", "1024 65535")  # else the search for a free one decides
                if kind == "open":
                    receiver.write(DECLARATION, _DECLARATION, 0o600)
                    receiver.run([str(KNOCKWORK), "apply"], check=True)
                    receiver.run([str(KNOCKWORK), "grant", SENDER, "--sequence", "bench"], check=True)

                def run(what: str, port: int, amount: int, unit: float) -> None:
                    argv = [*FIRST, stream, what, str(receiver.pid), str(sender.pid), RECEIVER, str(port), str(amount)]
                    done = subprocess.run(argv, check=True, text=True, stdout=subprocess.PIPE)
                    taken.setdefault(f"{what} {port} {kind}", []).append(float(done.stdout) * unit)

                run("bytes", PROTECTED, scale.size(4 * 10**9, 10**8), 8e-9)
                for port in (PROTECTED, BESIDE):
                    run("connections", port, scale.size(6_000, 100), 1e-3)
    return {
        "throughput": (taken[f"bytes {PROTECTED} open"], taken[f"bytes {PROTECTED} none"]),
        "protected": (taken[f"connections {PROTECTED} open"], taken[f"connections {PROTECTED} none"]),
        "beside": (taken[f"connections {BESIDE} open"], taken[f"connections {BESIDE} none"]),
        "tracked throughput": (taken[f"bytes {PROTECTED} tracked"], taken[f"bytes {PROTECTED} none"]),
        "tracked": (taken[f"connections {BESIDE} tracked"], taken[f"connections {BESIDE} none"]),
    }
