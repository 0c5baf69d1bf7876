"""Permission as files state it, one event a statement.

=====================================  =======================  ==========  =====================
Column                                 Cell                     State       Moment
=====================================  =======================  ==========  =====================
checkout box (Accepts Marketing)       yes                      CONFIRMED   the order's
newsletter of a card or customer       yes / ja                 CONFIRMED   `consent_at`, else none
either                                 no / nee                 UNKNOWN     the same
consent_email, subscription status     subscribed               CONFIRMED   `consent_at`, else none
the same                               pending                  CONSENTED   the same
the same                               unsubscribed, cleaned    DENIED      the same
the same                               unknown, nonsubscribed   UNKNOWN     the same
opt-out (do_not_email, unsubscribed    yes                      DENIED      `consent_at`, else none
from all email, afgemeld)              no                       UNKNOWN     the same
Mailchimp subscribed file              every row                CONFIRMED   CONFIRM_TIME, OPTIN_TIME
Mailchimp unsubscribed file            every row                DENIED      UNSUB_TIME
Mailchimp cleaned file                 every row                DENIED      CLEAN_TIME
Mailchimp nonsubscribed, unnamed file  every row                UNKNOWN     none
any                                    empty                    no event
=====================================  =======================  ==========  =====================

A withdrawal always wins, so only words that state a withdrawal become DENIED. A "no" does not: at a
checkout it means that a box was left empty, and on a card form that nobody asked; someone who
subscribed elsewhere has not taken that back. Neither is it an opt-in. Being absent from a file says
nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from connectors.files.harvest import Harvest, quiet
from connectors.files.sheet import Selection, Sheet
from connectors.files.values import BadCell, Phones, home_region, words
from connectors.records import ConsentEvent, ConsentState

STATEMENTS = ("accepts_email", "consent_status", "opted_out", "accepts_sms")
_MOMENTS = ("consent_at", "optin_at", "confirm_at", "unsub_at", "clean_at")
_FIELDS = (
    *STATEMENTS, *_MOMENTS, "email", "phone", "customer_id", "card_no", "order_uid",
    "purchased_at", "consent_source",
)  # fmt: skip
_STATES = {
    **dict.fromkeys(
        words("subscribed ingeschreven aangemeld actief confirmed yes ja"), ConsentState.CONFIRMED
    ),
    **dict.fromkeys([*words("pending consented"), "in afwachting"], ConsentState.CONSENTED),
    **dict.fromkeys(
        words("unsubscribed uitgeschreven afgemeld cleaned denied opt-out optout bounced"),
        ConsentState.DENIED,
    ),
    **dict.fromkeys(
        words("unknown onbekend nonsubscribed non-subscribed transactional no nee"),
        ConsentState.UNKNOWN,
    ),
}
_MEMBER_TIMES = {
    "subscribed": ("confirm_at", "optin_at"),
    "unsubscribed": ("unsub_at",),
    "cleaned": ("clean_at",),
}


def consent(
    sheet: Sheet, harvest: Harvest, *, after: int, seen: set[int]
) -> Iterator[tuple[int, Sequence[ConsentEvent]]]:
    """Every statement of a sheet; repeated on the lines of one customer it counts once.

    `seen` holds what earlier rows and sheets said; rows up to `after` only add to it.
    """
    selection = Selection.of(
        sheet, _FIELDS, position="row", key=sheet.customer_key, order_key=_order_key(sheet)
    )
    old = _ConsentReader(sheet, selection, Harvest(harvest.stream, harvest.language))
    new = _ConsentReader(sheet, selection, harvest)
    for row in sheet.spool.stream(_statements(sheet, selection)):
        events = (old if row[0] <= after else new)(row)
        fresh = [event for event in events if hash(event.id) not in seen]
        seen.update(hash(event.id) for event in events)
        if fresh and row[0] > after:
            harvest.counters["consent statements"] += len(fresh)
            yield row[0], fresh


def _order_key(sheet: Sheet) -> str:
    return sheet.order_key if sheet.has("purchased_at") else "NULL"


def _statements(sheet: Sheet, selection: Selection) -> str:
    """SQL of the rows that say something about permission, each statement once."""
    told = [sheet.cell(field) for field in STATEMENTS if sheet.has(field)]
    some = " OR ".join(f"{cell} IS NOT NULL" for cell in told) or "true"
    # Said again later it is another statement: who came back may leave a second time.
    told += [sheet.cell(field) for field in _MOMENTS if sheet.has(field)]
    # At a web checkout each order is a new statement; on a card it is the card's, on every line.
    who = sheet.order_key if sheet.columns.kind == "orders" else sheet.customer_key
    words = ", ".join(["''", *(f"lower({cell})" for cell in told)])
    return (
        f"SELECT {selection.sql} FROM {sheet.table} WHERE cells IS NULL AND ({some}) "  # noqa: S608 - built from positions
        f"QUALIFY row_number() OVER (PARTITION BY coalesce({who}, '#' || row), {words} "
        "ORDER BY row) = 1 ORDER BY row"
    )


class _ConsentReader:
    """One row to its statements."""

    def __init__(self, sheet: Sheet, selection: Selection, harvest: Harvest) -> None:
        self.sheet, self.harvest = sheet, harvest
        self.read = {field: sheet.reader(field) for field in _FIELDS}
        self.get = {field: selection.getter(field) for field in _FIELDS}
        self.key, self.order = selection.getter("key"), selection.getter("order_key")
        self.phone = Phones(sheet.columns.name("phone"), home_region(sheet.options.time_zone))

    def __call__(self, row: tuple[Any, ...]) -> tuple[ConsentEvent, ...]:
        email = quiet(self.read["email"], self.get["email"](row))
        number, card = self.get["customer_id"](row), self.get["card_no"](row)
        if email is None and number is None and card is None:
            return ()  # the customers of the same file list the row
        return tuple(self._event(row, email, *told) for told in self._told(row))

    def _told(self, row: tuple[Any, ...]) -> Iterator[tuple[str, str, ConsentState]]:
        """Channel, field and state of each statement in a row."""
        status = self.sheet.columns.file_status or self._member_status(row)
        if self.sheet.columns.kind == "consent" and not self.sheet.has("consent_status"):
            yield "email", status or "unknown", _STATES[status or "unknown"]
        for field, yes, no in (
            ("accepts_email", ConsentState.CONFIRMED, ConsentState.UNKNOWN),
            ("opted_out", ConsentState.DENIED, ConsentState.UNKNOWN),
            ("accepts_sms", ConsentState.CONFIRMED, ConsentState.UNKNOWN),
        ):
            told = self.harvest.soft(self.read[field], self.get[field](row), row[0])
            if told is not None:
                yield "sms" if field == "accepts_sms" else "email", field, yes if told else no
        word = self.get["consent_status"](row)
        if word is not None:
            state = _STATES.get(word.lower())
            if state is None:
                bad = BadCell(self.sheet.columns.name("consent_status"), word, "consent_state")
                self.harvest.reject_row(bad, row[0])
            else:
                yield "email", "consent_status", state

    def _member_status(self, row: tuple[Any, ...]) -> str | None:
        """What the columns say where the file's name does not."""
        if self.get["unsub_at"](row) is not None:
            return "unsubscribed"
        return "cleaned" if self.get["clean_at"](row) is not None else None

    def _event(
        self, row: tuple[Any, ...], email: str | None, channel: str, field: str, state: ConsentState
    ) -> ConsentEvent:
        layout = self.sheet.columns.layout or ""
        mailchimp = self.sheet.columns.kind == "consent" and field in _STATES
        at_checkout = self.sheet.columns.kind == "orders"
        if mailchimp:
            times, source = _MEMBER_TIMES.get(field, ()), f"mailchimp export: {field}"
        elif at_checkout:
            times, source = ("purchased_at",), "checkout"
        else:
            times = ("consent_at",)
            source = self.get["consent_source"](row) or (
                "loyalty card" if self.sheet.has("card_no") and not layout else layout or "file"
            )
        at = next((m for t in times if (m := quiet(self.read[t], self.get[t](row)))), None)
        who = self.order(row) if at_checkout else self.key(row)
        return ConsentEvent(
            id=f"{who}:{channel}:{field}:{state.value}:{at.isoformat() if at else 'none'}",
            state=state,
            at=at,
            source=source,
            customer_id=self.key(row),
            email=email,
            phone=quiet(self.phone, self.get["phone"](row)),
            channel=channel,
            evidence=f"{self.sheet.name}, row {row[0]}",
        )
