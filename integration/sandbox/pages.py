"""Pages to look at the audience as a marketer would; server-rendered, no scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue

from integration.sandbox import flow_pages, flows
from integration.sandbox.events import newest_first
from integration.sandbox.lists import statuses
from integration.sandbox.mail_pages import MailPages
from integration.sandbox.members import matches
from integration.sandbox.problems import Problem, not_found
from integration.sandbox.shops import pages as shop_pages
from integration.sandbox.state import STATUSES, Audience, Member, SandboxState, subscriber_hash
from integration.sandbox.texts import LANGUAGES, texts

PER_PAGE = 50


def blueprint(state: SandboxState) -> Blueprint:
    """The routes of the pages."""
    bp = Blueprint("pages", __name__, template_folder="templates")
    pages = _Pages(state)
    bp.errorhandler(Problem)(_not_found)
    bp.after_request(harden)
    bp.get("/")(pages.audiences)
    bp.get("/requests")(pages.requests)
    bp.get("/webhooks")(pages.webhooks)
    flow_pages.add_pages(bp, state, render)
    MailPages(state, render).register(bp)
    bp.get("/audiences/<list_id>/members")(pages.members)
    bp.get("/audiences/<list_id>/members/<key>")(pages.member)
    bp.get("/audiences/<list_id>/tags")(pages.tags)
    bp.get("/audiences/<list_id>/fields")(pages.fields)
    shop_pages.add(bp, state, render)
    return bp


def harden(response: Response) -> Response:
    """Nothing from elsewhere, nothing to elsewhere."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; base-uri 'none'"
    # A mail that is shown has a stricter one already.
    response.headers.setdefault("Content-Security-Policy", f"{policy}; form-action 'self'")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _not_found(_problem: Problem) -> ResponseReturnValue:
    return make_response(render("not_found.html"), 404)


def render(template: str, **values: Any) -> str:
    """A page in the language that is asked for."""
    asked = request.args.get("lang", "")
    language = asked if asked in LANGUAGES else request.accept_languages.best_match(LANGUAGES)
    language = language or LANGUAGES[0]
    return render_template(
        f"sandbox_pages/{template}",
        t=texts(language),
        lang=language,
        languages=LANGUAGES,
        **values,
    )


def _page(rows: Sequence[Any]) -> tuple[Sequence[Any], int]:
    number = max(1, request.args.get("page", 1, type=int))
    return rows[(number - 1) * PER_PAGE : number * PER_PAGE], number


def _row(audience: Audience, member: Member) -> dict[str, Any]:
    name = f"{member.merge.get('FNAME', '')} {member.merge.get('LNAME', '')}".strip()
    return {
        "key": subscriber_hash(member.email),
        "email": member.email,
        "name": name,
        "status": member.status,
        "tags": audience.tag_names(member),
    }


class _Pages:
    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def audiences(self) -> str:
        with self._state.lock:
            rows = [(a, statuses(a)) for a in self._state.audiences.values()]
            return render("audiences.html", rows=rows, statuses=STATUSES)

    def members(self, list_id: str) -> str:
        status, tag = request.args.get("status", ""), request.args.get("tag", "")
        words = request.args.get("q", "").strip().lower()
        with self._state.lock:
            audience = self._state.audience(list_id)
            tag_id = audience.tag_ids.get(tag.casefold(), 0)
            found = [
                m
                for m in audience.members.values()
                if (not status or m.status == status)
                and (not tag or tag_id in m.tags)
                and (not words or matches(m, words))
            ]
            rows, number = _page(found)
            return render(
                "members.html",
                audience=audience,
                rows=[_row(audience, m) for m in rows],
                total=len(found),
                number=number,
                last=max(1, -(-len(found) // PER_PAGE)),
                statuses=STATUSES,
                tags=_tag_names(audience),
                chosen={"status": status, "tag": tag, "q": request.args.get("q", "")},
            )

    def member(self, list_id: str, key: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            member = audience.members.get(key)
            if member is None:
                raise not_found()
            values = [
                (f.name, f.tag, member.merge.get(f.tag, "")) for f in audience.fields.values()
            ]
            row = _row(audience, member)
            return render(
                "member.html",
                audience=audience,
                member=member,
                row=row,
                values=values,
                events=newest_first(member.events),
                ways=list(flows.ways(self._state, audience, member)),
            )

    def tags(self, list_id: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            rows = [
                (segment.name, len(segment.members))
                for segment in audience.segments.values()
                if segment.is_static
            ]
            return render("tags.html", audience=audience, rows=sorted(rows))

    def fields(self, list_id: str) -> str:
        with self._state.lock:
            audience = self._state.audience(list_id)
            filled = Counter(tag for m in audience.members.values() for tag in m.merge)
            return render("fields.html", audience=audience, filled=filled)

    def requests(self) -> str:
        number = max(1, request.args.get("page", 1, type=int))
        rows, total = self._state.log.newest(PER_PAGE, (number - 1) * PER_PAGE)
        last = max(1, -(-total // PER_PAGE))
        return render("requests.html", rows=rows, total=total, number=number, last=last)

    def webhooks(self) -> str:
        with self._state.lock:
            names = {a.id: a.name for a in self._state.audiences.values()}
            hooks = list(self._state.hooks.by_id.values())
        with self._state.hooks.changed:
            found = list(self._state.hooks.deliveries)[::-1]
        rows, number = _page(found)
        return render(
            "webhooks.html",
            hooks=hooks,
            names=names,
            # The secret in an address is nobody's business, not even here.
            host_of=lambda url: urlsplit(url).netloc,
            rows=rows,
            total=len(found),
            number=number,
            last=max(1, -(-len(found) // PER_PAGE)),
        )


def _tag_names(audience: Audience) -> list[str]:
    return sorted(s.name for s in audience.segments.values() if s.is_static)
