"""The truth of the sample shop: that it is true, and that only tests can read it."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from connectors.demo import DemoConnector
from connectors.demo.connector import Source
from connectors.demo.needs import NEEDS
from connectors.demo.truth import Truth, truth
from connectors.records import Customer, Order, Touchpoint

PEOPLE = 6_000
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def shop() -> Truth:
    return truth(customers=PEOPLE)


def read_customers(source: Source) -> list[Customer]:
    pages = DemoConnector(source, customers=PEOPLE).read("customers")
    return [one for page in pages for one in page.records if isinstance(one, Customer)]


def read_orders(source: Source) -> list[Order]:
    pages = DemoConnector(source, customers=PEOPLE).read("orders")
    return [one for page in pages for one in page.records if isinstance(one, Order)]


def imported(file: Path) -> set[str]:
    """Every module a file names in an import."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{name.name}" for name in node.names} | {str(node.module)}
    return found


def test_only_tests_read_the_truth() -> None:
    files = [file for top in ("connectors", "integration", "segmentation")
             for file in (ROOT / top).rglob("*.py")]  # fmt: skip
    assert len(files) > 10
    assert not [file for file in files if "connectors.demo.truth" in imported(file)]
    # The scan itself works: this file does read it.
    assert "connectors.demo.truth" in imported(Path(__file__))


def test_no_record_and_no_public_attribute_gives_the_truth_away() -> None:
    connector = DemoConnector("web", customers=200)
    list(connector.read("orders"))
    assert {name for name in vars(connector) if not name.startswith("_")} == {
        "source", "seed", "customers", "as_of", "language",
    }  # fmt: skip


def kaplan_meier_given_return(days: np.ndarray, seen: np.ndarray, horizon: float) -> float:
    """Median time to the next purchase, given that there is one within `horizon` days."""
    order = np.argsort(days)
    days, seen = days[order], seen[order]
    staying = np.cumprod(1 - seen / np.arange(days.size, 0, -1))
    gone = staying[np.searchsorted(days, horizon) - 1]
    return float(days[np.searchsorted(-staying, -(1 + gone) / 2)])


def test_a_censored_estimate_on_the_true_history_finds_every_life(shop: Truth) -> None:
    end = pd.Timestamp(shop.as_of)
    own = shop.purchases.query("kind == 'own' and bought_on < @end")
    following = own.groupby(["person", "need"])["bought_on"].shift(-1)
    days = (following.fillna(end) - own["bought_on"]).dt.days.clip(lower=1)
    checked = 0
    for need, life in shop.life_days.items():
        here = own["need"] == need
        seen = following[here].notna().to_numpy()
        if seen.sum() >= 200:
            checked += 1
            estimate = kaplan_meier_given_return(days[here].to_numpy(), seen, 2 * life)
            # Two standard errors of a median of 200 log-normal intervals are 6%.
            assert estimate == pytest.approx(life, rel=0.06), need
    assert checked >= 22


def test_the_truth_lies_near_the_life_that_each_need_is_made_with(shop: Truth) -> None:
    assert set(shop.life_days) == {need.key for need in NEEDS}
    for need in NEEDS:
        assert shop.life_days[need.key] == pytest.approx(need.life_days, rel=0.1)


def test_the_next_purchase_is_known_for_everybody_who_stays(shop: Truth) -> None:
    coming = shop.next_purchases
    end = pd.Timestamp(shop.as_of)
    assert (coming["last_on"] < end).all()
    assert (coming["next_on"].dropna() >= end).all()
    left = shop.people.set_index("person")["leaves_on"].notna()[coming["person"]].to_numpy()
    assert coming["next_on"][left].isna().all()
    # Who has not left yet may still do so before the next purchase.
    assert coming["next_on"][~left].isna().mean() < 0.12


def test_every_own_purchase_is_in_the_records_of_its_day(shop: Truth) -> None:
    end = pd.Timestamp(shop.as_of)
    past = shop.purchases[shop.purchases["bought_on"] < end]
    true_days = set(zip(past["person"], past["bought_on"], strict=True))
    whose = shop.orders.set_index(["source", "order_id"])["person"]
    seen = set()
    for source in ("web", "card"):
        for order in read_orders(source):
            local = pd.Timestamp(order.placed_at).tz_convert("Europe/Amsterdam")
            seen.add((int(whose[source, order.id]), local.tz_localize(None).normalize()))
    assert true_days <= seen


def test_the_ids_of_a_person_are_the_person_in_both_sources(shop: Truth) -> None:
    people = shop.people.set_index("person")
    emails = {one.id: one.email for one in read_customers("web")}
    both = people.dropna(subset=["web_id", "card_id"])
    for row in both.itertuples():
        assert str(emails[str(row.web_id)]).lower() == row.email
    cards = {one.id for one in read_customers("card")}
    assert set(both["card_id"]) <= cards
    assert 0.2 < len(both) / PEOPLE < 0.3


def test_most_people_of_both_sources_can_be_recognised_and_some_cannot(shop: Truth) -> None:
    web = {one.id: one for one in read_customers("web")}
    card = {one.id: one for one in read_customers("card")}
    both = shop.people.dropna(subset=["web_id", "card_id"])
    linked = [
        bool(keys(web[a]) & keys(card[b]))
        for a, b in zip(both["web_id"], both["card_id"], strict=True)
    ]
    assert 0.85 < np.mean(linked) < 0.97


def keys(one: Customer) -> set[str]:
    return {key.lower() for key in (one.email, one.phone, one.card_no) if key}


def test_some_people_of_one_household_share_a_phone_and_an_address(shop: Truth) -> None:
    card = {one.id: one for one in read_customers("card")}
    people = shop.people.dropna(subset=["card_id"])
    homes = people.groupby("household")["card_id"].apply(list)
    pairs = [ids for ids in homes if len(ids) == 2]
    assert len(pairs) > 100
    assert all(card[a].postcode == card[b].postcode for a, b in pairs)
    shared = [card[a].phone is not None and card[a].phone == card[b].phone for a, b in pairs]
    assert 0.02 < np.mean(shared) < 0.3


def test_what_people_buy_follows_their_department_and_style(shop: Truth) -> None:
    whose = shop.orders.set_index(["source", "order_id"])["person"]
    gifts = set(shop.gift_lines.itertuples(index=False, name=None))
    bought = [
        (int(whose["web", order.id]), line.gender_target, line.product_type)
        for order in read_orders("web")
        for line in order.lines
        if ("web", order.id, line.id) not in gifts and line.quantity > 0
    ]
    frame = pd.DataFrame(bought, columns=["person", "target", "kind"])
    frame = frame[frame["target"].isin(["men", "women"]) & (frame["person"] >= 0)]
    men = frame["target"].eq("men").groupby(frame["person"]).agg(["mean", "size"])
    men = men[men["size"] >= 3].join(shop.people.set_index("person"))
    found = np.select([men["mean"] > 0.9, men["mean"] < 0.1], ["menswear", "womenswear"], "both")
    assert (found == men["department"]).mean() > 0.95
    business = frame["kind"].isin(["Suits", "Blazers", "Shirts", "Trousers", "Blouses", "Shoes"])
    share = business.groupby(frame["person"]).mean().to_frame("share")
    style = share.join(shop.people.set_index("person")["style"]).groupby("style")["share"].mean()
    assert style["business"] > 0.7
    assert style["casual"] < 0.2


def test_a_third_of_the_business_accounts_does_not_say_so(shop: Truth) -> None:
    accounts = shop.wholesale
    told = {one.id: one.is_business for one in read_customers("web")}
    assert [told[key] for key in accounts["web_id"]] == accounts["declared"].tolist()
    assert accounts["declared"].mean() == pytest.approx(2 / 3, abs=0.1)
    assert sum(told.values()) == accounts["declared"].sum()
    theirs = [o for o in read_orders("web") if o.customer_id in set(accounts["web_id"])]
    assert min(line.quantity for order in theirs for line in order.lines) >= 12


def test_mail_brings_the_orders_it_is_said_to_bring() -> None:
    large = truth(customers=20_000)
    caused = (large.purchases["kind"] == "mailed").sum()
    pages = DemoConnector("web").read("touchpoints")
    sent = [one for page in pages for one in page.records if isinstance(one, Touchpoint)]
    # A binomial share: 4 standard errors at 30,000 e-mails are 0.3 points; a few have left.
    assert caused / len(sent) == pytest.approx(large.email_effect, abs=0.004)
    never = set(large.people["email"][large.people["never_mailed"]])
    assert not never & {one.email for one in sent}
    assert len(never) / 20_000 == pytest.approx(0.1, abs=0.01)
