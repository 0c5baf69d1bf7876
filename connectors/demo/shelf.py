"""What hangs in the shop, in words: titles, article numbers and variants for one source."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from connectors.demo.catalogue import NEVER, SIZE_COUNT
from connectors.demo.needs import NEEDS, SIZES
from connectors.demo.orders import WEB
from connectors.demo.words import BRANDS, COLOURS, CUTS, DEPARTMENTS, LINES
from connectors.demo.world import BEFORE, World
from connectors.records import Product, Variant

_GENDERS = ("men", "women", "unisex")
SITE = "https://reference.stipt-demo.shop"
#: In the catalogue, but no clothes: English and Dutch title, product type, price in cents.
ODD = (
    (("Gift card", "Cadeaubon"), ("Gift cards", "Cadeaubonnen"), 2500),
    (("Alterations", "Vermaakservice"), ("Services", "Diensten"), 1950),
    (("TEST product, do not sell", "TEST product, niet verkopen"), ("", ""), 100),
)  # fmt: skip


@cache
def money(cents: int) -> Decimal:
    """Return cents as euros.

    Examples
    --------
    >>> money(-6995)
    Decimal('-69.95')
    """
    return Decimal(cents).scaleb(-2)


@dataclass(frozen=True)
class Article:
    """One product as lines need it; `None` where the shop forgot to fill it in."""

    id: str
    title: str
    sku: str
    product_type: str | None
    category_path: tuple[str, ...]
    brand: str
    gender_target: str | None
    #: By place among the product's colours, and by place in the size run.
    colours: tuple[str, ...]
    sizes: tuple[str, ...]

    def variant(self, colour: int, size: int) -> str:
        """Return the variant's id."""
        return f"{self.id}-{colour}{size:02d}"

    def variant_sku(self, colour: int, size: int) -> str:
        """Return the variant's article number."""
        return f"{self.sku}-{colour}{size:02d}"


def articles(world: World, source: int, language: int) -> list[Article]:
    """Return every product of the catalogue; `language` is 0 for English, 1 for Dutch."""
    goods = world.catalogue
    columns = zip(
        goods.need.tolist(),
        goods.department.tolist(),
        goods.brand.tolist(),
        goods.cut.tolist(),
        goods.colours.tolist(),
        goods.colour_count.tolist(),
        goods.unlabelled.tolist(),
        strict=True,
    )
    found = []
    for i, (need, department, brand, cut, colours, colour_count, unlabelled) in enumerate(columns):
        one = NEEDS[need]
        shown = tuple(COLOURS[c][language] for c in colours[:colour_count])
        words = [CUTS[one.style][cut][language], one.noun[language]]
        # Dutch shops write the noun first, which spares the adjective its ending.
        words = words[::-1] if language else words
        title = " ".join([BRANDS[brand], LINES[i % len(LINES)], *words])
        kind = one.product_type[language]
        path = (DEPARTMENTS[department][language], kind)
        found.append(
            Article(
                id=str(7_000_000 + i * 37 if source == WEB else 31_000 + i * 11),
                title=title,
                sku=f"{one.key[:3].upper()}{i:04d}" if source == WEB else f"2{i:05d}",
                product_type=None if unlabelled else kind,
                category_path=() if unlabelled else path,
                brand=BRANDS[brand],
                gender_target=None if unlabelled else _GENDERS[department],
                colours=shown,
                sizes=SIZES[one.sizes],
            )
        )
    return found


def product(world: World, article: Article, i: int, source: int) -> Product:
    """Return product `i` as a record."""
    goods = world.catalogue
    price = money(int(goods.price[i]))
    archived = int(goods.retired[i]) < NEVER
    created = world.moment(int(goods.launched[i]), 6 * 3600)
    variants = tuple(
        Variant(
            id=article.variant(colour, size),
            sku=article.variant_sku(colour, size),
            title=f"{article.colours[colour]} / {article.sizes[size]}",
            colour=article.colours[colour],
            size=article.sizes[size],
            price=price,
            # One variant in seven is sold out.
            inventory_quantity=0 if archived else (i * 31 + colour * 17 + size * 5) % 7 * 3,
        )
        for colour in range(len(article.colours))
        for size in range(int(SIZE_COUNT[goods.need[i]]))
    )
    web = source == WEB
    return Product(
        id=article.id,
        title=article.title,
        sku=article.sku,
        product_type=article.product_type,
        category_path=article.category_path,
        brand=article.brand,
        tags=("basics",) if web and int(goods.launched[i]) <= -700 else (),
        gender_target=article.gender_target,
        price=price,
        currency="EUR",
        status="archived" if archived else "active",
        url=f"{SITE}/products/{article.sku.lower()}" if web else None,
        image_url=f"{SITE}/images/{article.sku.lower()}.jpg" if web else None,
        variants=variants,
        created_at=created,
        source_updated_at=created,
    )


def odd_product(world: World, i: int, language: int) -> Product:
    """Return one of the products that are no clothes."""
    title, kind, price = ODD[i]
    created = world.moment(i - BEFORE, 6 * 3600)
    return Product(
        id=str(6_000_000 + i),
        title=title[language],
        product_type=kind[language] or None,
        price=money(price),
        currency="EUR",
        status="draft" if not kind[language] else "active",
        url=f"{SITE}/products/{6_000_000 + i}",
        created_at=created,
        source_updated_at=created,
    )
