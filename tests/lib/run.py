"""tests/run: installs, builds, runs the suites and counts."""
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import build
import leftovers
import process
import results
import suites
from screen import Line, say, styled

LOGS = build.BUILD / "test-logs"
MOST_AGAIN = 3  # failures of one suite that may be accidents


def arguments() -> list[suites.Suite]:
    table = "\n".join(f"  {suite.name:<10} {suite.what}{'' if suite.root else ' (no root needed)'}"
                      f"{'' if suite.usual else '  (only if named)'}" for suite in suites.SUITES)
    parser = argparse.ArgumentParser(
        prog="tests/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Installs missing packages, builds what is needed, and runs the named suites or all default ones.",
        epilog=f"suites:\n{table}\n\nFull logs: build/test-logs/. Benchmarks: tests/bench/run.")
    parser.add_argument("suite", nargs="*", help="a suite's name")
    parser.add_argument("--list", action="store_true", help="list the suites and exit")
    options = parser.parse_args()
    if options.list:
        print(table)
        sys.exit(0)
    unknown = [name for name in options.suite if name not in suites.BY_NAME]
    if unknown:
        sys.exit(f"tests/run: no suite is named {', '.join(unknown)}; there are: {', '.join(suites.BY_NAME)}")
    chosen = [suite for suite in suites.SUITES if (suite.name in options.suite if options.suite else suite.usual)]
    if os.geteuid() != 0:
        barred = [suite.name for suite in chosen if suite.root]
        if barred and options.suite:
            sys.exit(f"tests/run: {', '.join(barred)}: needs root for network namespaces; "
                     f"run: sudo tests/run {' '.join(options.suite)}")
        if barred:
            say(f"not root: skipped {', '.join(barred)}; for all of them run: sudo tests/run")
        chosen = [suite for suite in chosen if not suite.root]
    return chosen


def install(chosen: list[suites.Suite]) -> None:
    groups = sorted({group for suite in chosen for group in suite.packages})
    with Line("packages", "looking") as line:
        done = subprocess.run([str(build.ROOT / "tests/lib/install"), *groups], check=False, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        line.result, line.notes = "there", done.stdout.splitlines()
        if done.stdout:
            line.result = "installed"
        if done.returncode:
            line.result, line.style = "failed", "bad"
    if done.returncode:
        sys.exit(1)


class Builds:
    """Each is made once, by whoever wants it first."""

    def __init__(self, scratch: Path) -> None:
        self._scratch = scratch
        self._locks = {name: threading.Lock() for suite in suites.SUITES for name in suite.builds}
        self._made: dict[str, str] = {}  # with how it failed, where it did

    def failures(self, names: Iterable[str], patient: bool) -> list[tuple[str, str]]:
        for name in names:
            with self._locks[name]:
                if name not in self._made:
                    self._made[name] = self._make(name, patient)
        return [(f"build {name}", self._made[name]) for name in names if self._made[name]]

    def _make(self, name: str, patient: bool) -> str:
        log = self._scratch / f"build-{name}.log"
        with Line("build", name, clock=not patient) as line:
            line.result = name
            try:
                build.build(name, log, limit=3600 if patient else 1500, patient=patient)
                return ""
            except build.BuildError as error:
                line.result, line.style = f"{name}: failed", "bad"
                return str(error)
            finally:
                keep(log)


def keep(log: Path) -> None:
    """Moves a log to where people look; two runs at once never write to one file."""
    LOGS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(log, LOGS / f".{log.name}.{os.getpid()}")
    os.replace(LOGS / f".{log.name}.{os.getpid()}", LOGS / log.name)


def run(suite: suites.Suite, scratch: Path, patient: bool) -> results.Results:
    total = results.Results()
    log = scratch / f"{suite.name}.log"
    before = leftovers.present()
    with open(log, "wb") as out:
        for command in suite.commands(scratch):
            start = out.tell()
            env = {**suites.environment(), **command.env, "TMPDIR": str(scratch)}
            child = process.start(command.argv, out, env=env, cwd=build.ROOT, patient=patient)
            status = process.finish(child, suite.limit)
            try:
                one = results.read(command.report)
            except (OSError, ET.ParseError):
                one = results.Results()
            if status and not one.failures:
                with open(log, "rb") as back:
                    back.seek(start)
                    tail = back.read().decode(errors="replace").splitlines()[-30:]
                reason = "killed: it hung" if status == 124 else f"ended with exit status {status}"
                one.failures.append((Path(command.argv[0]).name + f" {reason}", "\n".join(tail)))
            elif not status and not one.passed and not one.skips:
                one.failures.append((Path(command.argv[0]).name, "ran no test"))
            if command.again and 0 < len(one.failures) <= MOST_AGAIN:
                one = try_again(command, one, out, env, suite.limit)
            total.add(one)
    total.failures += [(f"left {what} behind", "it was not there before") for what in leftovers.present() - before]
    keep(log)
    return total


def try_again(command: suites.Command, first: results.Results, out: IO[bytes], env: dict[str, str],
              limit: float) -> results.Results:
    """Runs what failed once more, by itself: on a busy machine chance has a part in thousands of packets' ways.

    What passes then is no failure, but named at the end with what it said at first: it is to be mended as well.
    """
    assert command.again
    command.report.unlink(missing_ok=True)
    names = [name for name, _ in first.failures]
    status = process.finish(process.start(command.again(names), out, env=env, cwd=build.ROOT), limit)
    try:
        second = results.read(command.report)
    except (OSError, ET.ParseError):
        return first
    if second.passed + len({name for name, _ in second.failures}) != len(set(names)):
        return first  # not the same tests
    if status and not second.failures:
        return first  # interrupted, or killed
    failed = {name for name, _ in second.failures}
    first.unsteady = [(name, details) for name, details in first.failures if name not in failed]
    first.failures = [(name, details) for name, details in first.failures if name in failed]
    first.passed += second.passed
    return first


def report_failures(failures: list[tuple[str, str, str]], what: str = "FAILED", style: str = "bad") -> None:
    for suite, name, details in failures:
        say()
        say(styled(f"{what} {suite}: {name}", style))
        lines = details.strip().splitlines()
        say(textwrap.indent("\n".join(lines[-30:]), "  "))
    if failures:
        say()
        say(f"Full logs: {LOGS.relative_to(build.ROOT)}/")


def run_lane(lane: list[suites.Suite], builds: Builds, scratch: Path, done: dict[str, results.Results],
             patient: bool = False) -> None:
    """One suite after the other, into `done` by name."""
    for suite in lane:
        failures = builds.failures(suite.builds, patient)
        with Line(suite.name, suite.what, clock=not patient) as line:
            one = results.Results(failures=failures) if failures else run(suite, scratch, patient)
            line.result, line.style = one.counts(), "bad" if one.failures else "good"
            line.notes = [f"skipped {name}: {reason}" for name, reason in one.skips]
        done[suite.name] = one


def run_all(chosen: list[suites.Suite], scratch: Path) -> dict[str, results.Results]:
    """Results by the names of the suites: those that go beside others do, if there are others."""
    builds = Builds(scratch)
    done: dict[str, results.Results] = {}
    lane = [suite for suite in chosen if not suite.beside]
    beside = [suite for suite in chosen if suite.beside]
    if not lane:
        run_lane(beside, builds, scratch, done)
        return done
    other = threading.Thread(target=run_lane, args=(beside, builds, scratch, done, True), daemon=True)
    builds.failures([name for suite in lane[:1] for name in suite.builds], patient=False)  # the first goes first
    other.start()
    run_lane(lane, builds, scratch, done)
    other.join()
    for suite in beside:
        done.setdefault(suite.name, results.Results(failures=[("tests/run", "ended in the middle of it")]))
    return done


def main() -> int:
    process.end_all_on_signals()
    chosen = arguments()
    total = results.Results()
    with tempfile.TemporaryDirectory(prefix="knockwork-tests-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)  # suites that drop privileges read from it
        install(chosen)
        done = run_all(chosen, scratch)
    failures: list[tuple[str, str, str]] = []
    unsteady: list[tuple[str, str, str]] = []
    for suite in chosen:
        one = done[suite.name]
        total.add(one)
        failures += [(suite.name, name, details) for name, details in one.failures]
        unsteady += [(suite.name, name, details) for name, details in one.unsteady]
    report_failures(unsteady, "UNSTEADY, passed when run again:", "note")
    report_failures(failures)
    say()
    say(f"total: {total.passed} passed, {len(total.failures)} failed, {len(total.skips)} skipped"
        + (f", {len(total.unsteady)} unsteady" if total.unsteady else ""))
    return 1 if failures or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
