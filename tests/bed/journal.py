"""A journal for a host without systemd: what journald would take, and a journalctl that finds it."""

import json
from typing import cast

from bed.host import Host
from bed.waiting import wait_for

Entry = dict[str, str | list[str]]

_FOLDER = "/run/test-journal"
_JOURNALD = """\
import json, os, socket, sys, time
os.makedirs("/run/systemd/journal", exist_ok=True)
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
server.bind("/run/systemd/journal/socket")
os.chmod("/run/systemd/journal/socket", 0o666)
kept = open("%(folder)s/entries", "w")
while True:
    data, fields = server.recv(1 << 20), {}
    while data:
        line, _, data = data.partition(b"\\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(data[:8], "little")
            value, data = data[8:8 + size], data[8 + size + 1:]
        fields.setdefault(name.decode(), []).append(value.decode())
    entry = {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
    entry |= {"_UID": "0", "__REALTIME_TIMESTAMP": str(time.time_ns() // 1000)}
    kept.write(json.dumps(entry) + "\\n")
    kept.flush()
"""
_SEND = """\
import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(sys.argv[1].encode(), "/run/systemd/journal/socket")
"""
_JOURNALCTL = """\
#!/usr/bin/python3
import json, sys
print(sys.argv[1:], file=open("%(folder)s/asked", "w"))
matches = [word.split("=", 1) for word in sys.argv[1:] if word[0] != "-"]
most = [int(word[8:]) for word in sys.argv[1:] if word.startswith("--lines=")]
lines = open("%(folder)s/entries").readlines()
found = [line for line in lines if all(json.loads(line).get(key) == value for key, value in matches)]
sys.stdout.writelines(found[-most[0]:] if most else found)
"""


class Journal:
    """Listens when made, until the host ends."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._marks = 0
        folder = {"folder": _FOLDER}
        host.write(f"{_FOLDER}/journald.py", _JOURNALD % folder)
        host.write(f"{_FOLDER}/journalctl", _JOURNALCTL % folder, 0o755)
        host.spawn(["/usr/bin/python3", f"{_FOLDER}/journald.py"], f"{_FOLDER}/journald.log")
        wait_for(lambda: host.run(["test", "-S", "/run/systemd/journal/socket"]).returncode == 0, "the journal listens")
        self.environment = {"PATH": f"{_FOLDER}:{host.environment['PATH']}"}  # where its journalctl is the first

    def entries(self) -> list[Entry]:
        """All that was sent, the oldest first."""
        self._marks += 1
        mark = {"MARK": str(self._marks)}
        self.host.run(["/usr/bin/python3", "-c", _SEND, f"MARK={self._marks}\n"], check=True)
        found: list[Entry] = []

        def marked() -> bool:
            found[:] = self._kept()
            return any(mark.items() <= entry.items() for entry in found)  # others may have written since

        wait_for(marked, "the journal took what was sent")
        return [entry for entry in found if "MARK" not in entry]

    def _kept(self) -> list[Entry]:
        lines = self.host.read(f"{_FOLDER}/entries").splitlines(keepends=True)
        return [cast(Entry, json.loads(line)) for line in lines if line.endswith("\n")]

    def asked(self) -> str:
        """The arguments of the last journalctl, as Python writes a list."""
        return self.host.read(f"{_FOLDER}/asked").strip()
