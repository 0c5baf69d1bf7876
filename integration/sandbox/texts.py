"""Every text of the sandbox's pages, English and Dutch."""

from __future__ import annotations

LANGUAGES = ("en", "nl")

#: (English, Dutch) by name.
TEXTS: dict[str, tuple[str, str]] = {
    "banner": (
        "Sandbox – not Mailchimp, nothing leaves this computer",
        "Zandbak – niet Mailchimp, niets verlaat deze computer",
    ),
    "audiences": ("Audiences", "Doelgroepen"),
    "members": ("Members", "Leden"),
    "member": ("Member", "Lid"),
    "tags": ("Tags", "Tags"),
    "fields": ("Fields", "Velden"),
    "requests": ("Requests", "Verzoeken"),
    "webhooks": ("Webhooks", "Webhooks"),
    "deliveries": ("Deliveries", "Bezorgingen"),
    "address": ("Address", "Adres"),
    "about": ("About", "Waarover"),
    "batches": ("batches", "batches"),
    "events": ("Events", "Gebeurtenissen"),
    "sources": ("Sources", "Bronnen"),
    "state": ("State", "Stand"),
    "tries": ("Tries", "Pogingen"),
    "on": ("on", "aan"),
    "off": ("off", "uit"),
    "ended_410": ("switched off: it answered 410", "uitgezet: het antwoordde 410"),
    "ended_failing": ("switched off: it kept failing", "uitgezet: het bleef mislukken"),
    "no_answer": ("no answer", "geen antwoord"),
    "waiting": ("waiting", "wacht"),
    "delivered": ("delivered", "bezorgd"),
    "refused": ("refused for good", "voorgoed geweigerd"),
    "lost": ("given up", "opgegeven"),
    "email": ("E-mail", "E-mail"),
    "status": ("Status", "Status"),
    "name": ("Name", "Naam"),
    "type": ("Type", "Soort"),
    "count": ("Members", "Leden"),
    "any_status": ("Any status", "Elke status"),
    "any_tag": ("Any tag", "Elke tag"),
    "search": ("Search", "Zoeken"),
    "search_hint": ("Address or name", "Adres of naam"),
    "show": ("Show", "Tonen"),
    "previous": ("Previous", "Vorige"),
    "next": ("Next", "Volgende"),
    "none": ("Nothing here yet.", "Hier is nog niets."),
    "language": ("Language", "Taal"),
    "changed": ("Last changed", "Laatst gewijzigd"),
    "vip": ("VIP", "VIP"),
    "yes": ("yes", "ja"),
    "no": ("no", "nee"),
    "left": ("Lost", "Verloren"),
    "left_unsubscribed": (
        "the person unsubscribed; only a new opt-in brings them back",
        "de persoon heeft zich afgemeld; alleen een nieuwe aanmelding brengt hen terug",
    ),
    "left_cleaned": ("the address bounced", "het adres bestaat niet meer"),
    "not_found": ("This is not in the sandbox.", "Dit staat niet in de zandbak."),
    "merge_tag": ("Merge tag", "Veldnaam"),
    "value": ("Value", "Waarde"),
    "filled": ("Filled in", "Ingevuld"),
    "request": ("Request", "Verzoek"),
    "answer": ("Answer", "Antwoord"),
    "time": ("Time", "Tijd"),
    "batch": ("Batch", "Batch"),
    "of": ("of", "van"),
    "subscribed": ("subscribed", "aangemeld"),
    "unsubscribed": ("unsubscribed", "afgemeld"),
    "cleaned": ("cleaned", "onbestelbaar"),
    "pending": ("pending", "wacht op bevestiging"),
    "transactional": ("transactional", "alleen transacties"),
    "archived": ("archived", "gearchiveerd"),
}


def texts(language: str) -> dict[str, str]:
    """All texts in a language.

    >>> texts("nl")["tags"], texts("en")["members"]
    ('Tags', 'Members')
    """
    column = LANGUAGES.index(language)
    return {name: both[column] for name, both in TEXTS.items()}
