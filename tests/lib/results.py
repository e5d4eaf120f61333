"""What the runners wrote down, as one kind of value: junit XML (pytest and our own) and Catch2's XML."""
from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Results:
    passed: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)  # name, details
    skips: list[tuple[str, str]] = field(default_factory=list)     # name, reason
    unsteady: list[tuple[str, str]] = field(default_factory=list)  # failed, and passed when it was run again

    def add(self, other: Results) -> None:
        self.passed += other.passed
        self.failures += other.failures
        self.skips += other.skips
        self.unsteady += other.unsteady

    def counts(self) -> str:
        parts = [f"{self.passed} passed"]
        if self.failures:
            parts.append(f"{len(self.failures)} failed")
        if self.skips:
            parts.append(f"{len(self.skips)} skipped")
        if self.unsteady:
            parts.append(f"{len(self.unsteady)} unsteady")
        return ", ".join(parts)


def read(path: Path) -> Results:
    """Reads a report. Raises OSError or ET.ParseError where a runner died before it could write one."""
    root = ET.parse(path).getroot()
    return _catch2(root) if root.tag.startswith("Catch") else _junit(root)


def _junit(root: ET.Element) -> Results:
    results = Results()
    for case in root.iter("testcase"):
        name = "::".join(part for part in (case.get("classname"), case.get("name")) if part)
        bad = [entry for tag in ("failure", "error") for entry in case.findall(tag)]
        skipped = case.find("skipped")
        if bad:
            details = "\n".join(entry.text or entry.get("message") or "" for entry in bad)
            results.failures.append((name, details))
        elif skipped is not None:
            results.skips.append((name, skipped.get("message") or ""))
        else:
            results.passed += 1
    return results


def _catch2(root: ET.Element) -> Results:
    results = Results()
    for case in root.iter("TestCase"):
        name = case.get("name") or ""
        verdict = case.find("OverallResult")
        if verdict is None:
            results.failures.append((name, "the runner died in this test"))
        elif verdict.get("success") != "true":
            results.failures.append((name, "\n".join(_faults(case))))
        elif int(verdict.get("skips") or 0):
            results.skips.append((name, (case.findtext(".//Skip") or "").strip()))
        else:
            results.passed += 1
    return results


def _faults(case: ET.Element) -> list[str]:
    lines = []
    for entry in case.iter():
        where = f"{entry.get('filename')}:{entry.get('line')}"
        if entry.tag == "Expression" and entry.get("success") == "false":
            original = (entry.findtext("Original") or "").strip()
            expanded = (entry.findtext("Expanded") or "").strip()
            thrown = (entry.findtext("Exception") or "").strip()
            lines += [f"{where}: {original}", f"  with: {expanded}"]
            lines += [f"  threw: {thrown}"] if thrown else []
        elif entry.tag in ("Failure", "Exception", "FatalErrorCondition") and entry.get("filename"):
            lines.append(f"{where}: {(entry.text or '').strip()}")
    return lines


def write(path: Path, suite: str, results: Results, passed: list[str]) -> None:
    """Writes our own checks' results as junit."""
    root = ET.Element("testsuite", name=suite)
    for name in passed:
        ET.SubElement(root, "testcase", classname=suite, name=name)
    for name, details in results.failures:
        case = ET.SubElement(root, "testcase", classname=suite, name=name)
        ET.SubElement(case, "failure").text = details
    for name, reason in results.skips:
        case = ET.SubElement(root, "testcase", classname=suite, name=name)
        ET.SubElement(case, "skipped", message=reason)
    ET.ElementTree(root).write(path, encoding="utf-8")
