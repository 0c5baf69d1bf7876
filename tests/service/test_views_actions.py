"""What a click sets going: one piece of work in the click's own transaction, never two."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlmodel import Session, select

from integration import uploads
from integration.accounts import BadAccount, create_account
from integration.app import create_app
from integration.context import Context
from integration.db import scoped, unscoped
from integration.tables import Choice, ImportRun, Plan, Separation, SourceProfile, User, Work
from tests.service.shop_rows import NOW, PASSWORD, Merchant, login_of, merchant
from tests.service.visitor import Visitor


@pytest.fixture
def still(context: Context) -> Context:
    """An installation where it is always the same moment."""
    return replace(context, clock=lambda: NOW)


@pytest.fixture
def known(still: Context) -> Merchant:
    """A merchant with everything."""
    return merchant(still)


@pytest.fixture
def app(still: Context) -> Flask:
    """The pages."""
    return create_app(still)


@pytest.fixture
def visitor(app: Flask, known: Merchant) -> Visitor:
    """The merchant, logged in."""
    visitor = Visitor(app)
    visitor.log_in(known.email)
    return visitor


def queued(context: Context, known: Merchant) -> list[tuple[str, dict[str, object]]]:
    """Kind and payload of the work that waits."""
    with scoped(context.engine, known.account_id) as session:
        rows = session.exec(select(Work).where(Work.status == "queued")).all()
        return [(row.kind, dict(row.payload)) for row in rows]


def test_publishing_twice_writes_down_one_push(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    for _ in range(2):
        assert visitor.post(f"/plan/{known.plan_id}/publish").status_code == 302
    assert queued(still, known) == [("push", {"plan_id": known.plan_id})]
    page = visitor.get("/plan").text
    assert 'hx-trigger="every 1s"' in page
    assert f"/plan/{known.plan_id}/publish" not in page


@pytest.mark.parametrize(
    ("form", "quiet"),
    [({}, True), ({"quiet": ["0", "1"]}, True), ({"quiet": "0"}, False)],
    ids=["a form that did not ask", "ticked", "not ticked"],
)
def test_the_page_says_what_would_start_flows_and_the_tick_decides(
    still: Context, known: Merchant, visitor: Visitor, form: dict[str, object], quiet: bool
) -> None:
    assert "Start no flows" not in visitor.get("/plan").text
    with scoped(still.engine, known.account_id) as session:
        plan = session.get_one(Plan, known.plan_id)
        plan.summary = {**plan.summary, "floods": ["due:suits:now"], "quiet": True}
    page = visitor.get("/plan").text
    assert "A flow of yours that starts on one would start for all of them:" in page
    assert 'name="quiet" value="1" form="publish" checked' in page
    visitor.post(f"/plan/{known.plan_id}/publish", form)
    with scoped(still.engine, known.account_id) as session:
        plan = session.get_one(Plan, known.plan_id)
        assert plan.summary["quiet"] is quiet
        plan.status, plan.published_at = "published", NOW
    said = "no flow started for them" if quiet else "Flows that start on one started"
    assert said in visitor.get(f"/plan/{known.plan_id}").text


def test_progress_is_a_part_that_reloads_the_page_when_it_is_over(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    visitor.post(f"/plan/{known.plan_id}/publish")
    asked = {"headers": {"HX-Request": "true"}}
    part = visitor.get("/plan", **asked)
    assert "<html" not in part.text
    assert "waiting for a worker" in part.text
    assert "HX-Refresh" not in part.headers
    with scoped(still.engine, known.account_id) as session:
        session.exec(select(Work).where(Work.status == "queued")).one().status = "done"
    assert visitor.get("/plan", **asked).headers["HX-Refresh"] == "true"


@pytest.mark.parametrize(
    "path",
    ["/plan", "/mailchimp/check", "/mailchimp/flows", "/mailchimp/shop", "/mailchimp/campaigns"],
)
def test_each_page_without_work_is_loaded_anew_by_its_part(visitor: Visitor, path: str) -> None:
    part = visitor.get(path, headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert "<html" not in part.text
    assert part.headers["HX-Refresh"] == "true"


def test_only_the_last_published_plan_can_be_undone_and_only_for_thirty_days(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    assert visitor.post(f"/plan/{known.plan_id}/undo").status_code == 409
    visitor.post(f"/plan/{known.published_plan_id}/undo")
    assert queued(still, known) == [("undo", {"plan_id": known.published_plan_id})]
    later = Visitor(create_app(replace(still, clock=lambda: NOW + timedelta(days=29))))
    later.log_in(known.email)
    assert later.post(f"/plan/{known.published_plan_id}/undo").status_code == 409


def test_while_a_publication_is_taken_back_the_page_says_so(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    visitor.post(f"/plan/{known.plan_id}/discard")
    visitor.post(f"/plan/{known.published_plan_id}/undo")
    page = visitor.get("/plan").text
    assert "Our changes are being taken back." in page
    with scoped(still.engine, known.account_id) as session:
        session.exec(select(Work).where(Work.status == "queued")).one().status = "done"
        session.get_one(Plan, known.plan_id).status = "superseded"
        session.add(Plan(account_id=known.account_id, audience_id=audience_of(session),
                         kind="undo", undoes=known.published_plan_id, status="published",
                         summary={"members": 1}, created_at=NOW, published_at=NOW))  # fmt: skip
    page = visitor.get("/plan").text
    assert "Undone. Exactly our own changes were taken back." in page
    assert ">taken back</td>" in page
    assert ">stopped before its end</td>" in page
    assert "Taken back" in visitor.get("/").text


def audience_of(session: Session) -> int:
    """The one audience there is."""
    return session.exec(select(Plan.audience_id)).all()[0]


def test_a_plan_that_changes_nothing_says_so_and_cannot_be_published(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    with scoped(still.engine, known.account_id) as session:
        plan = session.get_one(Plan, known.plan_id)
        plan.summary = {**plan.summary, "members": 0, "tags": [], "fields": []}
    page = visitor.get("/plan").text
    assert "All in step: nothing to change." in page
    assert "ready to publish" not in page
    assert f"/plan/{known.plan_id}/publish" not in page
    assert "All in step" in visitor.get("/").text


def test_not_yet_puts_a_draft_away_and_nothing_else(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    visitor.post(f"/plan/{known.plan_id}/discard")
    visitor.post(f"/plan/{known.published_plan_id}/discard")
    with scoped(still.engine, known.account_id) as session:
        states = {plan.id: plan.status for plan in session.exec(select(Plan))}
    assert states == {known.plan_id: "discarded", known.published_plan_id: "published"}


def test_a_plan_is_made_only_for_a_connected_audience(
    still: Context, known: Merchant, app: Flask, visitor: Visitor
) -> None:
    visitor.post("/plan/make")
    assert queued(still, known) == [("plan", {})]
    login_of(still, "new@shop.example")
    newcomer = Visitor(app)
    newcomer.log_in("new@shop.example")
    newcomer.post("/plan/make")
    assert "Connect a Mailchimp audience first." in newcomer.get("/plan").text


def test_a_stated_life_is_kept_in_days_and_everything_computed_anew(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    visitor.post("/lives/suits/life", {"months": "24"})
    with scoped(still.engine, known.account_id) as session:
        choice = session.exec(select(Choice)).one()
        assert (choice.kind, choice.subject, choice.value) == ("life", "suits", "730")
    assert [kind for kind, _ in queued(still, known)] == ["refresh"]
    assert 'value="24"' in visitor.get("/lives").text
    visitor.post("/lives/suits/life", {"months": ""})
    with scoped(still.engine, known.account_id) as session:
        assert session.exec(select(Choice)).all() == []


@pytest.mark.parametrize("typed", ["0", "601", "-3", "two", "1.5"])
def test_an_impossible_life_is_refused_in_words(
    still: Context, known: Merchant, visitor: Visitor, typed: str
) -> None:
    visitor.post("/lives/suits/life", {"months": typed})
    assert "A life is a whole number of months, 1 to 600." in visitor.get("/lives").text
    assert queued(still, known) == []


def test_a_correction_of_a_product_sticks_and_leaves_the_list(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    assert visitor.post(f"/lives/product/{known.product_id}", {"need": "??"}).status_code == 400
    visitor.post(f"/lives/product/{known.product_id}", {"need": "suits"})
    visitor.post("/lives/suits/style", {"style": "casual"})
    with scoped(still.engine, known.account_id) as session:
        said = {(c.kind, c.subject, c.value) for c in session.exec(select(Choice))}
    assert said == {("need", str(known.product_id), "suits"), ("style", "suits", "casual")}
    assert "Mystery of Lovelace" not in visitor.get("/lives").text


def test_given_up_work_is_queued_again(still: Context, known: Merchant, visitor: Visitor) -> None:
    assert "the audience is gone" in visitor.get("/").text
    visitor.post(f"/status/{known.dead_work_id}/again")
    assert [kind for kind, _ in queued(still, known)] == ["push"]
    assert "the audience is gone" not in visitor.get("/").text


def test_two_people_can_be_taken_apart_and_joined_again(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    one, other = known.profile_ids
    visitor.post("/people/separate", {"one": one, "other": other})
    with scoped(still.engine, known.account_id) as session:
        assert session.exec(select(Separation)).one().by_user_id is not None
        profiles = {p.id: p.person_id for p in session.exec(select(SourceProfile))}
    assert profiles[one] != profiles[other]
    page = visitor.get(f"/people/{profiles[one]}").text
    assert "They may be one person" in page
    visitor.post("/people/rejoin", {"one": one, "other": other})
    with scoped(still.engine, known.account_id) as session:
        profiles = {p.id: p.person_id for p in session.exec(select(SourceProfile))}
    assert profiles[one] == profiles[other]


def test_an_upload_is_kept_under_a_name_of_ours_and_read(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    file = (io.BytesIO(b"Datum;Bedrag\n"), "../../kassa.csv")
    sent = {"files": file, "source": "Kassa 2"}
    visitor.post("/imports/upload", sent, content_type="multipart/form-data")
    (_, payload) = queued(still, known)[0]
    source = payload["source"]
    assert isinstance(source, dict)
    path = Path(source["paths"][0])
    assert path.read_bytes() == b"Datum;Bedrag\n"
    uploads = still.settings.data_dir / "uploads" / str(known.account_id)
    assert path.is_relative_to(uploads.resolve())
    assert "kassa" not in str(path)
    assert source["options"]["currency"] == "EUR"
    assert source["names"] == ["kassa.csv"]
    shown = visitor.get("/imports").text
    assert "kassa.csv" in shown
    assert "Files: Kassa 2" in shown


def test_the_source_for_files_is_called_so_in_both_languages(still: Context, app: Flask) -> None:
    login_of(still, "new@shop.example")
    newcomer = Visitor(app)
    newcomer.log_in("new@shop.example")
    file = (io.BytesIO(b"Datum;Bedrag\n"), "kassa.csv")
    newcomer.post("/imports/upload", {"files": file}, content_type="multipart/form-data")
    for path in ("/", "/imports"):
        assert "Files" in newcomer.get(path).text, path
    assert "Being read: Files" in newcomer.get("/").text, "and no page of zeros"
    newcomer.post("/language", {"language": "nl"})
    for path in ("/", "/imports"):
        assert "Bestanden" in newcomer.get(path).text, path


def test_a_file_of_another_kind_is_refused(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    file = (io.BytesIO(b"MZ"), "setup.exe")
    visitor.post("/imports/upload", {"files": file}, content_type="multipart/form-data")
    assert "That kind of file cannot be read." in visitor.get("/imports").text
    assert queued(still, known) == []


def test_a_file_with_a_question_can_be_left_unread_and_is_deleted(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    file = uploads.new_folder(still, known.account_id) / "0.csv"
    file.write_text("Datum;Bedrag")
    with scoped(still.engine, known.account_id) as session:
        work = session.exec(select(Work).where(Work.kind == "import")).all()
        [of_it] = [row for row in work if row.payload["run_id"] == known.waiting_run_id]
        of_it.payload = {**of_it.payload, "source": {"paths": [str(file)]}}
    path = f"/imports/{known.waiting_run_id}/drop"
    assert "Left unread." in visitor.post(path, {}, follow_redirects=True).text
    assert not file.exists()
    assert queued(still, known) == []
    assert visitor.post(path, {}).status_code == 409


def test_an_answer_reads_the_same_file_again_in_that_way(
    still: Context, known: Merchant, visitor: Visitor
) -> None:
    path = f"/imports/{known.waiting_run_id}/answer"
    assert visitor.post(path, {"date_order": "ydm"}).status_code == 400
    visitor.post(path, {"date_order": "dmy"})
    (_, payload) = queued(still, known)[0]
    source = payload["source"]
    assert isinstance(source, dict)
    assert source["paths"] == ["card.csv"]
    assert source["options"]["date_order"] == "dmy"
    assert visitor.post(path, {"date_order": "dmy"}).status_code == 409
    with scoped(still.engine, known.account_id) as session:
        run = session.get_one(ImportRun, known.waiting_run_id)
        assert (run.status, run.error) == ("running", None)


@pytest.mark.parametrize(
    ("email", "password", "language", "said"),
    [
        ("owner@kleding.example", PASSWORD, "en", "already"),
        ("OWNER@kleding.example ", PASSWORD, "en", "already"),
        ("no address", PASSWORD, "en", "not an e-mail address"),
        ("new@kleding.example", "short", "en", "characters"),
        ("new@kleding.example", PASSWORD, "fr", "language"),
    ],
)
def test_an_account_that_cannot_be_made_says_why_without_the_address(
    still: Context, known: Merchant, email: str, password: str, language: str, said: str
) -> None:
    with (
        unscoped(still.engine) as session,
        pytest.raises(BadAccount, match=said) as raised,
    ):
        create_account(session, "New", email, password, language, now=NOW)
    assert "@" not in str(raised.value)
    with unscoped(still.engine) as session:
        user = session.exec(select(User)).one()
        assert user.email == known.email
        assert PASSWORD not in user.password_hash
