"""The suites of tests/run: what each needs, and the commands that run it."""
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from build import BUILD, ROOT

UNIT = "tests/unit/knockwork_unit"
HANG = 300  # seconds for one test
SIDE_BY_SIDE = ("-n", "3")  # tests that often wait, each on hosts of its own
MANY_AT_ONCE = ("-n", "6")  # tests that do little else
FILE_BY_FILE = ("-n", "2", "--dist", "loadfile")  # those that share what takes long to set up
PYTHON = "/usr/bin/python3"  # the one that Debian's packages serve, whatever stands first on PATH


@dataclass(frozen=True)
class Command:
    argv: list[str]
    report: Path  # junit or Catch2 XML, written by the command
    env: dict[str, str] = field(default_factory=dict)
    again: Callable[[list[str]], list[str]] | None = None  # its argv for some of its tests, by their junit names


@dataclass(frozen=True)
class Suite:
    name: str
    what: str
    packages: tuple[str, ...]  # groups of tests/lib/packages
    builds: tuple[str, ...]
    commands: Callable[[Path], list[Command]]  # given a folder for the reports
    root: bool = True
    limit: int = 1500  # seconds for one command: only against a hang
    usual: bool = True  # not: makes whole systems, which takes its time, and is run where it is named
    beside: bool = False  # wants a processor and no host: gets what those that wait for packets leave over


def _catch2(name: str, build: str, binary: str, *tags: str) -> Callable[[Path], list[Command]]:
    def commands(reports: Path) -> list[Command]:
        report = reports / f"{name}.xml"
        return [Command([str(BUILD / build / binary), *tags, "-r", "xml", "-o", str(report)], report)]
    return commands


def _node(name: str) -> str:
    """A test as pytest is asked for it: tests.kernel.test_log::test_who -> tests/kernel/test_log.py::test_who."""
    places, _, test = name.partition("::")
    words = places.split(".")
    end = next((end for end in range(len(words), 0, -1) if Path(ROOT, *words[:end]).with_suffix(".py").is_file()), 0)
    return "::".join(["/".join(words[:end]) + ".py", *words[end:], test])


def _pytest(name: str, build: str, folder: str, *options: str, asks: str = "", **env: str,
            ) -> Callable[[Path], list[Command]]:
    """`asks` names variables of the caller's that say how much is to be run, or how; `env` is where he is silent."""
    def commands(reports: Path) -> list[Command]:
        report = reports / f"{name}.xml"
        argv = [PYTHON, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-v", "--durations=10", "-rs",
                f"--timeout={HANG}", f"--junitxml={report}", folder, *options]
        asked = {name: value for name, value in os.environ.items() if name in asks.split()}
        return [Command(argv, report, {"KNOCKWORK_BUILD": str(BUILD / build), **env, **asked},
                        lambda names: [*argv[:argv.index(folder)], *map(_node, names)])]
    return commands


def _strict(commands: Callable[[Path], list[Command]]) -> Callable[[Path], list[Command]]:
    """What the sanitizers find is an error, leaks among them."""
    strict = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return lambda reports: [replace(each, env={**each.env, **strict}) for each in commands(reports)]


def _asan_kernel() -> Callable[[Path], list[Command]]:
    """Every third kernel test with a CLI that carries the sanitizers.

    Without those in which one apply is followed by packets: these meet the kernel's code, not ours. And without those
    that preload a library, which the sanitizers want to be first.
    """
    ignored = [f"--ignore=tests/kernel/test_{name}.py"
               for name in ("against_machine", "bed", "closes", "conditions", "exhaustion", "knock_client", "knocking",
                            "prolong", "routed", "services", "spelling", "token_race", "ways_in")]
    return _strict(_pytest("asan-kernel", "asan", "tests/kernel", *SIDE_BY_SIDE, *ignored,
                           KNOCKWORK_DRIFT_EVERY="8",  # the kernel suite has tampered with more
                           KNOCKWORK_ONE_IN=os.environ.get("KNOCKWORK_ONE_IN") or "3"))


def _script(name: str, script: str, **env: str) -> Callable[[Path], list[Command]]:
    def commands(reports: Path) -> list[Command]:
        report = reports / f"{name}.xml"
        return [Command([PYTHON, "-B", str(ROOT / script), str(report)], report, env)]
    return commands


# First those that leave the processors to the builds and checks alongside.
SUITES = (
    Suite("unit", "unit tests of the core", ("build",), ("release",),
          _catch2("unit", "release", UNIT, "~errors:*", "~golden:*"), root=False, beside=True),
    Suite("errors", "faulty declarations and their complete error messages", ("build",), ("release",),
          _catch2("errors", "release", UNIT, "errors:*"), root=False, beside=True),
    Suite("golden", "declarations and the tables that they compile to", ("build",), ("release",),
          _catch2("golden", "release", UNIT, "golden:*"), root=False, beside=True),
    Suite("neighbours", "alongside 20 kinds of firewalls, containers and networks", ("build", "test"), ("release",),
          _pytest("neighbours", "release", "tests/neighbours", *MANY_AT_ONCE)),
    Suite("client", "knocking, and ssh through it: our gate, the classic example, Debian's knockd",
          ("build", "test", "hosts", "knock", "client"), ("release",),
          _pytest("client", "release", "tests/client", *MANY_AT_ONCE)),
    Suite("import", "configurations of other port knockers; the same packets for Debian's knockd and the import",
          ("build", "test", "hosts", "knock"), ("release",),
          _pytest("import", "release", "tests/import", *MANY_AT_ONCE,
                  asks="KNOCKWORK_CORPUS KNOCKWORK_IMPORT_EDITS KNOCKWORK_IMPORT_SEED")),
    Suite("kernel", "real packets through the live table", ("build", "test", "hosts", "knock"), ("release",),
          _pytest("kernel", "release", "tests/kernel", *SIDE_BY_SIDE,
                  asks="KNOCKWORK_DRIFT_EVERY", KNOCKWORK_DRIFT_EVERY="3")),
    Suite("faults", "kills and errors at system calls; applies in turns under traffic",
          ("build", "test", "hosts", "faults"), ("release",),
          _pytest("faults", "release", "tests/faults", *SIDE_BY_SIDE, asks="KNOCKWORK_FAULTS KNOCKWORK_APPLIES"),
          limit=24 * 3600 if os.environ.get("KNOCKWORK_FAULTS") == "all" else 1500),
    Suite("properties", "an apply from any declaration to any other, with live elements of all kinds",
          ("build", "test", "hosts", "properties"), ("release",),
          _pytest("properties", "release", "tests/properties", asks="KNOCKWORK_PROPERTIES"),
          limit=24 * 3600 if "KNOCKWORK_PROPERTIES" in os.environ else 1500),
    Suite("model", "the kernel against the reference model, packet by packet; wrong tables", ("build", "test"),
          ("release",), _pytest("model", "release", "tests/model", *FILE_BY_FILE,
                                asks="KNOCKWORK_MODEL_PACKETS KNOCKWORK_MUTANTS KNOCKWORK_MUTANTS_SEED"),
          limit=3 * 3600 if "KNOCKWORK_MUTANTS" in os.environ else 1500),
    Suite("scan", "port sweeps, nmap, answers byte for byte, and their timing", ("build", "test", "scan"), ("release",),
          _pytest("scan", "release", "tests/scan", *SIDE_BY_SIDE, asks="KNOCKWORK_SCAN_ROUNDS")),
    Suite("flood", "floods from spoofed sources", ("build", "test"), ("release",),
          _pytest("flood", "release", "tests/flood")),
    Suite("cli", "the command's output and exit status", ("build", "test", "units"), ("release",),
          _pytest("cli", "release", "tests/cli", *SIDE_BY_SIDE)),
    Suite("metrics", "metrics, alerts and dashboard as Prometheus takes them; the schemas of all JSON output",
          ("build", "test", "knock", "metrics"), ("release",),
          _pytest("metrics", "release", "tests/metrics", *SIDE_BY_SIDE)),
    Suite("python", "the Python module and its stubs", ("build", "test", "types"), ("release",),
          _pytest("python", "release", "tests/python")),
    Suite("ansible", "playbooks over SSH on three hosts, and through ten gates",
          ("build", "test", "hosts", "ansible", "venv"),
          ("release",), _pytest("ansible", "release", "tests/ansible", *SIDE_BY_SIDE, asks="KNOCKWORK_PIPELINING")),
    Suite("eda", "the source of Event-Driven Ansible: a fake command, real knocks, ansible-rulebook",
          ("build", "test", "hosts", "ansible", "venv", "events"), ("release",),
          _pytest("eda", "release", "tests/eda")),
    Suite("bench", "every row of the benchmarks can be measured; no bound is judged",
          ("build", "test", "hosts", "knock", "ansible", "bench"), ("release",),
          _pytest("bench", "release", "tests/bench", *SIDE_BY_SIDE)),
    Suite("install", "packages on fresh systems, following the README; wheel, collection",
          ("build", "test", "hosts", "ansible", "venv", "install"), (),
          _pytest("install", "release", "tests/install", "--timeout=5400",  # one makes every package twice
                  asks="KNOCKWORK_PACKAGES KNOCKWORK_WHEELS"), limit=3 * 3600, usual=False),
    Suite("rotation", "rotating a fleet, with every kind of failure", ("build", "test", "hosts", "ansible"),
          ("release",), _pytest("rotation", "release", "tests/rotation", *SIDE_BY_SIDE,
                                asks="KNOCKWORK_FLEET KNOCKWORK_PIPELINING")),
    Suite("boot", "systems of two releases that boot with all units", ("build", "test", "hosts", "systems"),
          ("release",), _pytest("boot", "release", "tests/boot", "--timeout=1500"), limit=3600, usual=False),
    Suite("fleet", "a new fleet: nodes of two releases with only nftables and Python",
          ("build", "test", "hosts", "ansible", "venv", "systems"), ("release",),
          _pytest("fleet", "release", "tests/fleet", asks="KNOCKWORK_WHEELS"), usual=False),
    Suite("lint", "format, clang-tidy, shellcheck, mypy, sanity, docs", ("build", "test", "lint", "fuzz"),
          ("release", "asan"), _script("lint", "tests/lint/lint.py"), root=False, limit=3600, beside=True),
    Suite("asan", "the unit tests under the sanitizers", ("build", "fuzz"), ("asan",),
          _strict(_catch2("asan", "asan", UNIT)), root=False, beside=True),
    Suite("asan-kernel", "real packets, with a command that carries the sanitizers",
          ("build", "test", "hosts", "knock", "fuzz"), ("asan",), _asan_kernel()),
    Suite("fuzz", "random declarations, requests, listings and packets", ("build", "fuzz"), ("asan",),
          _script("fuzz", "tests/fuzz/short.py"), root=False, beside=True),
)
BY_NAME = {suite.name: suite for suite in SUITES}


def environment() -> dict[str, str]:
    """What every command gets: Debian's tools first, none of the caller's Python or Ansible settings."""
    theirs = ("ANSIBLE_", "PYTHON", "PYENV_", "KNOCKWORK_", "SSH_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    return {**kept, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            "PYTHONDONTWRITEBYTECODE": "1"}
