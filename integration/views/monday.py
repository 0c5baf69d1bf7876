"""The Monday list: whom of the business customers to call, as a page and as a table to download."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from integration.reading import monday, names
from integration.views.base import language, own_rows, page_number, user
from integration.views.csvs import download
from integration.views.formats import day, percent
from integration.views.texts import gettext

bp = Blueprint("monday", __name__)


@bp.get("/monday")
def show() -> ResponseReturnValue:
    """Show a page of companies, the one with most at risk first."""
    with own_rows() as session:
        found = monday.companies(session, names.words(session, language()))
    number = page_number()
    first = (number - 1) * monday.PAGE
    return render_template(
        "monday.html",
        companies=found[first : first + monday.PAGE],
        found=len(found),
        at_risk=sum(company.value for company in found),
        page=number,
        per_page=monday.PAGE,
    )


@bp.get("/monday.csv")
def export() -> ResponseReturnValue:
    """Download every alarm, one row each, for the account manager."""
    with own_rows() as session:
        found = monday.companies(session, names.words(session, language()))
    header = (
        gettext("Company"),
        gettext("Article group"),
        gettext("Expected on"),
        gettext("Pieces"),
        gettext("Days late"),
        gettext("Chance overdue"),
        gettext("Value at risk (%(currency)s)", currency=user().currency),
        gettext("Contact"),
        gettext("Role"),
        gettext("E-mail"),
        gettext("Phone"),
        gettext("Missing in the basket"),
        gettext("Why"),
    )
    rows = [
        (
            company.name,
            late.name or gettext("Any order"),
            day(late.expected_on),
            late.units,
            late.days_late,
            percent(late.chance),
            monday.whole(late.value, user().currency),
            company.contact.name,
            company.contact.role,
            company.contact.email,
            company.contact.phone,
            " ".join(company.lacks),
            late.why,
        )
        for company in found
        for late in company.late
    ]
    return download("monday.csv", header, rows)
