"""What the columns of a sheet are: the kind of the sheet and a field for each column."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.errors import NotReadable
from connectors.files.aliases import ALIASES, BY_KIND, FIELDS, plain
from connectors.files.layouts import LAYOUT_FIELDS, find_layout
from connectors.files.options import LayoutMapping, Options, SavedMapping, fingerprint
from connectors.files.texts import say

KNOWN_FIELDS = FIELDS | LAYOUT_FIELDS
#: Fields of which one in each group is needed.
NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "customers": (("customer_id", "card_no", "email"),),
    "consent": (("email", "customer_id"),),
    "products": (("product_name",), ("product_id", "sku", "product_name")),
    "orders": (
        ("order_id", "customer_id", "card_no", "email"),
        ("purchased_at",),
        ("amount", "net_amount", "unit_price"),
    ),
}
NEEDED = {**NEEDED, "transactions": NEEDED["orders"]}
_STATUS_WORDS = ("nonsubscribed", "unsubscribed", "cleaned", "subscribed")


@dataclass(frozen=True, slots=True)
class Columns:
    """A recognised sheet."""

    kind: str
    #: Field to position in the row.
    positions: Mapping[str, int]
    header: tuple[str, ...]
    fingerprint: str
    #: The programme that wrote it, where known.
    layout: str | None = None
    channel: str = "web"
    #: Times without an offset are UTC (Mailchimp) instead of the shop's.
    is_utc: bool = False
    #: What a Mailchimp file's name says about everyone in it.
    file_status: str | None = None
    saved: LayoutMapping | None = None

    @property
    def system(self) -> str:
        """Whose numbers the sheet holds: "shopify", "square", ...; "files" where unknown."""
        return self.layout.split()[0].lower() if self.layout else "files"

    def name(self, field: str) -> str:
        """The column of a field as written in the file; the field's own name when it has none."""
        position = self.positions.get(field)
        return field if position is None else self.header[position]


def known_words(row: Sequence[str]) -> int:
    """How many cells of a row are column names we know; 1 cell alone could be a title."""
    words = {plain(cell) for cell in row}
    known = sum(word in _ALL_WORDS for word in words)
    return known if known > 1 or len([cell for cell in row if cell.strip()]) == 1 else 0


_ALL_WORDS = set(ALIASES) | {word for words in BY_KIND.values() for word in words} - {""}


def recognise(
    name: str,
    header: Sequence[str],
    options: Options,
    mapping: SavedMapping,
    below: Sequence[Sequence[str]] = (),
) -> Columns:
    """What a sheet is, from its header row, the saved mapping and what the merchant typed.

    `below` holds rows under the header, for names that only the cells explain.

    Raises
    ------
    NotReadable
        Naming the fields that are missing and the columns that were found.
    """
    cells = tuple(cell.strip() for cell in header)
    typed = {column: field_of(name) for column, name in options.columns.items()}
    options = replace(options, columns=typed)
    print_ = fingerprint(cells)
    saved = mapping.layouts.get(print_)
    layout = find_layout(cells)
    channel, is_utc, layout_name = "web", False, None
    if saved is not None:
        kind = options.kind or saved.kind
        by_column = {c: f for c, f in saved.columns.items() if f}
        positions = {i: by_column[cell] for i, cell in enumerate(cells) if cell in by_column}
    elif layout is not None and options.kind in (None, layout[0].kind):
        kind, positions = layout[0].kind, layout[1]
    else:
        words = _words(cells, below)
        kind = options.kind or _guess_kind(words, options)
        positions = _general(words, kind)
    if layout is not None:
        channel, is_utc = layout[0].channel, "utc" in layout[0].notes
        layout_name = layout[0].name
    elif kind == "transactions":
        channel = "store"
    fields = _typed(cells, positions, options)
    _check_needed(name, kind, fields, cells, options)
    return Columns(
        kind=kind,
        positions=fields,
        header=cells,
        fingerprint=print_,
        layout=layout_name,
        channel=channel,
        is_utc=is_utc,
        file_status=_file_status(name) if kind == "consent" else None,
        saved=saved,
    )


def field_of(name: str) -> str:
    """Our field of that name, or the one a column of that name has in our own formats.

    >>> field_of("amount"), field_of("gross_amount"), field_of("receipt_id")
    ('amount', 'amount', 'order_id')
    """
    return name if name in KNOWN_FIELDS else ALIASES.get(plain(name), name)


def _words(cells: Sequence[str], below: Sequence[Sequence[str]]) -> list[str]:
    """Column names for the alias tables; whether "Artikel" is a number or a name its cells tell."""
    words = [plain(cell) for cell in cells]
    for position, word in enumerate(words):
        if word in ("artikel", "article"):
            filled = [cell for row in below for cell in row[position : position + 1] if cell]
            codes = sum(re.fullmatch(r"\S*\d\S*", cell.strip()) is not None for cell in filled)
            words[position] = "productname" if codes * 2 < len(filled) else "articleno"
    return words


def _general(words: Sequence[str], kind: str) -> dict[int, str]:
    """Fields by the alias tables; the first column of a field wins."""
    special = BY_KIND.get(kind, {})
    found: dict[int, str] = {}
    for position, word in enumerate(words):
        field = special.get(word) or ALIASES.get(word)
        if field is not None and field not in found.values():
            found[position] = field
    return found


def _typed(cells: Sequence[str], positions: Mapping[int, str], options: Options) -> dict[str, int]:
    """Field to position, after what the merchant typed."""
    typed = {
        position: options.columns[cell]
        for position, cell in enumerate(cells)
        if cell in options.columns
    }
    for field in typed.values():
        if field and field not in KNOWN_FIELDS:
            known = ", ".join(sorted(FIELDS))
            raise NotReadable(say(options.language, "no_such_field", field=field, known=known))
    taken = set(typed.values())
    kept = {i: field for i, field in positions.items() if i not in typed and field not in taken}
    # Backwards, so that of two columns with one name the first counts.
    return {field: i for i, field in sorted((kept | typed).items(), reverse=True) if field}


def _guess_kind(words: Sequence[str], options: Options) -> str:
    """The kind of a sheet that no published layout knows."""
    fields = set(_general(words, "orders").values()) | set(options.columns.values())
    sold = {"quantity", "amount", "net_amount", "unit_price"} & fields
    # Two of three make it orders; that the third is missing is then said, not overlooked.
    if ("order_id" in fields) + ("purchased_at" in fields) + bool(sold) > 1:
        in_store = fields & {"card_no", "store"} or {"bonnummer", "bonnr", "receiptid"} & set(words)
        return "transactions" if in_store else "orders"
    person = {"customer_id", "card_no", "email"} & set(_general(words, "customers").values())
    goods = set(_general(words, "products").values()) & {"product_id", "sku", "price", "category"}
    if (
        "product_name" in _general(words, "products").values()
        and goods
        and not (fields & {"email", "first_name", "last_name"})
    ):
        return "products"
    if person or fields & {"email", "first_name", "last_name"}:
        return "customers"
    return ""


def _check_needed(
    name: str, kind: str, fields: Mapping[str, int], cells: Sequence[str], options: Options
) -> None:
    found = shown(cells)
    if kind not in NEEDED:
        raise NotReadable(say(options.language, "unknown_kind", name=name, found=found))
    missing = [" / ".join(group) for group in NEEDED[kind] if not fields.keys() & set(group)]
    if missing:
        raise NotReadable(
            say(
                options.language,
                "not_recognised",
                name=name,
                kind=kind,
                missing=", ".join(missing),
                found=found,
            )
        )


def shown(cells: Sequence[str]) -> str:
    """Column names for a message that may be logged.

    A file without a header has someone's data in its first row; that is not repeated.

    >>> shown(["Naam", "ada@voorbeeld.nl", "0612345678", ""])
    'Naam, ..., ...'
    """
    named = [cell for cell in cells if cell]
    return ", ".join("..." if re.search(r"@|\d{4}", cell) else cell for cell in named) or "-"


def _file_status(name: str) -> str | None:
    """The status that the name of a Mailchimp export's file gives to everyone in it.

    >>> _file_status("audience.zip/unsubscribed_members_export_12ab.csv")
    'unsubscribed'
    """
    words = re.split(r"[^a-z]+", name.rpartition("/")[2].lower())
    return next((word for word in _STATUS_WORDS if word in words), None)
