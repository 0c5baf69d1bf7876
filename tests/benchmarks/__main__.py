"""Measure the project against its bars.

    python -m tests.benchmarks NAME [--data DIR] [--json]
    python -m tests.benchmarks push --members 20000 --latency-ms 30 --json
    python -m tests.benchmarks --list
    python -m tests.benchmarks all --write docs/benchmarks.md

A benchmark is a module beside this one with ``run(data: Path) -> list[Result]``. The exit status is
0 only when every result holds.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import pkgutil
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import tests.benchmarks
from tests.benchmarks.result import Result

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
START, END = "<!-- benchmarks: start -->", "<!-- benchmarks: end -->"


def names() -> list[str]:
    """Return every benchmark: modules of this package with a function `run`."""
    found = [module.name for module in pkgutil.iter_modules(tests.benchmarks.__path__)]
    found = [name for name in found if not name.startswith("_") and name != "result"]
    return sorted(name for name in found if hasattr(_module(name), "run"))


def measure(name: str, data: Path, options: Mapping[str, float | None]) -> list[Result]:
    """Run one benchmark; of the options those that it knows and that were given."""
    run = _module(name).run
    known = inspect.signature(run).parameters
    given = {k: value for k, value in options.items() if k in known and value is not None}
    results: list[Result] = run(data, **given)
    return results


def machine() -> str:
    """Return what the figures were measured on, without naming anybody's computer."""
    cores = os.cpu_count() or 1
    return f"{platform.system()} {platform.machine()}, {cores} cores, {_python()}"


def table(results: Sequence[Result]) -> str:
    """Return results as a Markdown table."""
    rows = [
        "| data | metric | ours | bar | holds | baseline | peer |",
        "|---|---|--:|--:|---|--:|--:|",
    ]
    for one in results:
        sign = {"higher": "≥", "lower": "≤"}[one.better]
        bar = "" if one.bar is None else f"{sign} {_number(one.bar)}"
        holds = "" if one.bar is None else ("yes" if one.holds else "**no**")
        cells = (one.set, one.metric, _number(one.ours), bar, holds)
        rows.append(f"| {' | '.join((*cells, _number(one.baseline), _number(one.peer)))} |")
    return "\n".join(rows)


def written(text: str, measured: Mapping[str, Sequence[Result]]) -> str:
    """Return a page with the part between the two markers brought up to date.

    What was not measured this time stays as it is.

    Raises
    ------
    ValueError
        When the page has no such part.
    """
    before, start, rest = text.partition(START)
    there, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(f"The page has no part between {START} and {END}")
    parts = dict(
        re.findall(r"^### (\S+)\n\n(.*?)(?=\n\n### |\n*\Z)", there, re.DOTALL | re.MULTILINE)
    )
    for name, results in measured.items():
        parts[name] = f"`python -m tests.benchmarks {name}`\n\n{table(results)}"
    shown = [f"### {name}\n\n{part}" for name, part in sorted(parts.items())]
    return "\n\n".join([before + start, f"Measured on {machine()}.", *shown, end + after])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", help="a benchmark, or 'all'")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the data sets")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--list", action="store_true", help="name the benchmarks")
    parser.add_argument("--members", type=int, help="how large an audience (push)")
    parser.add_argument("--customers", type=int, help="how large a shop (nightly)")
    parser.add_argument("--lines", type=int, help="how many lines (features)")
    parser.add_argument("--orders", type=int, help="how large a shop (refresh)")
    parser.add_argument("--latency-ms", type=float, help="how slow the sandbox (push)")
    parser.add_argument("--seconds", type=float, help="how long (webhooks)")
    parser.add_argument("--write", type=Path, help="page whose table is rewritten")
    options = parser.parse_args(arguments)
    known = names()
    if options.list:
        _say("\n".join(known))
        return 0
    if options.name not in (*known, "all"):
        parser.error(f"name one of: {', '.join([*known, 'all'])}")
    wanted = known if options.name == "all" else [options.name]
    sizes = {
        name: getattr(options, name)
        for name in ("customers", "latency_ms", "lines", "members", "orders", "seconds")
    }
    measured = {name: measure(name, options.data, sizes) for name in wanted}
    results = [one for found in measured.values() for one in found]
    if options.write:
        options.write.write_text(written(options.write.read_text("utf-8"), measured), "utf-8")
    if options.json:
        plain = [one.to_dict() for one in results]
        _say(json.dumps({"benchmark": options.name, "machine": machine(), "results": plain}))
    else:
        _say("\n\n".join(f"{name}\n{table(found)}" for name, found in measured.items()))
    return 0 if all(one.holds for one in results) else 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"tests.benchmarks.{name}")


def _python() -> str:
    return f"Python {platform.python_version()}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


if __name__ == "__main__":
    sys.exit(main())
