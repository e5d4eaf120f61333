"""From fwknop's access.conf to a client that gets in, as docs/moving.md has it."""

from bed import Lab
from bed.cli import Knockwork
from bed.lab import SERVER
from sources import HERE, imported


def test_the_whole_way(lab: Lab, server: Knockwork) -> None:
    """Only for whom the profile is; fwknop's keys are in nothing that was made."""
    source = (HERE / "fwknop/access.conf").read_bytes()
    made = imported("fwknop", source)
    assert b"bm90IGEgc2VjcmV0" in source and "bm90IGEgc2VjcmV0" not in made.declaration + str(made.lines)
    server.host.write("/run/make-secret", """\
set -e
umask 077
"$1" derive new-secret /root/fleet
"$1" derive host-key "$(hostname)" --secret-file /root/fleet > /etc/knockwork/secret
""")
    server.declare(made.declaration)
    server.host.run(["/bin/sh", "/run/make-secret", *server.command()], check=True)
    server.apply()
    profile = server.host.output(server.command("export", "--for", "alice", "--host", "web1", "--address", SERVER[0]))
    lab.callers.write("/root/.config/knockwork/hosts.yml", profile, 0o600)
    assert lab.client.tcp(22) == "refused"
    knock = lab.callers.run(Knockwork(lab.callers).command("knock", "web1", "--source", lab.client.source))
    assert (knock.returncode, knock.stderr) == (0, "")
    assert (lab.client.tcp(22), lab.stranger.tcp(22), lab.client.tcp(80)) == ("open", "refused", "refused")
