"""Uploaded files go when they were read; nobody else's do."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration import uploads
from integration.context import Context


def kept(folder: Path, name: str) -> Path:
    """A file as an upload leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("Datum;Bedrag\n")
    return path


def test_files_of_a_reading_go_with_their_folder_and_going_twice_is_fine(context: Context) -> None:
    folder = uploads.new_folder(context, 1)
    paths = [str(kept(folder, name)) for name in ("0.csv", "1.csv")]
    for _ in range(2):
        uploads.remove(context, 1, {"paths": paths})
        assert not folder.exists()
    assert folder.parent.exists()


def test_files_of_another_upload_stay(context: Context) -> None:
    mine, later = uploads.new_folder(context, 1), uploads.new_folder(context, 1)
    path, other = kept(mine, "0.csv"), kept(later, "0.csv")
    uploads.remove(context, 1, {"paths": [str(path)]})
    assert other.exists()


@pytest.mark.parametrize("place", ["desk", "uploads/2/ab", "uploads/1/../2/ab"])
def test_a_file_outside_the_accounts_own_uploads_stays(context: Context, place: str) -> None:
    uploads.new_folder(context, 1)
    path = kept(context.settings.data_dir / place, "0.csv")
    uploads.remove(context, 1, {"paths": [str(path)]})
    assert path.exists()


def test_a_source_without_files_has_nothing_to_remove(context: Context) -> None:
    uploads.remove(context, 1, {})
