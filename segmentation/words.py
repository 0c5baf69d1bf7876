"""Finding known words in what a shop calls its goods, in English and Dutch.

The thing itself stands last in both languages: a "shirt dress" is a dress, an "overhemdjurk" a
"jurk"; what follows "with" or "met" is trimming.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_TOKEN = re.compile(r"[a-z0-9à-öø-ÿ]+(?:['’\-&][a-z0-9à-öø-ÿ]+)*")
_TRIMMING = frozenset(("with", "met", "for", "voor", "incl", "including", "inclusief"))
_LONGEST_PHRASE = 4


@lru_cache(maxsize=200_000)
def tokens(text: str) -> tuple[str, ...]:
    """Return the words of a text in lower case.

    Examples
    --------
    >>> tokens("Men's Polo-shirt, Navy")
    ("men's", 'polo-shirt', 'navy')
    """
    return tuple(_TOKEN.findall(text.lower().replace("’", "'")))


def slug(text: str) -> str:
    """Return a key of lower-case words joined by hyphens, safe in segment keys and addresses.

    Examples
    --------
    >>> slug("Garden & gnomes: small")
    'garden-gnomes-small'
    """
    return "-".join(re.findall(r"[a-z0-9à-öø-ÿ]+", text.lower()))


class Dictionary:
    """Phrases with a meaning; the last one in a text decides, the longest of those ending there.

    Parameters
    ----------
    meanings
        Phrase to meaning; phrases in any case.
    endings
        Words (of `meanings`) that also count as the end of a longer, Dutch word.

    Examples
    --------
    >>> find = Dictionary({"shirt": "shirts", "dress": "dresses", "jurk": "dresses"}, ["jurk"])
    >>> find("Shirt dress with belt"), find("Zomerjurk blauw"), find("Teapot")
    ('dresses', 'dresses', '')
    """

    def __init__(self, meanings: Mapping[str, str], endings: Iterable[str] = ()) -> None:
        self._meanings = {" ".join(tokens(phrase)): to for phrase, to in meanings.items()}
        self._endings = sorted({ending.lower() for ending in endings}, key=lambda e: (-len(e), e))
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """Return the meaning of a text, "" when no phrase is in it."""
        if text not in self._known:
            self._known[text] = self._find(tokens(text))
        return self._known[text]

    def _find(self, words: tuple[str, ...]) -> str:
        stop = next((i for i, word in enumerate(words) if i and word in _TRIMMING), len(words))
        for end in range(stop, 0, -1):
            for start in range(max(0, end - _LONGEST_PHRASE), end):
                meaning = self._meanings.get(" ".join(words[start:end]))
                if meaning is not None:
                    return meaning
            ending = self._ending(words[end - 1])
            if ending:
                return self._meanings[ending]
        return ""

    def _ending(self, word: str) -> str:
        for ending in self._endings:
            # A short ending needs a longer beginning: "barok" is no "rok".
            if word.endswith(ending) and len(word) - len(ending) >= (4 if len(ending) < 4 else 3):
                return ending
        return ""


class Marks:
    """Words that mark a text; a text with words of two marks has none.

    Examples
    --------
    >>> mark = Marks({"men": ["men", "heren"], "women": ["women", "dames"]})
    >>> mark("Heren > Pakken"), mark("Men and women"), mark("Scarf")
    ('men', '', '')
    """

    def __init__(self, marks: Mapping[str, Iterable[str]]) -> None:
        self._meanings = {" ".join(tokens(word)): mark for mark, ws in marks.items() for word in ws}
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """Return the mark of a text, "" when there is none or more than one."""
        if text not in self._known:
            words = tokens(text)
            pairs = [" ".join(two) for two in itertools.pairwise(words)]
            found = {self._meanings[word] for word in (*words, *pairs) if word in self._meanings}
            self._known[text] = found.pop() if len(found) == 1 else ""
        return self._known[text]
