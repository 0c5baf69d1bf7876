"""What is in the repository runs anywhere: no file knows the computer it was written on."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import ROOT, missing

#: Folders that only somebody's own computer has.
OWN_FOLDERS = re.compile(r"(?<![\w.~\]>})])/(?:root|home|Users|work)/\w")
#: Variables that name a package registry.
REGISTRY = re.compile(
    r"(?:PIP|UV|NPM|YARN)_[A-Z_]*(?:INDEX|REGISTRY)[A-Z_]*|[a-z_]*index[-_]url", re.I
)
_SHORTEST_NAME = 6


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """Every text file that git knows of, by name."""
    if not (ROOT / ".git").exists():
        missing("the git repository")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    found: dict[str, str] = {}
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        # Third-party files keep what their authors wrote; this file names what it looks for.
        if path.is_file() and "static" not in path.parts and path != Path(__file__):
            try:
                found[name] = path.read_text("utf-8")
            except UnicodeDecodeError:
                continue  # a picture
    assert len(found) > 100
    return found


def test_no_file_names_a_folder_of_somebodys_computer(files: dict[str, str]) -> None:
    own = (str(ROOT), str(Path.home()))
    names = [folder for folder in own if len(folder) >= _SHORTEST_NAME]
    assert [
        f"{name}: {line.strip()[:80]}"
        for name, text in files.items()
        for line in text.splitlines()
        if OWN_FOLDERS.search(line) or any(folder in line for folder in names)
    ] == []


def test_no_file_names_this_computer_or_a_registry(files: dict[str, str]) -> None:
    given = [value for key, value in os.environ.items() if REGISTRY.fullmatch(key)]
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    addresses = [*given, *re.findall(r"https?://[^\s'\"]+", configured)]
    hosts = {urlsplit(address).hostname or "" for address in addresses} | {socket.gethostname()}
    names = {host for host in hosts if len(host) >= _SHORTEST_NAME} - {"localhost"}
    assert [
        f"{name}: {host}" for name, text in files.items() for host in names if host in text
    ] == []


def test_no_file_chooses_a_registry_for_others(files: dict[str, str]) -> None:
    assert [
        f"{name}: {line.strip()[:80]}"
        for name, text in files.items()
        for line in text.splitlines()
        if REGISTRY.search(line)
    ] == []


def test_no_data_set_is_copied_into_the_repository(files: dict[str, str]) -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    assert [
        name for name in listed if name.endswith((".parquet", ".csv.gz", ".sqlite", ".db"))
    ] == []


def test_every_python_file_says_what_it_is_for(files: dict[str, str]) -> None:
    silent = [
        name
        for name, text in files.items()
        if name.endswith(".py")
        and text.strip()
        and not text.lstrip().startswith(('"""', 'r"""'))
        and "/versions/" not in name
    ]
    assert silent == []
