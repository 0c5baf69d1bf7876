"""The sentences of why somebody left a segment, in English and Dutch; see `reasons.render`."""

from __future__ import annotations

from collections.abc import Mapping

#: What may stand in them: one and many of the need, a day, the state and the segment it is now,
#: what it follows after and within how many days, and whom a kind of customers is like.
#: No verb goes with the need: suits last, and sportswear lasts.
LEAVING: Mapping[tuple[str, str], str] = {
    ("left-bought", "en"): "{one} bought {on}.",
    ("left-bought", "nl"): "{one} gekocht op {on}.",
    ("left-returned", "en"): (
        "what was bought of {many} counts no more: returned, cancelled, somebody else's, or other "
        "goods than we took it for."
    ),
    ("left-returned", "nl"): (
        "wat aan {many} was gekocht telt niet meer: teruggebracht, geannuleerd, van een ander, of "
        "iets anders dan we dachten."
    ),
    ("left-first", "en"): "one thing at a time is told: first {many}.",
    ("left-first", "nl"): "er wordt één ding tegelijk verteld: eerst {many}.",
    ("left-moved", "en"): "still due for {many}, by now as “{state}”.",
    ("left-moved", "nl"): "nog steeds toe aan {many}, inmiddels als “{state}”.",
    ("left-expired", "en"): (
        "most who come back for {many} have come by now, and this customer has not."
    ),
    ("left-expired", "nl"): (
        "de meesten die voor {many} terugkomen zijn al geweest, en deze klant niet."
    ),
    ("left-unlikely", "en"): "a purchase of {many} is not likely enough any more.",
    ("left-unlikely", "nl"): "een aankoop van {many} is niet waarschijnlijk genoeg meer.",
    ("left-later", "en"): "not that far yet: a purchase of {many} is expected around {on}.",
    ("left-later", "nl"): "nog niet zover: een aankoop van {many} wordt rond {on} verwacht.",
    ("left-passed", "en"): "no {one} bought within {within} days of buying {after}.",
    ("left-passed", "nl"): "geen {one} gekocht binnen {within} dagen na {after}.",
    ("left-refit", "en"): "it is not clear any more that people here buy {many} after {after}.",
    ("left-refit", "nl"): "dat mensen hier na {after} ook {many} kopen is niet meer duidelijk.",
    ("left-interest", "en"): "did not look at {many} twice within 14 days any more.",
    ("left-interest", "nl"): "{many} niet meer twee keer binnen 14 dagen bekeken.",
    ("left-kind", "en"): "most like {like} by now.",
    ("left-kind", "nl"): "lijkt nu het meest op {like}.",
    ("left-ungrouped", "en"): "this group is not made any more.",
    ("left-ungrouped", "nl"): "deze groep wordt niet meer gemaakt.",
    ("left-other", "en"): "now in “{segment}”.",
    ("left-other", "nl"): "zit nu in “{segment}”.",
    ("left-unknown", "en"): "too little is known for it by now.",
    ("left-unknown", "nl"): "daar is nu te weinig voor bekend.",
    ("left-business", "en"): "counts as a business customer now.",
    ("left-business", "nl"): "telt nu als zakelijke klant.",
    ("left-b2b", "en"): "counts as a business customer no more.",
    ("left-b2b", "nl"): "telt niet meer als zakelijke klant.",
    ("left-ordered", "en"): "last ordered on {on}: in step with the company's rhythm again.",
    ("left-ordered", "nl"): "laatst besteld op {on}: weer volgens het ritme van het bedrijf.",
    ("left-gone", "en"): "no order since {on}: so long that none is expected any more.",
    ("left-gone", "nl"): "geen bestelling sinds {on}: zo lang dat er geen meer wordt verwacht.",
    ("left-group", "en"): "what this customer buys belongs to another group by now.",
    ("left-group", "nl"): "wat deze klant koopt hoort inmiddels bij een andere groep.",
    ("left-own", "en"): "the conditions of the segment do not hold any more.",
    ("left-own", "nl"): "de voorwaarden van het segment gelden niet meer.",
    ("left-removed", "en"): "the segment was removed.",
    ("left-removed", "nl"): "het segment is verwijderd.",
    ("left-test", "en"): "the control group became smaller, or there is none any more.",
    ("left-test", "nl"): "de controlegroep werd kleiner, of is er niet meer.",
}
