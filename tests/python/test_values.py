"""load() and the values it gives: typed, frozen, compared by content, silent about ports."""

import ipaddress
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

import knockwork
from knockwork import _core

TEXT = """\
knockwork: 1
mode: stealth
public: [58443/tcp]
refuse: drop
always_allow: [192.0.2.0/28, "2001:db8::1"]
guards: [52001/udp]
sources: 1024
sequences:
  - name: ssh
    knock: [47011, 48123/tcp]
    opens: [50022/tcp, 51000-51022/udp]
    step_timeout: 1s500ms
    open_for: 1m
"""
PORTS = ("47011", "48123", "50022", "51000", "51022", "52001", "58443")


def test_everything_that_is_declared() -> None:
    spec = knockwork.load(TEXT)
    assert (spec.mode, spec.refuse, spec.wrong_knock, spec.log) == ("stealth", "drop", "lockout", "none")
    assert spec.always_allow == (ipaddress.ip_network("192.0.2.0/28"), ipaddress.ip_network("2001:db8::1"))
    assert [(each.protocol, each.first, each.last) for each in spec.public] == [("tcp", 58443, 58443)]
    assert isinstance(spec.guards, tuple) and [each.port for each in spec.guards] == [52001]
    assert (spec.sources, spec.ipv6_prefix, spec.interfaces) == (1024, 128, ())
    assert spec.lockout == timedelta(seconds=1.5)
    (ssh,) = spec.sequences
    assert [(each.protocol, each.port) for each in ssh.knock] == [("udp", 47011), ("tcp", 48123)]
    assert [(each.protocol, each.first, each.last) for each in ssh.opens] == [
        ("tcp", 50022, 50022), ("udp", 51000, 51022)]
    assert (ssh.name, ssh.step_timeout, ssh.open_for) == ("ssh", timedelta(seconds=1.5), timedelta(minutes=1))
    assert (ssh.sequence_timeout, ssh.from_, ssh.to, ssh.once, ssh.on_expiry, ssh.derive) == (
        None, (), (), False, "keep", None)


def test_what_is_public_under_conditions() -> None:
    spec = knockwork.load("knockwork: 1\nmode: stealth\nping: no\nipv4_prefix: 24\npublic: [80/tcp, icmpv6/137, "
                          "{service: 53123/udp, interface: docker0, from: [192.0.2.0/24]}]\n")
    assert len(spec.public) == 1 and (spec.ping, spec.ipv4_prefix) == (False, 24)
    redirect, dns = spec.public_rules
    assert (redirect.service, redirect.protocol, redirect.icmp_type, redirect.interface, redirect.from_) == (
        None, 58, 137, None, ())
    assert dns.service is not None and (dns.service.protocol, dns.service.first) == ("udp", 53123)
    assert (dns.protocol, dns.interface, dns.from_) == (None, "docker0", (ipaddress.ip_network("192.0.2.0/24"),))
    assert "53123" not in repr(dns) + repr(spec)


def test_defaults() -> None:
    spec = knockwork.load("knockwork: 1")
    assert (spec.mode, spec.refuse, spec.guards, spec.sequences) == ("gate", "auto", "auto", ())
    assert spec.lockout == timedelta(seconds=5)


@pytest.mark.parametrize(("scope", "owner"), [("declaration", knockwork.Spec), ("sequence", knockwork.Sequence),
                                              ("derive", knockwork.Derivation), ("public", knockwork.PublicRule)])
def test_every_key_is_a_property(scope: str, owner: type) -> None:
    """But the version. Those that hold ports or secrets are hidden where a value is printed."""
    keys = {"from_" if key["name"] == "from" else key["name"]: key["hidden"]
            for key in json.loads(_core.keys_json()) if key["scope"] == scope and key["name"] != "knockwork"}
    assert set(keys) <= {name for name, value in vars(owner).items() if isinstance(value, property)}
    text = ("knockwork: 1\nmode: stealth\npublic: [{service: 53/udp, interface: docker0}]\nsequences:\n"
            "  - {name: ssh, opens: [22/tcp], derive: {secret_file: /s, length: 5}}\n")
    spec = knockwork.load(text)
    shown = repr({"declaration": spec, "sequence": spec.sequences[0], "derive": spec.sequences[0].derive,
                  "public": spec.public_rules[0]}[scope])
    for name, hidden in keys.items():
        assert re.search(rf"\b{name}={'<[0-9 ]*hidden>' if hidden else ''}", shown), name


def test_a_derivation_by_the_hosts_record() -> None:
    derive = knockwork.load("knockwork: 1\nsequences: [{name: ssh, opens: [22/tcp], derive: {secret_file: /s, "
                            "length: 5}}]").sequences[0].derive
    assert derive is not None and (derive.period, derive.epoch, derive.host) == (None, None, None)
    assert "/s" not in repr(derive)


def test_values_are_frozen_and_compare_by_content() -> None:
    spec, same = knockwork.load(TEXT), knockwork.load(TEXT)
    assert spec == same and hash(spec) == hash(same) and spec is not same
    assert spec != knockwork.load(TEXT.replace("1m", "2m"))
    assert spec.sequences[0].knock[0] == same.sequences[0].knock[0] != spec.sequences[0].knock[1]
    assert spec not in ("spec", 1, None)
    assert len({spec, same, *spec.sequences, *same.sequences}) == 2
    for value in (spec, spec.sequences[0], spec.sequences[0].knock[0]):
        with pytest.raises(AttributeError):
            value.name = "other"  # type: ignore[attr-defined]


def test_no_repr_shows_a_port() -> None:
    spec = knockwork.load(TEXT)
    for value in (spec, spec.sequences[0], spec.sequences[0].knock, spec.sequences[0].opens, spec.guards):
        for text in (repr(value), str(value), f"{value}"):
            assert not any(port in text for port in PORTS), text
    assert repr(spec.sequences[0].knock[0]) == "Knock(protocol=<hidden>, port=<hidden>)"
    assert "name='ssh', knock=<2 hidden>, opens=<2 hidden>" in repr(spec)


def test_every_fault_is_data() -> None:
    text = "knockwork: 1\nmodes: gate\nsequences:\n  - {name: ssh, knock: [70000], opens: [50022/tcp]}\n"
    with pytest.raises(knockwork.InvalidDeclaration) as caught:
        knockwork.load(text, name="gate.yml")
    first, second = caught.value.diagnostics
    assert (first.file, first.line, first.column, first.width, first.path) == ("gate.yml", 2, 1, 5, "modes")
    assert (first.message, first.remedy) == ("unknown key `modes`", "did you mean `mode`?")
    assert (second.line, second.column, second.width, second.path) == (4, 25, 5, "sequences[0].knock[0]")
    assert str(caught.value) == (
        "gate.yml:2:1: unknown key `modes`; did you mean `mode`?\n"
        "gate.yml:4:25: port out of range; a port is a number from 1 to 65535")
    assert isinstance(caught.value, ValueError)


def test_files(tmp_path: Path) -> None:
    """A main file with its drop-ins, by any kind of path; faults name their files."""
    main = tmp_path / "main.yml"
    drop_in = tmp_path / "conf.d/web.yml"
    drop_in.parent.mkdir()
    for private in (main, drop_in):
        private.touch(mode=0o600)
    main.write_text(TEXT)
    drop_in.write_text("- {name: web, knock: [47555, 48555], opens: [50443/tcp]}\n")
    assert [each.name for each in knockwork.read(main).sequences] == ["ssh", "web"]
    assert knockwork.read(str(main)) == knockwork.read(main)
    drop_in.write_text("- {name: ssh, knock: [47555, 48555], opens: [50443/tcp]}\n")
    with pytest.raises(knockwork.InvalidDeclaration) as caught:
        knockwork.read(main)
    assert caught.value.diagnostics[0].file == str(drop_in)
    with pytest.raises(knockwork.KnockworkError, match="the declaration .* does not exist"):
        knockwork.read(tmp_path / "none/main.yml")


def test_rendering_and_schema() -> None:
    assert "table inet knockwork" in knockwork.render(knockwork.load(TEXT))
    assert knockwork.schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "sequences" in knockwork.schema()["properties"]
