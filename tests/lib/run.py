"""tests/run: installs, builds, runs the suites and counts."""
from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import xml.etree.ElementTree as ET
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


def make(names: list[str], scratch: Path) -> dict[str, str]:
    """Builds; returns the failures, by build."""
    failed = {}
    for name in names:
        with Line("build", name) as line:
            line.result = name
            log = scratch / f"build-{name}.log"
            try:
                build.build(name, log)
            except build.BuildError as error:
                failed[name] = str(error)
                line.result, line.style = f"{name}: failed", "bad"
            keep(log)
    return failed


def keep(log: Path) -> None:
    """Moves a log to where people look; two runs at once never write to one file."""
    LOGS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(log, LOGS / f".{log.name}.{os.getpid()}")
    os.replace(LOGS / f".{log.name}.{os.getpid()}", LOGS / log.name)


def run(suite: suites.Suite, scratch: Path) -> results.Results:
    total = results.Results()
    log = scratch / f"{suite.name}.log"
    before = leftovers.present()
    with open(log, "wb") as out:
        for command in suite.commands(scratch):
            start = out.tell()
            env = {**suites.environment(), **command.env, "TMPDIR": str(scratch)}
            status = process.finish(process.start(command.argv, out, env=env, cwd=build.ROOT), suite.limit)
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
    process.finish(process.start(command.again(names), out, env=env, cwd=build.ROOT), limit)
    try:
        second = results.read(command.report)
    except (OSError, ET.ParseError):
        return first
    if second.passed + len({name for name, _ in second.failures}) != len(set(names)):
        return first  # not the same tests
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


def main() -> int:
    process.end_all_on_signals()
    chosen = arguments()
    total = results.Results()
    failures: list[tuple[str, str, str]] = []
    unsteady: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="knockwork-tests-") as folder:
        scratch = Path(folder)
        scratch.chmod(0o755)  # suites that drop privileges read from it
        install(chosen)
        built: dict[str, str] = {}
        tried: set[str] = set()
        for suite in chosen:
            wanted = [name for name in suite.builds if name not in tried]
            built.update(make(wanted, scratch))
            tried.update(wanted)
            broken = [name for name in suite.builds if name in built]
            with Line(suite.name, suite.what) as line:
                if broken:
                    one = results.Results()
                    one.failures = [(f"build {name}", built[name]) for name in broken]
                else:
                    one = run(suite, scratch)
                line.result, line.style = one.counts(), "bad" if one.failures else "good"
                line.notes = [f"skipped {name}: {reason}" for name, reason in one.skips]
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
