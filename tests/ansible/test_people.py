"""The role people: access that is handed out, rotated and taken away again."""

import json

import yaml  # type: ignore[import]

from bed import Bed, Host, packets
from bed.lab import Connection
from controller import Controller

MASTER = "/root/fleet/secret"
FOLDER = "/root/knockwork-people"
PORT = 50443


def give(*people: str, **more: str) -> str:
    """A task that runs the role."""
    said = {"knockwork_people_secret_file": MASTER, "knockwork_people_length": "3", **more}
    lines = [f"        {key}: {value}\n" for key, value in said.items()]
    return ("- ansible.builtin.include_role: {name: knockwork.nft.people}\n  vars:\n    knockwork_people:\n"
            + "".join(f"      - {person}\n" for person in people) + "".join(line[4:] for line in lines))


def person(name: str, **more: str) -> str:
    """An item of the list."""
    return json.dumps({"name": name, "opens": [f"{PORT}/tcp"], **more})


def knocks(controller: Controller, host: Host, name: str) -> int:
    """The exit status of somebody who knocks by the file that was handed out: 0 open, 3 refused."""
    host.write("/run/handed.yml", controller.bed.controller.read(f"{FOLDER}/{name}.yml"), 0o600)
    return host.run(["knockwork", "knock", "host1", "--profile", "/run/handed.yml", "--retries", "0"]).returncode


def prepared(controller: Controller) -> Bed:
    """A fleet's master secret, and hosts with their keys and a declaration."""
    bed = controller.bed
    bed.controller.run(["rm", "-rf", FOLDER, "/root/fleet"], check=True)
    bed.controller.run(["mkdir", "-p", "-m", "700", "/root/fleet"], check=True)
    bed.controller.run(["knockwork", "derive", "new-secret", MASTER], check=True)
    for name, host in controller.hosts.items():
        host.write("/etc/knockwork/secret", bed.controller.output(
            ["knockwork", "derive", "host-key", name, "--secret-file", MASTER]), 0o600)
        host.write("/etc/knockwork/knockwork.yml", f"knockwork: 1\nalways_allow: {controller.way_back_in}\n", 0o600)
    if controller.host.call(packets.probe_tcp, "127.0.0.1", PORT) != packets.Answer.OPEN:
        controller.host.call("listen_tcp", PORT)
    return bed


def test_given_and_taken_away(controller: Controller) -> None:
    """Alice and Bob come in by files of their own; she is cut off at once, he is not."""
    bed = prepared(controller)
    alice, bob = controller.hosts["host2"], controller.hosts["host3"]
    both = give(person("alice"), person("bob"))
    assert not any(controller.play(both, "--check").failed.values())
    given = controller.play(both, "--diff")
    assert not any(given.failed.values()), given.output
    assert not any(controller.play(both).changed.values())
    assert bed.controller.output(["stat", "-c", "%a", f"{FOLDER}/alice.yml"]) == "600\n"
    drawn = [entry["sequences"][0]["knock"] for entry in yaml.safe_load(
        bed.controller.read(f"{FOLDER}/alice.yml"))["hosts"]]
    assert len(drawn) == 3 and not [knock for each in drawn for knock in each if knock in given.output]
    assert [knocks(controller, alice, "alice"), knocks(controller, bob, "bob")] == [0, 0]
    live = Connection(alice, alice.call("open_connection", bed.address("host2"), bed.address("host1"), PORT, 5))
    assert live.works()
    gone = controller.play(give(person("alice", state="absent"), person("bob")))
    assert not any(gone.failed.values()), gone.output
    assert not live.works(1)
    refused = controller.play(give(json.dumps(
        {"name": "carol", "opens": ["50444/sctp"], "from": ["198.51.100.0/24"]})), "-v", limit="host1")
    assert refused.failed == {"host1": 1} and "carol" in refused.output
    assert "50444" not in refused.output and "198.51.100" not in refused.output
    assert bed.controller.run(["test", "-e", f"{FOLDER}/alice.yml"]).returncode != 0
    assert alice.run(["knockwork", "knock", "host1", "--profile", "/run/handed.yml", "--retries", "0"]).returncode == 3
    assert knocks(controller, bob, "bob") == 0


def test_a_limit(controller: Controller) -> None:
    """Where a run is limited to some hosts, what was handed out for the others stays in the files."""
    bed = prepared(controller)
    everyone = give(person("alice"))
    assert not any(controller.play(everyone).failed.values())
    text = bed.controller.read(f"{FOLDER}/alice.yml")
    controller.unchanged(everyone, limit="host2")
    later = give(person("alice"), knockwork_people_epoch="1")
    assert controller.play(later, limit="host2").changed == {"host2": 2}
    limited = bed.controller.read(f"{FOLDER}/alice.yml")
    assert [one == other for one, other in zip(*(yaml.safe_load(each)["hosts"] for each in (text, limited)))] == [
        True, False, True]


def test_two_plays(controller: Controller) -> None:
    """For some hosts each: neither takes away what the other has handed out. What has left the inventory goes."""
    bed = prepared(controller)
    path = f"{FOLDER}/alice.yml"
    for name in ("host1", "host2", "host1"):
        outcome = controller.play(give(person("alice")), hosts=name)
        assert not any(outcome.failed.values()), outcome.output
    assert not any(outcome.changed.values()), outcome.output
    text = bed.controller.read(path)
    entries = yaml.safe_load(text)["hosts"]
    assert [entry["host"][0] for entry in entries] == ["host1", "host2"]
    gone = json.dumps({**entries[0], "host": ["gone"]})
    bed.controller.write(path, f"{text}  - {gone}\n", 0o600)
    assert not any(controller.play(give(person("alice")), hosts="host1").failed.values())
    assert yaml.safe_load(bed.controller.read(path))["hosts"] == entries


def test_rotated(controller: Controller) -> None:
    """Old and new side by side, then the new alone."""
    prepared(controller)
    alice = controller.hosts["host2"]
    controller.play(give(person("alice")), limit="host1")
    assert knocks(controller, alice, "alice") == 0
    old = alice.read("/run/handed.yml")
    epochs = {"knockwork_people_epoch": "1", "knockwork_people_accepts": "[0]"}
    for more, opens in ((epochs, 0), ({"knockwork_people_epoch": "1"}, 3)):
        outcome = controller.play(give(person("alice"), **more), limit="host1")
        assert not any(outcome.failed.values()), outcome.output
        assert controller.host.run(["knockwork", "revoke", "--all"]).returncode == 0
        alice.write("/run/old.yml", old, 0o600)
        command = ["knockwork", "knock", "host1", "--profile", "/run/old.yml", "--retries", "0"]
        assert alice.run(command).returncode == opens
        assert controller.host.run(["knockwork", "revoke", "--all"]).returncode == 0
        alice.run(["sleep", "6"])  # the lockout of wrong knocks
        assert knocks(controller, alice, "alice") == 0


TOKENS = {"knockwork_people_token_port": "41873/udp"}
NAMES = tuple(f"p{number}" for number in range(10))


def test_ten_people_with_tokens(controller: Controller) -> None:
    """Each has a key of their own; of the one who leaves the session is cut, of the others none."""
    bed = prepared(controller)
    visitors, target = controller.hosts["host2"], bed.address("host1")
    sources = {name: f"{target.rsplit('.', 2)[0]}.9.{number}" for number, name in enumerate(NAMES, 1)}
    visitors.ip(*(f"address add {source}/32 dev eth0" for source in sources.values()))
    try:
        given = controller.play(give(*map(person, NAMES), **TOKENS), "--diff", "-vv", limit="host1")
        assert not any(given.failed.values()), given.output
        assert not any(controller.play(give(*map(person, NAMES), **TOKENS), limit="host1").changed.values())
        keys = keys_of(controller, NAMES)
        assert len(set(keys.values())) == 10
        assert "41873" not in given.output and not [key for key in keys.values() if key in given.output]
        controller.host.ip(*(f"route add {source} dev eth0" for source in sources.values()))
        live = {}
        for name, source in sources.items():
            assert token_opens(controller, name, "--source", source) == 0
            live[name] = Connection(visitors, visitors.call("open_connection", source, target, PORT, 5))
        gone = controller.play(give(person("p0", state="absent"), *map(person, NAMES[1:]), **TOKENS), limit="host1")
        assert not any(gone.failed.values()), gone.output
        assert [name for name, each in live.items() if each.works(1)] == list(NAMES[1:])
        assert bed.controller.run(["test", "-e", f"{FOLDER}/p0.yml"]).returncode != 0
        assert visitors.run(["knockwork", "knock", "host1", "--profile", "/run/p0.yml", "--source", sources["p0"],
                             "--retries", "4"]).returncode == 3
    finally:
        visitors.ip(*(f"address del {source}/32 dev eth0" for source in sources.values()))


def test_a_lost_profile_is_replaced(controller: Controller) -> None:
    """With a higher serial the lost one is worthless, and the master secret needs no file on the controller."""
    bed = prepared(controller)
    secret = {"knockwork_people_secret": json.dumps(bed.controller.read(MASTER).strip()),
              "knockwork_people_secret_file": "/nowhere"}
    controller.play(give(person("alice"), **TOKENS, **secret), limit="host1")
    assert token_opens(controller, "alice", "--retries", "2") == 0
    assert controller.host.run(["knockwork", "revoke", "--all"]).returncode == 0
    lost = controller.hosts["host2"].read("/run/alice.yml")
    outcome = controller.play(give(person("alice", serial="2"), **TOKENS, **secret), limit="host1")
    assert not any(outcome.failed.values()), outcome.output
    controller.hosts["host2"].write("/run/lost.yml", lost, 0o600)
    assert controller.hosts["host2"].run(["knockwork", "knock", "host1", "--profile", "/run/lost.yml",
                                          "--retries", "4"]).returncode == 3
    assert token_opens(controller, "alice", "--retries", "2") == 0


def keys_of(controller: Controller, names: tuple[str, ...]) -> dict[str, str]:
    """What is in their files: a key, its port and its period, and nothing else of a secret."""
    keys = {}
    for name in names:
        text = controller.bed.controller.read(f"{FOLDER}/{name}.yml")
        entry, = yaml.safe_load(text)["hosts"]
        token = entry["sequences"][0]["token"]
        assert set(token) == {"port", "key", "period"} and "secret" not in text
        keys[name] = token["key"]
    return keys


def token_opens(controller: Controller, name: str, *options: str) -> int:
    """The exit status of somebody who knocks by the file that was handed out: 0 open, 3 refused."""
    host = controller.hosts["host2"]
    host.write(f"/run/{name}.yml", controller.bed.controller.read(f"{FOLDER}/{name}.yml"), 0o600)
    return host.run(["knockwork", "knock", "host1", "--profile", f"/run/{name}.yml", *options]).returncode
