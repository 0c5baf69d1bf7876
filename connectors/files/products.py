"""Products: from a catalogue with its variants, or from what order lines mention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

from connectors.files.harvest import Harvest
from connectors.files.orders import product_type, split_path
from connectors.files.people import split_tags
from connectors.files.sheet import Selection, Sheet, grouped
from connectors.files.values import BadCell
from connectors.records import Product, Variant

FIELDS = (
    "product_id", "sku", "product_name", "category_path", "category", "brand", "colour", "size",
    "price", "replacement_days", "gender_target", "tags", "status", "published", "url",
    "image_url", "stock", "option1_name", "option1_value", "option2_name", "option2_value",
    "option3_name", "option3_value",
)  # fmt: skip
MENTIONED = ("product_id", "sku", "product_name", "category", "brand", "gender_target")
_STATUS = {"active": "active", "draft": "draft", "archived": "archived"}
_GENDERS = {
    **dict.fromkeys(("male", "men", "man", "heren", "m"), "men"),
    **dict.fromkeys(("female", "women", "vrouw", "dames", "f", "v"), "women"),
    "unisex": "unisex",
    **dict.fromkeys(("kids", "kinderen", "children", "kind"), "kids"),
}
_COLOURS = frozenset(("color", "colour", "kleur"))
_SIZES = frozenset(("size", "maat", "grootte"))


def products(
    sheet: Sheet, harvest: Harvest, *, after: int, not_in: str
) -> Iterator[tuple[int, Product | None]]:
    """Each product of a sheet once."""
    if sheet.columns.kind == "products":
        found = _catalogue(sheet, harvest, after=after, not_in=not_in)
    else:
        found = _mentioned(sheet, after=after, not_in=not_in)
    for position, product in found:
        harvest.counters["products"] += product is not None
        yield position, product


def _mentioned(sheet: Sheet, *, after: int, not_in: str) -> Iterator[tuple[int, Product | None]]:
    """Products as order lines name them; the first name, category and brand count."""
    selection = Selection.of(sheet, MENTIONED)
    get = {field: selection.getter(field) for field in MENTIONED}
    key = sheet.product_key
    where = f"NOT is_broken AND {key} IS NOT NULL{not_in}"
    ids = sheet.reader("sku")
    for position, id_, *cells in grouped(sheet, key, selection, after=after, where=where):
        row = tuple(cells)
        category, sku = get["category"](row), ids[get["sku"](row)]
        yield (
            position,
            Product(
                id=id_,
                title=get["product_name"](row) or sku or id_,
                sku=sku,
                product_type=product_type(category),
                category_path=split_path(category) if category else (),
                brand=get["brand"](row),
                gender_target=get["gender_target"](row),
                partial=True,
            ),
        )


def _catalogue(
    sheet: Sheet, harvest: Harvest, *, after: int, not_in: str
) -> Iterator[tuple[int, Product | None]]:
    """Products with variants: the first row of a product has its cells, each row is a variant."""
    key = sheet.catalogue_key
    selection = Selection.of(sheet, FIELDS, position="first", key=f"coalesce({key}, '')", row="row")
    read = _CatalogueReader(sheet, selection, harvest)
    rows = sheet.spool.stream(
        f"SELECT {selection.sql} FROM (SELECT *, min(row) OVER (PARTITION BY "  # noqa: S608 - built from positions
        f"coalesce({key}, '#' || row)) AS first FROM {sheet.table} WHERE cells IS NULL) "
        f"AS {sheet.table} WHERE first > ?{not_in} ORDER BY first, row",
        [after],
    )
    for position, group in groupby(rows, itemgetter(0)):
        yield position, read(list(group))


class _CatalogueReader:
    """The rows of one product to a record."""

    def __init__(self, sheet: Sheet, selection: Selection, harvest: Harvest) -> None:
        self.sheet, self.harvest = sheet, harvest
        self.read = {field: sheet.reader(field) for field in FIELDS}
        self.get = {field: selection.getter(field) for field in FIELDS}
        self.row = selection.getter("row")

    def soft(self, field: str, row: tuple[Any, ...]) -> Any:
        """A cell that is not needed."""
        return self.harvest.soft(self.read[field], self.get[field](row), self.row(row))

    def __call__(self, rows: Sequence[tuple[Any, ...]]) -> Product | None:
        first, id_ = rows[0], rows[0][1]
        title = self.soft("product_name", first)
        if not id_ or title is None:
            column = self.sheet.columns.name("product_id" if title else "product_name")
            self.harvest.reject_row(BadCell(column, "", "missing"), self.row(first))
            return None
        category = self.soft("category", first)
        # WooCommerce lists every category a product is in; the first is as good as any.
        path = (self.soft("category_path", first) or category or "").split(", ")[0]
        variants = self._variants(rows)
        return Product(
            id=id_,
            title=title,
            sku=self.soft("sku", first),
            product_type=product_type(category or path),
            category_path=split_path(path),
            brand=self.soft("brand", first),
            tags=split_tags(self.soft("tags", first)),
            gender_target=_GENDERS.get((self.soft("gender_target", first) or "").lower()),
            price=self.soft("price", first) or next((v.price for v in variants if v.price), None),
            currency=self.sheet.options.currency,
            status=self._status(first),
            url=self.soft("url", first),
            image_url=(self.soft("image_url", first) or "").split(", ")[0] or None,
            replacement_days=self.soft("replacement_days", first),
            variants=variants,
        )

    def _status(self, row: tuple[Any, ...]) -> str:
        published = self.soft("published", row)
        if published is not None:
            return "active" if published == "1" else "draft"
        return _STATUS.get((self.soft("status", row) or "active").lower(), "active")

    def _variants(self, rows: Sequence[tuple[Any, ...]]) -> tuple[Variant, ...]:
        found: dict[str, Variant] = {}
        names: dict[int, str] = {}
        for ordinal, row in enumerate(rows, 1):
            options = self._options(row, names)
            sku = self.soft("sku", row)
            # A row without either only adds a picture.
            if sku is None and not options:
                continue
            id_ = sku or " / ".join(options.values()) or str(ordinal)
            stock = self.soft("stock", row)
            variant = Variant(
                id=id_,
                sku=sku,
                title=" / ".join(options.values()) or None,
                colour=self.soft("colour", row) or _among(options, _COLOURS),
                size=self.soft("size", row) or _among(options, _SIZES),
                price=self.soft("price", row),
                inventory_quantity=None if stock is None else int(stock),
            )
            found.setdefault(id_, variant)
        return tuple(found.values())

    def _options(self, row: tuple[Any, ...], names: dict[int, str]) -> dict[str, str]:
        """Option name to value; the names stand on a product's first row only."""
        options = {}
        for number in (1, 2, 3):
            names[number] = self.soft(f"option{number}_name", row) or names.get(number, "")
            value = self.soft(f"option{number}_value", row)
            if value is not None and value != "Default Title":
                options[names[number].lower() or str(number)] = value
        return options


def _among(options: dict[str, str], names: frozenset[str]) -> str | None:
    return next((value for name, value in options.items() if name in names), None)
