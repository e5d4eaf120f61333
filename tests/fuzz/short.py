"""A bounded number of runs of each fuzzer from its seeds: short.py REPORT. The same inputs every time."""
from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from corpus import LONGEST, ROOT, SEEDS, plant

sys.path.insert(0, str(ROOT / "tests/lib"))

import results  # noqa: E402

RUNS = {"call": 4_000, "capture": 200_000, "declaration": 20_000, "events": 200_000, "import": 20_000,
        "listing": 20_000, "profile": 20_000, "records": 20_000, "secrets": 100_000, "trace": 40_000}
assert RUNS.keys() == SEEDS.keys()


def fuzz(target: str, folder: Path) -> str:
    """What the fuzzer found, nothing where it found nothing."""
    corpus = folder / target
    plant(target, corpus)
    done = subprocess.run(
        [ROOT / f"build/asan/tests/fuzz/fuzz_{target}", "-seed=1", f"-runs={RUNS[target]}", f"-max_len={LONGEST}",
         "-timeout=20", "-rss_limit_mb=2048", f"-artifact_prefix={folder}/", corpus],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", check=False)
    print(done.stdout, flush=True)
    if not done.returncode:
        return ""
    inputs = "\n".join(f"{path.name}: {path.read_bytes()[:2000]!r}"
                       for path in folder.iterdir() if path.is_file())
    return f"{done.stdout[-4000:]}\n{inputs}"


def main() -> int:
    found = results.Results()
    passed = []
    with tempfile.TemporaryDirectory() as name:
        for target, runs in RUNS.items():
            details = fuzz(target, Path(name))
            if details:
                found.failures.append((target, details))
            else:
                passed.append(f"{target}, {runs} runs")
    results.write(Path(sys.argv[1]), "fuzz", found, passed)
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
