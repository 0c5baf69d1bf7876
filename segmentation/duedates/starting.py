"""What we assume before a shop's own orders say more: types of goods, their names and lives.

`life` is the usual time in days between two purchases of the type by one person, not how long one
piece holds: who owns twelve T-shirts that last four years buys one about every four months. Where
a life of one piece is published, it is divided by how many are owned at a time. How many that are
nobody knows before a shop's own purchases tell, so such a life gives way to them sooner.
Everything else is an assumption, and every text that uses it says so.

Sources: WRAP, Citizen Insights: Clothing Longevity (2022), United Kingdom, 44,807 garments;
Fair Claims Guide for Consumer Textile Products, quoted by the Drycleaning & Laundry Institute.
"""

from __future__ import annotations

from dataclasses import dataclass

ASSUMPTION = "assumption"
_WRAP = "WRAP 2022"
_FAIR = "Fair Claims Guide"


@dataclass(frozen=True, kw_only=True, slots=True)
class StartingNeed:
    """One row of the starting table."""

    key: str
    #: English singular, English plural, Dutch singular, Dutch plural; lower case.
    names: tuple[str, str, str, str]
    #: Median days between two purchases of one person.
    life: int
    #: Days that one piece holds, for goods owned in several pieces; None for others.
    lasts: int | None
    #: Standard deviation of the logarithm of those days.
    spread: float
    #: Where `life` comes from; `ASSUMPTION` when nobody published it.
    source: str
    #: "business", "casual" or "" for goods that say nothing about style.
    style: str
    #: "men", "women" or "" for goods that both departments sell.
    department: str
    #: Further words and phrases, English and Dutch, that mean this need.
    words: tuple[str, ...]


@dataclass(frozen=True)
class _Pieces:
    """Days that one holds, and how many are owned at a time."""

    lasts: int
    owned: int


def _need(
    key: str,
    names: str,
    life: int | _Pieces,
    words: str = "",
    *,
    spread: float = 0.5,
    source: str = ASSUMPTION,
    style: str = "",
    department: str = "",
) -> StartingNeed:
    singular, plural, enkelvoud, meervoud = names.split("|")
    return StartingNeed(
        key=key,
        names=(singular, plural, enkelvoud, meervoud),
        life=round(life.lasts / life.owned) if isinstance(life, _Pieces) else life,
        lasts=life.lasts if isinstance(life, _Pieces) else None,
        spread=spread,
        source=source,
        style=style,
        department=department,
        words=tuple(word for word in words.split("|") if word),
    )


_YEAR = 365
NEEDS: tuple[StartingNeed, ...] = (
    # Clothing
    _need(
        "suits",
        "suit|suits|pak|pakken",
        2 * _YEAR,
        "kostuum|kostuums|herenpak|herenpakken|maatpak|trouwpak|tuxedo|smoking",
        style="business",
        spread=0.4,
    ),
    _need(
        "blazers",
        "blazer|blazers|colbert|colberts",
        2 * _YEAR,
        "sport coat|sports jacket|suit jacket|jasje|jasjes",
        style="business",
    ),
    _need(
        "waistcoats",
        "waistcoat|waistcoats|gilet|gilets",
        2 * _YEAR,
        "vest|vests",
        style="business",
        spread=0.6,
    ),
    _need(
        "shirts",
        "shirt|shirts|overhemd|overhemden",
        240,
        "dress shirt|button-down|oxford shirt|hemd|hemden",
        style="business",
    ),
    _need(
        "blouses",
        "blouse|blouses|blouse|blouses",
        240,
        "bloes|bloezen",
        style="business",
        department="women",
    ),
    _need(
        "ties",
        "tie|ties|stropdas|stropdassen",
        540,
        "necktie|bow tie|das|strik|vlinderdas",
        style="business",
        spread=0.7,
        department="men",
    ),
    _need(
        "t-shirts",
        "T-shirt|T-shirts|T-shirt|T-shirts",
        _Pieces(4 * _YEAR, 10),
        "t shirt|t shirts|tee|tees|tshirt|tshirts",
        style="casual",
        source=f"{_WRAP}: one lasts 4 years; about 10 owned (assumption)",
    ),
    _need(
        "tops",
        "top|tops|topje|topjes",
        180,
        "tank top|singlet|hemdje|hemdjes",
        style="casual",
        department="women",
    ),
    _need(
        "polos",
        "polo shirt|polo shirts|polo|polo's",
        300,
        "polos|poloshirt|poloshirts",
        style="casual",
    ),
    _need(
        "sweaters",
        "sweater|sweaters|trui|truien",
        _YEAR,
        "jumper|jumpers|pullover|pullovers|knitwear|knit|cardigan|cardigans|vestje|gebreid|turtleneck|coltrui",
        style="casual",
    ),
    _need(
        "hoodies",
        "hoodie|hoodies|hoodie|hoodies",
        _YEAR,
        "hooded sweatshirt|sweatshirt|sweatshirts|hoody",
        style="casual",
    ),
    _need(
        "jeans",
        "pair of jeans|jeans|spijkerbroek|spijkerbroeken",
        _Pieces(4 * _YEAR, 3),
        "jean|denim",
        style="casual",
        source=f"{_WRAP}: one lasts 4 years; about 3 owned (assumption)",
    ),
    _need("chinos", "pair of chinos|chinos|chino|chino's", 480, "chino", style="casual"),
    _need(
        "trousers",
        "pair of trousers|trousers|broek|broeken",
        480,
        "trouser|pants|slacks|pantalon|pantalons",
    ),
    _need(
        "shorts",
        "pair of shorts|shorts|korte broek|korte broeken",
        _YEAR,
        "bermuda|bermudas|short",
        style="casual",
    ),
    _need("skirts", "skirt|skirts|rok|rokken", 540, "rokje|rokjes", department="women"),
    _need(
        "dresses",
        "dress|dresses|jurk|jurken",
        _Pieces(1679, 4),
        "jurkje|jurkjes|gown|gowns",
        department="women",
        source=f"{_WRAP}: one lasts 4.6 years; about 4 owned (assumption)",
    ),
    _need(
        "coats",
        "coat|coats|jas|jassen",
        _Pieces(6 * _YEAR, 2),
        "overcoat|overcoats|trench coat|parka|parkas|mantel|mantels|raincoat",
        source=f"{_WRAP}: one lasts over 6 years; about 2 owned (assumption)",
    ),
    _need(
        "jackets",
        "jacket|jackets|jack|jacks",
        _Pieces(6 * _YEAR, 3),
        "bomber|bomber jacket|windbreaker|tussenjas|zomerjas|leren jas|bodywarmer",
        source=f"{_WRAP}: one lasts over 6 years; about 3 owned (assumption)",
    ),
    _need(
        "underwear",
        "piece of underwear|underwear|onderbroek|ondergoed",
        _Pieces(986, 3),
        "boxer|boxers|boxer shorts|boxershort|boxershorts|briefs|brief|trunks|slip|slips|knickers",
        source=f"{_WRAP}: one lasts 2.7 years; about 3 packs owned (assumption)",
    ),
    _need(
        "bras",
        "bra|bras|bh|bh's",
        _Pieces(949, 3),
        "beha|beha's|lingerie|bralette",
        department="women",
        source=f"{_WRAP}: one lasts 2.6 years; about 3 owned (assumption)",
    ),
    _need(
        "socks",
        "pair of socks|socks|sok|sokken",
        240,
        "sock",
    ),
    _need(
        "tights",
        "pair of tights|tights|panty|panty's",
        180,
        "stockings|hosiery|kousen|maillot|maillots",
        department="women",
    ),
    _need(
        "leggings",
        "pair of leggings|leggings|legging|leggings",
        365,
        style="casual",
        department="women",
    ),
    _need(
        "nightwear",
        "set of nightwear|nightwear|pyjama|pyjama's",
        540,
        "pajama|pajamas|pyjamas|nightdress|nachthemd|bathrobe|badjas|loungewear",
    ),
    _need(
        "swimwear",
        "piece of swimwear|swimwear|badmode-item|badmode",
        2 * _YEAR,
        "bikini|bikini's|bikinis|swimsuit|swim shorts|zwembroek|badpak|badpakken|zwempak",
    ),
    _need(
        "sportswear",
        "piece of sportswear|sportswear|sportkledingstuk|sportkleding",
        420,
        "jersey|training top|trainingsshirt|tracksuit|joggers|joggingbroek|trainingspak|activewear",
        style="casual",
    ),
    # Shoes and accessories
    _need(
        "shoes",
        "pair of shoes|shoes|paar schoenen|schoenen",
        420,
        "shoe|schoen|loafer|loafers|oxfords|brogues|brogue|derby|heels|heel|pumps|instappers|veterschoenen",
    ),
    _need(
        "sneakers",
        "pair of sneakers|sneakers|paar sneakers|sneakers",
        360,
        "sneaker|trainers|running shoes|hardloopschoenen|gympen",
        style="casual",
    ),
    _need(
        "boots",
        "pair of boots|boots|paar laarzen|laarzen",
        2 * _YEAR,
        "boot|laars|chelsea boots|enkellaarsjes|enkellaarzen",
    ),
    _need(
        "sandals",
        "pair of sandals|sandals|paar sandalen|sandalen",
        540,
        "sandal|sandaal|slippers|slipper|flip flops|teenslippers",
        style="casual",
    ),
    _need(
        "bags",
        "bag|bags|tas|tassen",
        540,
        "handbag|handbags|handtas|handtassen|backpack|rugzak|briefcase|aktetas|tote|shopper|weekender",
    ),
    _need("belts", "belt|belts|riem|riemen", 2 * _YEAR, "ceintuur|ceintuurs"),
    _need("scarves", "scarf|scarves|sjaal|sjaals", 2 * _YEAR, "shawl|shawls", spread=0.7),
    _need(
        "hats",
        "hat|hats|muts|mutsen",
        2 * _YEAR,
        "cap|caps|pet|petten|beanie|beanies|hoed|hoeden",
        style="casual",
        spread=0.7,
    ),
    _need(
        "gloves",
        "pair of gloves|gloves|paar handschoenen|handschoenen",
        2 * _YEAR,
        "glove|handschoen|wanten",
        spread=0.7,
    ),
    _need(
        "jewellery",
        "piece of jewellery|jewellery|sieraad|sieraden",
        _YEAR,
        "jewelry|necklace|necklaces|bracelet|bracelets|earrings|ring|ketting|armband|oorbellen|cufflinks|manchetknopen",
        spread=0.9,
    ),
    # Home textile
    _need(
        "bedding",
        "set of bedding|bedding|dekbedovertrek|beddengoed",
        2 * _YEAR,
        "sheet|sheets|duvet cover|pillow case|hoeslaken|hoeslakens|sloop|slopen|dekbedovertrekken",
        source=f"{_FAIR}: sheets and pillow cases 2 years",
    ),
    _need(
        "towels",
        "towel|towels|handdoek|handdoeken",
        _Pieces(3 * _YEAR, 2),
        "badhanddoek|theedoek|theedoeken|tea towel",
        source=f"{_FAIR}: one lasts 3 years; about 2 sets owned (assumption)",
    ),
    _need(
        "duvets",
        "duvet|duvets|dekbed|dekbedden",
        5 * _YEAR,
        "comforter|comforters|pillow|pillows|kussen|kussens",
        source=f"{_FAIR}: comforters 5 years",
        spread=0.4,
    ),
    _need(
        "curtains",
        "pair of curtains|curtains|gordijn|gordijnen",
        4 * _YEAR,
        "curtain|drapes",
        source=f"{_FAIR}: 3 to 5 years",
        spread=0.4,
    ),
    _need(
        "mattresses",
        "mattress|mattresses|matras|matrassen",
        9 * _YEAR,
        "topper|topmatras",
        spread=0.3,
    ),
    # Things that run out
    _need(
        "coffee",
        "pack of coffee|coffee|pak koffie|koffie",
        30,
        "espresso|koffiebonen|coffee beans",
        spread=0.6,
    ),
    _need("tea", "pack of tea|tea|pak thee|thee", 60, "theezakjes|tea bags", spread=0.7),
    _need(
        "wine",
        "bottle of wine|wine|fles wijn|wijn",
        45,
        "wines|wijnen|champagne|prosecco",
        spread=0.8,
    ),
    _need(
        "skincare",
        "skincare product|skincare|huidverzorgingsproduct|huidverzorging",
        75,
        "cream|crème|serum|moisturiser|moisturizer|cleanser|dagcreme|nachtcreme|lotion",
        spread=0.6,
    ),
    _need(
        "shampoo",
        "bottle of shampoo|shampoo|fles shampoo|shampoo",
        75,
        "conditioner|haircare|haarverzorging",
        spread=0.6,
    ),
    _need(
        "perfume",
        "bottle of perfume|perfume|parfum|parfums",
        270,
        "eau de toilette|eau de parfum|fragrance|aftershave",
        spread=0.6,
    ),
    _need(
        "supplements",
        "supplement|supplements|supplement|supplementen",
        45,
        "vitamins|vitamin|vitamines|vitamine|protein|proteine",
        spread=0.6,
    ),
    _need(
        "pet-food",
        "bag of pet food|pet food|zak diervoer|diervoer",
        35,
        "dog food|cat food|hondenvoer|kattenvoer|hondenbrokken|kattenbrokken",
        spread=0.6,
    ),
    _need(
        "contact-lenses",
        "box of contact lenses|contact lenses|doos contactlenzen|contactlenzen",
        90,
        "contact lens|lenzen",
        spread=0.5,
    ),
    _need(
        "candles",
        "candle|candles|kaars|kaarsen",
        120,
        "tealight|tealights|waxinelichtjes|geurkaars|geurkaarsen",
        spread=0.8,
    ),
)

#: Words of lines that are no goods: they start no clock and say nothing about taste.
NOT_GOODS: tuple[str, ...] = (
    "shipping", "postage", "delivery", "carriage", "verzendkosten", "verzending", "bezorgkosten",
    "gift card", "gift cards", "giftcard", "voucher", "vouchers", "cadeaubon", "cadeaubonnen",
    "cadeaukaart", "cadeaukaarten", "tegoedbon", "gift wrap", "gift wrapping", "cadeauverpakking",
    "discount", "korting", "bank charges", "adjust", "adjustment", "service fee", "statiegeld",
    "donation", "donatie", "fooi", "manual", "dotcom postage", "amazon fee", "samples",
)  # fmt: skip

#: Types and categories that name a department or a shelf, not a thing somebody needs.
TOO_GENERAL: tuple[str, ...] = (
    "clothing", "clothes", "apparel", "fashion", "kleding", "mode", "men", "mens", "man",
    "women", "womens", "woman", "ladies", "heren", "dames", "herenkleding", "dameskleding",
    "menswear", "womenswear", "kids", "kinderen", "unisex", "accessories", "accessoires",
    "sale", "new", "nieuw", "outlet", "home", "wonen", "all", "alles", "products", "producten",
    "product", "other", "overig", "overige", "diversen", "misc", "miscellaneous", "default",
    "general", "algemeen", "uncategorized", "collection", "collectie", "shop", "gift", "gifts",
    "cadeau", "cadeaus", "simple", "variable", "root", "default category", "business", "casual",
    "formal", "zakelijk", "footwear", "schoeisel", "tops and shirts",
)  # fmt: skip

#: Words that lift a product of any type into a style.
BUSINESS_WORDS: tuple[str, ...] = (
    "business", "formal", "office", "dress shirt", "zakelijk", "kantoor", "formeel", "oxford",
    "brogue", "brogues", "derby", "loafer", "loafers", "pumps", "veterschoen", "veterschoenen",
    "pantalon", "pantalons", "slacks", "pencil skirt", "kokerrok", "sheath", "aktetas", "briefcase",
    "tailored", "pinstripe", "krijtstreep", "cufflinks", "manchetknopen", "non-iron", "strijkvrij",
    "overcoat", "trench coat", "trenchcoat",
)  # fmt: skip
CASUAL_WORDS: tuple[str, ...] = (
    "casual", "weekend", "denim", "sport", "sporty", "hooded", "hoodie", "jogger", "relaxed",
    "vrijetijd", "sportief", "streetwear", "cargo", "flannel", "flanel", "graphic", "print tee",
    "sneaker", "sneakers", "bomber", "parka", "puffer", "beach", "strand", "backpack", "rugzak",
    "sweatpants", "joggingbroek", "leisure", "festival",
)  # fmt: skip

MEN_WORDS: tuple[str, ...] = (
    "men", "mens", "men's", "man", "male", "menswear", "heren", "man's", "herenmode",
    "herenkleding", "gentlemen", "mannen", "herenpak", "herenschoenen",
)  # fmt: skip
WOMEN_WORDS: tuple[str, ...] = (
    "women", "womens", "women's", "woman", "female", "womenswear", "ladies", "lady", "dames",
    "damesmode", "dameskleding", "vrouwen", "damesschoenen",
)  # fmt: skip
