"""The needs of the sample shop's customers: what is worn, by whom, and how long until the next.

The lives are the truth of the generated shop. They are invented, plausible and nobody's figures.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Departments; a person's taste is one of the first two or both, a product is one of the three.
MEN, WOMEN, UNISEX = 0, 1, 2

#: Styles; a person without a marked style is MIXED, so is a product that suits either.
BUSINESS, CASUAL, MIXED = 0, 1, 2

#: Size runs; a person wears the same place of each run that he or she has.
SIZES: dict[str, tuple[str, ...]] = {
    "letters": ("XS", "S", "M", "L", "XL", "XXL"),
    "suit": ("44", "46", "48", "50", "52", "54", "56", "58"),
    "collar": ("37", "38", "39", "40", "41", "42", "43", "44"),
    "waist": ("W28", "W30", "W31", "W32", "W33", "W34", "W36", "W38"),
    "dress": ("34", "36", "38", "40", "42", "44", "46"),
    "shoe": ("36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46"),
    "belt": ("80", "85", "90", "95", "100", "105"),
    "one": ("One size",),
}


@dataclass(frozen=True, slots=True)
class Need:
    """One need: what is bought again after a while, whichever product fills it."""

    #: Lower-case English plural: the name of the need in the truth.
    key: str
    #: Product type in English and Dutch, as the shop writes it.
    product_type: tuple[str, str]
    #: The singular, as titles have it.
    noun: tuple[str, str]
    #: Median days between two purchases of one person who stays a customer.
    life_days: int
    departments: tuple[int, ...]
    style: int
    #: How many people have this need here, relative to the others.
    weight: float
    #: Usual price in euros.
    price: int
    sizes: str
    #: Mean of the further lines bought on the same day, beside the first.
    further: float = 0.0
    #: How often it is given, relative to the others.
    gift: float = 0.0


_M, _W, _B, _U = (MEN,), (WOMEN,), (MEN, WOMEN), (UNISEX,)
_BUS, _CAS, _MIX = BUSINESS, CASUAL, MIXED

NEEDS: tuple[Need, ...] = (
    Need("suits", ("Suits", "Pakken"), ("suit", "pak"), 730, _M, _BUS, 5.0, 399, "suit"),
    Need("blazers", ("Blazers", "Colberts"), ("blazer", "colbert"), 620, _B, _BUS, 3, 199, "suit"),
    Need("shirts", ("Shirts", "Overhemden"), ("shirt", "overhemd"), 270, _M, _BUS, 5, 69, "collar",
         0.7, 0.3),
    Need("polos", ("Polos", "Polo's"), ("polo", "polo"), 400, _M, _CAS, 3, 55, "letters", 0.4),
    Need("t-shirts", ("T-shirts", "T-shirts"), ("T-shirt", "T-shirt"), 210, _B, _CAS, 4, 25,
         "letters", 1.0, 0.3),
    Need("sweaters", ("Jumpers", "Truien"), ("jumper", "trui"), 360, _B, _CAS, 3.5, 79, "letters",
         0.2, 1.5),
    Need("coats", ("Coats", "Jassen"), ("coat", "jas"), 940, _B, _MIX, 4, 189, "letters"),
    Need("chinos", ("Chinos", "Chino's"), ("chino", "chino"), 430, _M, _MIX, 3, 79, "waist", 0.2),
    Need("jeans", ("Jeans", "Jeans"), ("jeans", "jeans"), 460, _B, _CAS, 4, 89, "waist", 0.2),
    Need("trousers", ("Trousers", "Pantalons"), ("trousers", "pantalon"), 500, _B, _BUS, 3, 89,
         "dress", 0.2),
    Need("dresses", ("Dresses", "Jurken"), ("dress", "jurk"), 300, _W, _MIX, 5, 95, "dress", 0.3),
    Need("skirts", ("Skirts", "Rokken"), ("skirt", "rok"), 440, _W, _MIX, 3, 65, "dress", 0.2),
    Need("blouses", ("Blouses", "Blouses"), ("blouse", "blouse"), 280, _W, _BUS, 5, 65, "dress",
         0.4),
    Need("tops", ("Tops", "Tops"), ("top", "top"), 230, _W, _CAS, 4, 29, "letters", 0.7),
    Need("leggings", ("Leggings", "Leggings"), ("leggings", "legging"), 340, _W, _CAS, 2, 25,
         "letters", 0.4),
    Need("underwear", ("Underwear", "Ondergoed"), ("boxer shorts", "boxershort"), 290, _M, _MIX, 3,
         19, "letters", 1.0, 0.2),
    Need("socks", ("Socks", "Sokken"), ("socks", "sokken"), 250, _B, _MIX, 3, 9, "shoe", 1.0, 1.2),
    Need("tights", ("Tights", "Panty's"), ("tights", "panty"), 190, _W, _MIX, 2.5, 14, "letters",
         0.8),
    Need("shoes", ("Shoes", "Schoenen"), ("shoes", "schoenen"), 540, _B, _BUS, 4, 139, "shoe"),
    Need("sneakers", ("Sneakers", "Sneakers"), ("sneakers", "sneakers"), 390, _B, _CAS, 4, 99,
         "shoe"),
    Need("boots", ("Boots", "Laarzen"), ("boots", "laarzen"), 760, _B, _MIX, 2.5, 149, "shoe"),
    Need("belts", ("Belts", "Riemen"), ("belt", "riem"), 850, _B, _MIX, 1.5, 45, "belt", 0.0, 0.6),
    Need("ties", ("Ties", "Stropdassen"), ("tie", "stropdas"), 590, _M, _BUS, 1.5, 35, "one", 0.4,
         1.2),
    Need("scarves", ("Scarves", "Sjaals"), ("scarf", "sjaal"), 700, _U, _MIX, 1.5, 39, "one", 0.0,
         2.0),
    Need("bags", ("Bags", "Tassen"), ("bag", "tas"), 800, _U, _MIX, 1.5, 119, "one", 0.0, 1.2),
    Need("nightwear", ("Pyjamas", "Pyjama's"), ("pyjamas", "pyjama"), 560, _B, _MIX, 2, 49,
         "letters", 0.1, 1.5),
    Need("sportswear", ("Sportswear", "Sportkleding"), ("sports jersey", "sportshirt"), 320, _B,
         _CAS, 2.5, 45, "letters", 0.5),
)  # fmt: skip
