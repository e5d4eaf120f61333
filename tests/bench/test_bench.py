"""The benchmarks work; what they measure is judged by tests/bench/run alone."""

import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent
sys.path.append(str(BENCH))

import plot  # noqa: E402
from table import ROWS, Bound, Result, Row, at_least, at_most, results  # noqa: E402

ROW = Row("apply", "apply / nft", "s", at_most(0.5))
ALL = [Result(row, 9.0, 2.0).facts() for rows in ROWS.values() for row in rows]


@pytest.mark.parametrize("room", ROWS)
def test_every_row_is_measured(room: str) -> None:
    done = subprocess.run(["/usr/bin/python3", "-B", BENCH / "bench.py", "--quick", "--json", room],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert [row["title"] for row in rows] == [row.title for row in ROWS[room]]
    assert all(row["ours"] > 0 and row["theirs"] > 0 for row in rows), rows
    assert "quick: no bound is judged" in done.stderr


@pytest.mark.parametrize(("bound", "ours", "holds"), [
    (at_most(0.5), 1.0, True), (at_most(0.5), 1.01, False), (at_least(0.5), 1.0, True), (at_least(0.5), 0.99, False),
    (None, 100.0, True)])
def test_a_row_holds_or_misses(bound: Bound | None, ours: float, holds: bool) -> None:
    assert Result(Row("", "", "s", bound), ours, 2.0).holds is holds


def test_medians_are_compared() -> None:
    result, = results([ROW], {"apply": ([1, 9, 2], [4, 8, 4])})
    assert (result.ours, result.theirs, result.ratio, result.holds) == (2, 4, 0.5, True)


@pytest.mark.parametrize("measured", [{}, {"apply": ([1], [1]), "else": ([1], [1])}])
def test_what_is_measured_is_what_is_in_the_table(measured: dict[str, tuple[list[float], list[float]]]) -> None:
    with pytest.raises(KeyError, match="in the table stand"):
        results([ROW], measured)


def test_the_picture_and_the_page() -> None:
    facts = {"machine": dict.fromkeys(("processor", "system", "kernel", "nftables", "knockd", "fwknop", "ansible-core",
                                       "g++", "load"), "x"), "rounds": 5,
             "rows": ALL}
    drawn = xml.etree.ElementTree.fromstring(plot.picture(ALL))
    bars = [each for each in drawn.iter() if each.get("class") in ("held", "missed")]
    assert len(bars) == sum(row["bound"] is not None for row in ALL)
    page = plot.page(f"before\n{plot.BEGIN}old\n{plot.END}after\n", facts)
    assert page.startswith("before\n") and page.endswith("after\n") and "old" not in page
    assert f"| {ROWS['commands'][0].title} | 9 s | 2 s | 4.50 | ≤ 0.7 | **missed** |" in page


def test_scale() -> None:
    """Fleets are measured, and larger ones estimated."""
    argv = ["/usr/bin/python3", "-B", str(BENCH / "scale.py"), "--hosts", "2"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    sizes = [line.split()[0] for line in done.stdout.splitlines()]
    assert sizes == ["hosts", *["2"] * 4, *["1000"] * 4, *["10000"] * 4]
