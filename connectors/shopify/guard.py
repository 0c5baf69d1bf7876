"""What may be written at Shopify, by a short list: everything else is refused before it is sent.

Every client may start and cancel exports and keep our webhooks; neither changes anything of the
merchant's. What a merchant switches on is written by a client that was opened for that alone.
Source of the grammar: GraphQL specification, October 2021, sections 2.1 to 2.12.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from connectors.errors import ConnectorError

#: What every client may send.
ALWAYS = frozenset(
    {
        "bulkOperationRunQuery",
        "bulkOperationCancel",
        "webhookSubscriptionCreate",
        "webhookSubscriptionDelete",
    }
)
CONSENT = "customerEmailMarketingConsentUpdate"
#: The app's own web pixel, with which a store tells what its visitors do.
PIXEL = ("webPixelCreate", "webPixelUpdate", "webPixelDelete")
#: What a client can be opened for, where the merchant has switched it on.
ON_WISH = frozenset({CONSENT, *PIXEL})

_TOKEN = re.compile(
    r'"""(?:\\"""|[^"]|"(?!""))*"""|"(?:\\.|[^"\\\n])*"|#[^\n\r]*|\.\.\.|[_A-Za-z]\w*|[{}():@]',
    re.ASCII,
)


class NotAllowed(ConnectorError):
    """A mutation that this client was not opened for; it was not sent."""


def allowed(wished: Collection[str]) -> frozenset[str]:
    """Return what a client may send that is opened for some mutations.

    Raises
    ------
    NotAllowed
        One of them is on no list.
    """
    strange = set(wished) - ON_WISH
    if strange:
        raise NotAllowed(f"no client may send {', '.join(sorted(strange))}")
    return ALWAYS | frozenset(wished)


def check(document: str, may: Collection[str]) -> bool:
    """Refuse a document that writes anything but `may`; tell whether it writes at all.

    Raises
    ------
    NotAllowed
    """
    written = list(mutations(document))
    strange = [name for name in written if name not in may]
    if strange:
        raise NotAllowed(f"this client may not send {', '.join(strange)}")
    return bool(written)


def mutations(document: str) -> Iterator[str]:
    """Yield the fields of a document's mutations; "..." for a fragment in their place.

    Examples
    --------
    >>> list(mutations("mutation Two($tags: T = {a: 1}) { first: tagsAdd(id: 1) { node } other }"))
    ['tagsAdd', 'other']
    >>> list(mutations("query mutation { shop { id } } # mutation { tagsAdd }"))
    []
    """
    words = [word for word in _TOKEN.findall(document) if word[0] not in '"#']
    kind, braces, brackets = "", 0, 0
    for word, before, after in zip(words, ["", *words], [*words[1:], ""], strict=False):
        if word in "()":
            brackets += 1 if word == "(" else -1
        elif brackets:
            continue  # arguments, with their own braces
        elif word in "{}":
            braces += 1 if word == "{" else -1
            kind = kind if braces else ""
        elif not braces:
            kind = kind or word
        elif braces == 1 and kind == "mutation" and _is_field(word, before, after):
            yield word


def _is_field(word: str, before: str, after: str) -> bool:
    """Whether it is a field's own name: no alias of one, no directive, no name of a fragment."""
    return word not in ":@" and after != ":" and before not in ("@", "...")
