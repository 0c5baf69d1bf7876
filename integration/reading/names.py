"""What needs and segments are called, in the reader's language and with the shop's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlmodel import Session, col, select

from integration.asked_groups import asked
from integration.own.kept import GROUP, GROUP_NAMES, key_of, node_of, present
from integration.tables import Account, FittedModel, OwnSegment
from segmentation import reasons, segments
from segmentation.builder.document import BadDocument
from segmentation.builder.sentences import sentence
from segmentation.duedates.needs import NeedName, name_of
from segmentation.groups import naming
from segmentation.stored import groups as stored_groups
from segmentation.stored import need_names as stored_names
from segmentation.stored import value_refused as stored_refusal

if TYPE_CHECKING:  # the models' libraries are large, and most readers need names only
    from segmentation.fitted import AccountFit

#: Groups in the order of the catalogue, as product.md 4.1 lists them.
GROUPS = (
    "due",
    "shops",
    "style",
    "loves",
    "next",
    "interest",
    "stage",
    "value",
    "group",
    "cluster",
    "own",
    "b2b",
    "test",
)


@dataclass(frozen=True)
class Words:
    """Everything needed to turn keys into words."""

    language: str
    needs: Mapping[str, NeedName]
    #: Segments that only this shop has, by key.
    own: Mapping[str, segments.Segment] = field(default_factory=dict)

    def need(self, key: str) -> str:
        """Return a need's plural with a capital, as it stands in a table."""
        name = self.needs.get(key) or name_of(key)
        plural = name.plural(self.language)
        return plural[:1].upper() + plural[1:]

    def segment(self, key: str) -> segments.Segment | None:
        """Return a segment; None for a key that the catalogue does not have (any more)."""
        return self.catalogue().get(key)

    def catalogue(self) -> dict[str, segments.Segment]:
        """Return every segment this shop can have, by key, in the order to show them."""
        ours = {segment.key: segment for segment in segments.catalogue(self.needs)}
        return ours | dict(self.own)

    def why(self, reason: Mapping[str, Any]) -> str:
        """Return a reason's sentence; "" when an older version of us wrote it."""
        try:
            return reasons.render(reason, self.language, self.needs)
        except KeyError:
            return ""


def fitted(session: Session) -> AccountFit | None:
    """Return what was learned last about this account; None before the first run.

    A fit that another version wrote counts as none: the next refresh replaces it.
    """
    from segmentation.fitted import Fitted, NotFitted

    stored = _newest(session)
    if stored is None:
        return None
    try:
        return Fitted.from_dict(stored.state).account(session.info["account_id"])
    except NotFitted:
        return None


def _newest(session: Session) -> FittedModel | None:
    newest = select(FittedModel).order_by(col(FittedModel.id).desc()).limit(1)
    return session.exec(newest).first()


def need_names(session: Session) -> dict[str, NeedName]:
    """Return what the shop's needs are called, as the newest fit found them."""
    stored = _newest(session)
    return stored_names(stored.state, session.info["account_id"]) if stored is not None else {}


def found_groups(session: Session) -> dict[str, Any] | None:
    """Return the groups and clusters of the newest fit, as plain JSON; None before the first."""
    stored = _newest(session)
    return stored_groups(stored.state, session.info["account_id"]) if stored is not None else None


def shop_segments(session: Session, needs: Mapping[str, NeedName]) -> dict[str, segments.Segment]:
    """Return the segments that only this shop has, by key: what a fit found, and the merchant's."""
    found = found_groups(session)
    learned = naming.segments(found, needs, asked(session)) if found is not None else []
    return {segment.key: segment for segment in learned} | own_segments(session, needs)


def own_segments(
    session: Session, needs: Mapping[str, NeedName], rows: Iterable[OwnSegment] | None = None
) -> dict[str, segments.Segment]:
    """Return the merchant's own segments (or `rows` of them) as people see them, by key."""
    found = {}
    for row in present(session) if rows is None else rows:
        currency = session.get_one(Account, session.info["account_id"]).currency
        try:
            meaning = {
                language: as_sentence(sentence(node_of(row), language, needs, currency))
                for language in GROUP_NAMES
            }
        except BadDocument:
            meaning = dict.fromkeys(GROUP_NAMES, "")
        found[key_of(row)] = segments.Segment(
            key=key_of(row),
            group=GROUP,
            name_en=f"{GROUP_NAMES['en']}: {row.name}",
            name_nl=f"{GROUP_NAMES['nl']}: {row.name}",
            meaning_en=meaning["en"],
            meaning_nl=meaning["nl"],
            send_en="What you made it for.",
            send_nl="Waarvoor je het hebt gemaakt.",
        )
    return found


def as_sentence(text: str) -> str:
    """Return a text with a capital and a full stop."""
    return f"{reasons.capital(text)}."


def value_refused(session: Session) -> dict[str, Any] | None:
    """Return what the newest fit lacked to say what customers will spend; None when it could."""
    stored = _newest(session)
    return stored_refusal(stored.state, session.info["account_id"]) if stored is not None else None


def words(session: Session, language: str, fit: AccountFit | None = None) -> Words:
    """Return the words of this account; `fit` spares reading it again."""
    needs = fit.names if fit else need_names(session)
    return Words(language, needs, shop_segments(session, needs))


def computed_at(session: Session) -> datetime | None:
    """Return when segments and due dates were computed last."""
    newest = select(FittedModel.created_at).order_by(col(FittedModel.id).desc()).limit(1)
    return session.exec(newest).first()
