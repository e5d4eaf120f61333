"""The collection as a thing to ship: one table of keys, one version, a tarball with what it needs."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import]

from bed.cli import binary
from controller import COLLECTIONS, ROOT, provide_collection
from test_documents import blocks

COLLECTION = ROOT / "ansible_collection"
Options = dict[str, dict[str, Any]]


def core_keys(scope: str) -> Options:
    """The core's keys of one mapping. `knockwork: 1` is no option: the module writes it."""
    sys.path.insert(0, str(binary().parent / "python"))
    from knockwork import _core
    return {key["name"]: key for key in json.loads(_core.keys_json())
            if key["scope"] == scope and key["name"] != "knockwork"}


def utility(name: str) -> Any:
    """A module utility that needs nothing of Ansible."""
    spec = importlib.util.spec_from_file_location(name, COLLECTION / f"plugins/module_utils/{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def options() -> Any:
    """The one that holds the options."""
    return utility("options")


def test_a_folder_that_others_hold(tmp_path: Path) -> None:
    """Which folder, why, and what to do."""
    files = utility("files")
    files._LOCK_SECONDS = 0
    with files.locked_folder(str(tmp_path)), pytest.raises(OSError) as refused, files.locked_folder(str(tmp_path)):
        pass
    assert "other tasks" in str(refused.value) and "run this one again" in str(refused.value)
    assert str(tmp_path) in str(refused.value)


def documentation_of(*modules: str) -> dict[str, Any]:
    """By the names of the modules, as ansible-doc shows it."""
    provide_collection(COLLECTION, COLLECTIONS)
    names = [f"knockwork.nft.{module}" for module in modules]
    done = subprocess.run(["/usr/bin/ansible-doc", "--json", "-M", "/nowhere", *names], check=True,
                          capture_output=True, env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)})
    shown = json.loads(done.stdout)
    return {module: shown[name]["doc"] for module, name in zip(modules, names)}


def documented(module: str) -> Options:
    """The options in a module's documentation."""
    options: Options = documentation_of(module)[module]["options"]
    return options


def places() -> Iterator[tuple[str, Options, Options, Options]]:
    """Each mapping of a declaration: its keys, the options of it, and their documentation."""
    spec, ruleset = options(), documented("ruleset")
    nested = ruleset["sequences"]["suboptions"]
    yield "declaration", core_keys("declaration"), spec.DECLARATION, ruleset
    yield "sequence", core_keys("sequence"), spec.SEQUENCE, nested
    yield "derive", core_keys("derive"), spec.DERIVE, nested["derive"]["suboptions"]
    yield "sequence", core_keys("sequence"), spec.SEQUENCE, documented("sequence")


def test_defaults_of_a_group() -> None:
    """What may be set for a group is an option of all its members, and each says that it is one."""
    groups = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())["action_groups"]
    found = documentation_of(*(path.stem for path in sorted((COLLECTION / "plugins/modules").glob("[a-z]*.py"))))
    plays = [play for block in blocks("yaml") if "module_defaults" in block.text for play in yaml.safe_load(block.text)]
    assert plays
    for group, members in groups.items():
        for module, doc in found.items():
            assert "check_mode" in doc["attributes"], module
            assert (f"knockwork.nft.{group}" in doc["attributes"].get("action_group", {}).get("membership", [])) == (
                module in members), module
        common = set.intersection(*(set(found[member]["options"]) for member in members))
        shown = (play.get("module_defaults", {}).get(f"group/knockwork.nft.{group}", {}) for play in plays)
        assert {"backend"}.union(*shown) <= common, group


def test_options_are_the_cores_keys() -> None:
    """Names, types, choices, defaults and documentation."""
    for place, keys, spec, documentation in places():
        assert list(spec) == list(keys), place
        assert set(keys) <= set(documentation), place
        for name, key in keys.items():
            option, told = spec[name], documentation[name]
            assert (option["type"], option.get("elements")) == (key["type"], key["elements"]), name
            assert option.get("default") == key["default"], name
            assert option.get("required", False) == key["required"], name
            if option["type"] != "raw":
                assert option.get("choices") == key["choices"], name
            text, *_ = [re.sub(r"C\((.*?)\)", r"`\1`", line) for line in told["description"]]
            assert text == key["doc"], name


def test_what_is_generated_is_current() -> None:
    """Options, their documentation, Python's stubs, and what modules return alike."""
    done = subprocess.run([ROOT / "packaging/generate", "--check", binary()], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout


def test_one_place_for_settings() -> None:
    """Where connection and lookup find an option is the same; the modules ask the connection's."""
    found = []
    for kind, name, prefix in (("connection", "ssh", "knockwork_"), ("lookup", "sequence", "")):
        done = subprocess.run(["/usr/bin/ansible-doc", "--json", "-t", kind, "-M", "/nowhere", f"knockwork.nft.{name}"],
                              check=True, capture_output=True,
                              env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)})
        told = json.loads(done.stdout)[f"knockwork.nft.{name}"]["doc"]["options"]
        found.append([{key: told[prefix + option].get(key) for key in ("type", "default", "vars", "env", "ini")}
                      for option in ("profile", "profile_content", "secret", "executable")])
    assert found[0] == found[1]


# What only the command itself prints, and texts about keys and output.
COMMANDS_OWN = ("boot/", "capture/", "client/export/", "client/send_socket.cpp", "drift/", "facade/call.cpp",
                "facade/explain.cpp", "import/", "journal/journalctl.cpp", "kernel/netlink/events.cpp", "observe/",
                "pending/timer.cpp", "report/", "spec/keys.cpp", "spec/write/")
# For some things there is no module: a person runs the command.
BY_HAND = re.compile(r"`knockwork derive [^`]*`|`--from-epoch`|`knockwork export --for`|`nft --version`")


def sentences() -> Iterator[tuple[str, str]]:
    """The core's literals, and where they are, which may reach a playbook's reader."""
    core = ROOT / "cpp/src"
    for path in sorted(core.rglob("*.[ch]pp")):
        name = path.relative_to(core).as_posix()
        if not name.startswith(COMMANDS_OWN):
            code = re.sub(r"^ *//.*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
            code = re.sub(r"'\\?.'", "", code)
            for literal in re.findall(r'"((?:[^"\\\n]|\\.)*)"', re.sub(r'"\s*\n\s*"', "", code)):
                yield name, literal


def test_the_core_speaks_of_modules() -> None:
    """No message tells a playbook's reader to run a command or to give an option of it."""
    words = utility("words")
    found = list(sentences())
    assert sum("`knockwork apply`" in literal for _, literal in found) > 3
    for name, literal in found:
        said = BY_HAND.sub("", words.in_playbooks(literal))
        assert not re.search(r"`knockwork [a-z]|(?<![\w-])--[a-z]|sudo\b", said), f"{name}: {said}"


def test_secret_keys_are_never_shown() -> None:
    """What the core calls secret, and every value with ports, is not among the options that may be shown."""
    source = (COLLECTION / "plugins/module_utils/secrecy.py").read_text()
    found = re.search(r"_SHOWN = SHOWN.union\(\((.*?)\)\)", source, re.DOTALL)
    assert found is not None
    shown = set(re.findall(r"'(\w+)'", found[1])) | options().SHOWN
    secret = {key["name"] for scope in ("declaration", "sequence", "derive")
              for key in core_keys(scope).values() if key["secret"]}
    assert secret >= {"knock", "secret_file"}
    assert not shown & (secret | {"opens", "public", "guards", "ports", "exclude", "sequences", "derive"})


def test_one_version() -> None:
    """CMakeLists.txt names it; galaxy.yml, the modules and the changelog repeat it."""
    found = re.search(r"project\(knockwork VERSION ([\d.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert found is not None
    source = (COLLECTION / "plugins/module_utils/core.py").read_text()
    core = re.search(r"^VERSION = '([\d.]+)'", source, re.MULTILINE)
    assert core is not None and core[1] == found[1]
    assert yaml.safe_load((COLLECTION / "galaxy.yml").read_text())["version"] == found[1]
    assert found[1] in yaml.safe_load((COLLECTION / "changelogs/changelog.yaml").read_text())["releases"]


def test_the_tarball(tmp_path: Path) -> None:
    """It builds, is licensed, and holds no test, no binary and nothing hidden."""
    build = ["/usr/bin/ansible-galaxy", "collection", "build", "--output-path", str(tmp_path)]
    subprocess.run([*build, str(COLLECTION)], check=True, capture_output=True)
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as tarball:
        files = {member.name: tarball.extractfile(member) for member in tarball if member.isfile()}
        assert {"COPYING", "README.md", "meta/runtime.yml", "plugins/modules/ruleset.py"} <= set(files)
        assert not [name for name in files if name.startswith((".", "tests/")) or "__pycache__" in name]
        for name, content in files.items():
            assert content is not None and b"\0" not in content.read(), name
