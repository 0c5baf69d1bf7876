"""Every sentence about a file that a merchant reads, in English and Dutch."""

from __future__ import annotations

TEXTS: dict[str, tuple[str, str]] = {
    "amount": (
        "not an amount; expected something like {example}",
        "geen bedrag; verwacht wordt iets als {example}",
    ),
    "amount_damaged": (
        "the amount is damaged (scientific notation); export the column as a number again",
        "het bedrag is beschadigd (zoals 1,2E+5); exporteer de kolom opnieuw als getal",
    ),
    "date": (
        "not a date; expected {expected}",
        "geen datum; verwacht wordt {expected}",
    ),
    "future": (
        "a date in the future",
        "een datum in de toekomst",
    ),
    "boolean": (
        "neither yes nor no; expected ja/nee, yes/no, true/false or 1/0",
        "geen ja of nee; verwacht wordt ja/nee, waar/onwaar, true/false of 1/0",
    ),
    "email": (
        "not an e-mail address that can exist",
        "geen e-mailadres dat kan bestaan",
    ),
    "email_placeholder": (
        "a placeholder, not someone's address; left out",
        "een invuladres, niet van een persoon; weggelaten",
    ),
    "phone": (
        "not a telephone number of {region}; expected for example {example}",
        "geen telefoonnummer van {region}; verwacht wordt bijvoorbeeld {example}",
    ),
    "gender": (
        "not understood; expected m, v/f, x, man, vrouw, dhr or mevr",
        "niet begrepen; verwacht wordt m, v, x, man, vrouw, dhr of mevr",
    ),
    "consent_state": (
        "not a known subscription status; expected subscribed, unsubscribed or unknown",
        "geen bekende inschrijfstatus; verwacht wordt subscribed, unsubscribed of unknown",
    ),
    "missing": ("empty, but needed", "leeg, maar nodig"),
    "no_identity": (
        "no customer number, card number or usable e-mail address in this row",
        "geen klantnummer, pasnummer of bruikbaar e-mailadres in deze rij",
    ),
    "ragged": (
        "the row has {cells} cells where the header has {expected}; "
        "is a delimiter or a quote missing?",
        "de rij heeft {cells} cellen en de kop {expected}; "
        "ontbreekt er een scheidingsteken of aanhalingsteken?",
    ),
    "known_number": (
        "the number {number} is known already, of another day and another customer; is this "
        "another till? Read its file under a name of its own (--source NAME)",
        "het nummer {number} is al bekend, van een andere dag en een andere klant; is dit een "
        "andere kassa? Lees het bestand onder een eigen naam (--source NAAM)",
    ),
    "mixed_systems": (
        "These files are of several systems: {found}. A number of one may be someone else in "
        "another: read them one after the other, or under one name (--source NAME) if their "
        "numbers mean the same.",
        "Deze bestanden zijn van verschillende systemen: {found}. Een nummer van het ene kan in "
        "het andere iemand anders zijn: lees ze na elkaar, of onder een gezamenlijke naam "
        "(--source NAAM) als hun nummers hetzelfde betekenen.",
    ),
    "damaged_column": (
        "numbers like {shown} have lost their digits in a spreadsheet; "
        "the whole column is left out: export it again as text",
        "nummers als {shown} zijn hun cijfers kwijtgeraakt in een spreadsheet; "
        "de hele kolom is weggelaten: exporteer hem opnieuw als tekst",
    ),
    "currency": (
        "not a currency code; expected three letters such as EUR",
        "geen valutacode; verwacht worden drie letters zoals EUR",
    ),
    "days": (
        "not a number of days; expected a whole number above zero",
        "geen aantal dagen; verwacht wordt een heel getal boven nul",
    ),
    "no_file": (
        "The file {name} does not exist or cannot be opened. Check the name and try again.",
        "Het bestand {name} bestaat niet of kan niet worden geopend. Controleer de naam.",
    ),
    "empty_file": (
        "{name} holds no rows below a header. Export it again with the column names on top.",
        "{name} bevat geen rijen onder een kop. Exporteer opnieuw, met de kolomnamen bovenaan.",
    ),
    "not_text": (
        "{name} is neither text (CSV), nor a spreadsheet (XLSX), nor a zip of those. "
        "Save it as CSV or XLSX and try again.",
        "{name} is geen tekst (CSV), geen spreadsheet (XLSX) en geen zip daarvan. "
        "Bewaar het als CSV of XLSX en probeer opnieuw.",
    ),
    "damaged_file": (
        "{name} is damaged or protected with a password ({detail}). Export it again.",
        "{name} is beschadigd of met een wachtwoord beveiligd ({detail}). Exporteer het opnieuw.",
    ),
    "too_large": (
        "{name} would unpack to more than {limit} MB. Split the export by period.",
        "{name} wordt uitgepakt groter dan {limit} MB. Splits de export per periode.",
    ),
    "old_excel": (
        "{name} is an old Excel file (.xls) or protected with a password. "
        "Save it as XLSX or CSV without a password and try again.",
        "{name} is een oud Excelbestand (.xls) of met een wachtwoord beveiligd. "
        "Bewaar het als XLSX of CSV zonder wachtwoord en probeer opnieuw.",
    ),
    "too_wide": (
        "{name} spans more than {limit} million cells from its first to its last. Remove what "
        "stands far below or beside the table, or save it as CSV.",
        "{name} beslaat van de eerste tot de laatste cel meer dan {limit} miljoen cellen. "
        "Verwijder wat ver onder of naast de tabel staat, of bewaar het als CSV.",
    ),
    "not_recognised": (
        "{name} was not recognised: for {kind} we need {missing}. "
        "Columns found: {found}. Say what they are with COLUMN=FIELD.",
        "{name} is niet herkend: voor {kind} is nodig {missing}. "
        "Gevonden kolommen: {found}. Geef met KOLOM=VELD aan wat ze zijn.",
    ),
    "unknown_kind": (
        "{name} was not recognised as customers, products, orders or consent. "
        "Columns found: {found}. Say what they are with COLUMN=FIELD.",
        "{name} is niet herkend als klanten, producten, bestellingen of toestemming. "
        "Gevonden kolommen: {found}. Geef met KOLOM=VELD aan wat ze zijn.",
    ),
    "no_such_column": (
        "No column {column} in the file(s). Columns found: {found}.",
        "Geen kolom {column} in de bestanden. Gevonden kolommen: {found}.",
    ),
    "no_such_field": (
        "{field} is not a field of ours. Choose one of: {known}.",
        "{field} is geen veld van ons. Kies uit: {known}.",
    ),
    "unknown_zone": (
        "{zone} is not a time zone. Use a name such as Europe/Amsterdam.",
        "{zone} is geen tijdzone. Gebruik een naam als Europe/Amsterdam.",
    ),
    "double_encoded": (
        "{name}: letters with accents look encoded twice (Ã« where ë is meant). "
        "Names are kept as they are; export the file again as UTF-8.",
        "{name}: letters met accenten lijken dubbel gecodeerd (Ã« waar ë bedoeld is). "
        "Namen blijven zoals ze zijn; exporteer het bestand opnieuw als UTF-8.",
    ),
    "unread": (
        "{name}: not read: {found}.",
        "{name}: niet gelezen: {found}.",
    ),
    "no_product_names": (
        "{name}: no order line has a product name, so nobody can be due for anything. Say which "
        "column it is with COLUMN=product_name.",
        "{name}: geen enkele orderregel heeft een productnaam, dus niemand kan ergens aan toe "
        "zijn. Geef met KOLOM=product_name aan welke kolom het is.",
    ),
    "stream_absent": (
        "the file(s) hold nothing of this kind",
        "de bestanden bevatten niets van deze soort",
    ),
}

#: What a date may look like, for the "date" text.
DATE_EXAMPLES: dict[str | None, str] = {
    "dmy": "31-12-2026",
    "mdy": "12/31/2026",
    "ymd": "2026-12-31",
    None: "2026-12-31",
}


def say(language: str, key: str, **values: object) -> str:
    """The text named `key`; English unless `language` is "nl".

    >>> say("nl", "missing")
    'leeg, maar nodig'
    """
    return TEXTS[key][language == "nl"].format(**values)
