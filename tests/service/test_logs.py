"""Log lines say who and how many, never whom."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog

from integration.logs import redact, set_up


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "Ada.Lovelace+news@mail.example.co.uk",
        "ada%40example.com",
        "ada@localhost",
        "jörg@bücher.example",
        "o'brien@example.ie",
    ],
)
def test_an_address_is_hidden_wherever_it_stands(address: str) -> None:
    local = address.replace("%40", "@").partition("@")[0]
    for text in (address, f"<{address}>", f"https://x/y?email={address}&a=1", f"('{address}',)"):
        hidden = redact(text)
        assert local.rpartition("'")[2] not in hidden
        assert "[address]" in hidden


@pytest.mark.parametrize("text", ["12 of 500 members", "at 12:30", "a @ b", "5 @ 3.00"])
def test_other_texts_stay(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_part_of_a_line_shows_an_address(
    style: Literal["json", "console"], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up("INFO", style)
    log = structlog.get_logger("stipt.test")
    log.info("member ada@example.com", who=["ada@example.com"], ada={"ada@example.com": {1}})
    log.warning("refused", error=ValueError("ada@example.com"), raw=b"ada@example.com")
    try:
        raise KeyError("ada@example.com")
    except KeyError:
        log.exception("failed")
        logging.getLogger("library").exception("request of %s failed", "ada@example.com")
    lines = capsys.readouterr().err
    assert "example.com" not in lines
    assert "KeyError" in lines
    assert "[address]" in lines


def test_json_lines_are_json_with_counts_and_ids(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("INFO", "json")
    structlog.get_logger("stipt.test").info("Pushed members", done=12, account_id=3, ratio=0.5)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["done"], line["account_id"], line["ratio"], line["level"]) == (
        "Pushed members",
        12,
        3,
        0.5,
        "info",
    )


def test_the_level_counts_for_libraries_too(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("WARNING")
    logging.getLogger("library").info("chatter")
    structlog.get_logger("stipt.test").info("chatter")
    assert capsys.readouterr().err == ""
