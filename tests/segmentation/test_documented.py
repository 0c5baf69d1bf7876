"""docs/segments.md names every segment and every threshold that it claims to."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from segmentation.builder.vocabulary import FEATURES
from segmentation.duedates.needs import name_of
from segmentation.gates import GATES
from segmentation.segments import MOST_PER_GROUP, catalogue

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "segments.md").read_text("utf-8")
_MODULES = {
    name: f"segmentation.{folder}{name}"
    for folder, names in (
        ("", ("affinity", "features", "following", "interest", "lifecycle", "rfm", "segments")),
        (
            "duedates.",
            ("calibration", "hazards", "intervals", "lives", "schedule", "starts", "states"),
        ),
        ("groups.", ("attributes", "clusters", "tree")),
        ("trial.", ("verdicts",)),
    )
    for name in names
}


def test_every_segment_is_on_the_page_with_both_names() -> None:
    for segment in catalogue({"suits": name_of("suits"), "shirts": name_of("shirts")}):
        if ":shirts:" in segment.key or segment.key in ("loves:suits", "next:suits"):
            continue  # the page shows suits as the example of due, shirts of loves and next
        key = re.sub(r":(suits|shirts)\b", ":<need>", segment.key)
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{key}` |"))
        assert f"| {segment.name_en} | {segment.name_nl} |" in row


def test_every_group_has_a_budget() -> None:
    groups = {s.group for s in catalogue({"suits": name_of("suits")})}
    assert groups | {"group", "cluster", "own"} == set(MOST_PER_GROUP)


def test_every_feature_of_an_own_segment_is_on_the_page() -> None:
    section = PAGE.partition("## Segments of your own")[2]
    assert [key for key in FEATURES if f"`{key}`" not in section] == []


def test_the_thresholds_on_the_page_exist() -> None:
    named = [pair for pair in re.findall(r"`(\w+)\.(\w+)`", PAGE) if pair[0] in _MODULES]
    assert len(named) > 15
    for module, constant in named:
        assert hasattr(importlib.import_module(_MODULES[module]), constant)


def test_every_threshold_of_the_card_is_on_the_page_with_its_evidence() -> None:
    section = PAGE.partition("## From how much on")[2].partition("\n## ")[0]
    for gate in GATES:
        row = next(line for line in section.splitlines() if line.startswith(f"| {gate.name_en} |"))
        assert gate.unit == "share" or f"| {gate.needed:,} {gate.unit} |" in row
        assert row.endswith(f"| {gate.evidence_en} |")
