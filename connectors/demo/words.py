"""Words for the sample shop: names of people and places, colours, brands, cuts. All invented."""

from __future__ import annotations

#: English, Dutch.
COLOURS: tuple[tuple[str, str], ...] = (
    ("Navy", "Donkerblauw"), ("Black", "Zwart"), ("White", "Wit"), ("Grey", "Grijs"),
    ("Blue", "Blauw"), ("Light blue", "Lichtblauw"), ("Green", "Groen"), ("Olive", "Olijfgroen"),
    ("Red", "Rood"), ("Burgundy", "Bordeauxrood"), ("Beige", "Beige"), ("Camel", "Camel"),
    ("Brown", "Bruin"), ("Pink", "Roze"), ("Ecru", "Ecru"), ("Yellow", "Geel"),
)  # fmt: skip

#: What stands before the noun in a title, by style: business, casual, either.
CUTS: tuple[tuple[tuple[str, str], ...], ...] = (
    (("tailored", "getailleerd"), ("formal", "formeel"), ("office", "kantoor"),
     ("fine", "fijn"), ("evening", "avond"), ("elegant", "elegant")),
    (("relaxed", "wijd"), ("organic", "bio"), ("washed", "gewassen"),
     ("printed", "bedrukt"), ("weekend", "weekend"), ("striped", "gestreept")),
    (("classic", "klassiek"), ("soft", "zacht"), ("light", "licht"), ("everyday", "elke dag"),
     ("warm", "warm"), ("travel", "reis")),
)  # fmt: skip

LINES: tuple[str, ...] = (
    "Amstel", "Dordt", "Elburg", "Fivel", "Geul", "Hilde", "Isala", "Jorn", "Kim", "Linge",
    "Maren", "Nora", "Oker", "Pelle", "Rosa", "Sanne", "Tess", "Urk", "Vecht", "Wende", "Yara",
    "Zwin", "Aske", "Berkel", "Dinkel", "Eem", "Gouwe", "Hunze", "Lauwers", "Merwe",
)  # fmt: skip

BRANDS: tuple[str, ...] = (
    "Noordkade", "Van Aalsum", "Brixmoor & Zn", "Lotte Lind", "Dubbel Stik", "Hartwell Row",
    "Oostenwind", "Maison Merel", "Kaap Blauw", "Tweed & Turf", "Zilte", "Stipt Basics",
)  # fmt: skip

DEPARTMENTS: tuple[tuple[str, str], ...] = (
    ("Men", "Heren"), ("Women", "Dames"), ("Accessories", "Accessoires"),
)  # fmt: skip

#: By department.
FIRST_NAMES: tuple[tuple[str, ...], ...] = (
    ("Jan", "Pieter", "Thijs", "Daan", "Sem", "Bram", "Lucas", "Ruben", "Joris", "Mees", "Koen",
     "Willem", "Hugo", "Gijs", "Teun", "James", "Oliver", "Harry", "George", "Jack", "Thomas",
     "Henry", "Samuel", "Mohammed", "Youssef", "Emre", "Sander", "Wouter", "Maarten", "Rik",
     "Peter", "Simon"),
    ("Anna", "Emma", "Sophie", "Julia", "Lisa", "Eva", "Sara", "Lotte", "Femke", "Marieke", "Inge",
     "Noor", "Fleur", "Roos", "Isa", "Olivia", "Amelia", "Grace", "Emily", "Charlotte", "Alice",
     "Lucy", "Hannah", "Fatima", "Aylin", "Yasmina", "Sanne", "Maud", "Hilde", "Karin", "Petra",
     "Zoë"),
)  # fmt: skip

#: Middle name ("tussenvoegsel") and last name.
LAST_NAMES: tuple[tuple[str, str], ...] = (
    ("de", "Vries"), ("van den", "Berg"), ("van", "Dijk"), ("", "Bakker"), ("", "Janssen"),
    ("", "Visser"), ("", "Smit"), ("", "Meijer"), ("de", "Boer"), ("", "Mulder"), ("de", "Groot"),
    ("", "Bos"), ("", "Vos"), ("", "Peters"), ("", "Hendriks"), ("van", "Leeuwen"), ("", "Dekker"),
    ("", "Brouwer"), ("de", "Wit"), ("", "Dijkstra"), ("", "Smits"), ("de", "Graaf"),
    ("van der", "Meer"), ("van der", "Linden"), ("", "Kok"), ("", "Jacobs"), ("", "Vermeulen"),
    ("van den", "Heuvel"), ("", "Schouten"), ("", "Willems"), ("", "Hoekstra"), ("", "Koster"),
    ("", "Smith"), ("", "Jones"), ("", "Taylor"), ("", "Brown"), ("", "Evans"), ("", "Walker"),
    ("", "Wright"), ("", "Green"), ("", "O'Connor"), ("", "Yılmaz"), ("", "El Amrani"),
    ("", "Nguyen"), ("", "Kowalski"), ("", "Müller"), ("", "Claes"), ("", "Peeters"),
)  # fmt: skip

#: City, first two figures of its postcodes, country.
CITIES: tuple[tuple[str, int, str], ...] = (
    ("Amsterdam", 10, "NL"), ("Utrecht", 35, "NL"), ("Rotterdam", 30, "NL"), ("Haarlem", 20, "NL"),
    ("Den Haag", 25, "NL"), ("Groningen", 97, "NL"), ("Zwolle", 80, "NL"), ("Arnhem", 68, "NL"),
    ("Eindhoven", 56, "NL"), ("Breda", 48, "NL"), ("Maastricht", 62, "NL"), ("Leiden", 23, "NL"),
    ("Antwerpen", 20, "BE"), ("Gent", 90, "BE"),
)  # fmt: skip

STORES: tuple[str, ...] = ("Utrecht", "Haarlem", "Zwolle")

COMPANIES: tuple[tuple[str, ...], tuple[str, ...]] = (
    ("Hotel", "Restaurant", "Herenmode", "Bedrijfskleding", "Modehuis", "Event", "Advies"),
    ("De Linde", "Zuiderzee", "Van Loon", "Het Anker", "De Brug", "Kroon", "Oranje", "Westhaven",
     "Parkzicht", "De Wilg"),
)  # fmt: skip
