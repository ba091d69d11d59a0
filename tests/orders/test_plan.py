"""One timed plan from the choose page to the sheet: moving T0 moves all, one line puts the arms in turn."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from ivigsite.encounters.timeline import SHOWN_MINUTES, Thing, draw, lasting_words
from ivigsite.orders.actions import draft_content
from ivigsite.orders.forms import SHARED_LINE, Choices
from ivigsite.orders.presentation import signed_timeline, summarise
from ivigsite.orders.products import shown_formulary
from ivigsite.orders.proposal import Proposal, propose
from ivigsite.orders.sheet.content import SheetContent, SheetTimedPlan, from_plain, to_plain
from tests.orders.test_pages import open_page, refresh, text_of
from tests.orders.test_signing import check, choices
from tests.scenario import Site, assess

# An hour before the clocks in London go back: 01:30 in summer time.
T0 = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
URGENT: dict[str, Any] = {"bleeding_level": "life_threatening"}


def thing(after: int, until: int | None, **changes: Any) -> Thing:
    plain: dict[str, Any] = {
        "kind": "give",
        "arm": "platelets",
        "text": "platelets",
        "line": 1,
        "is_conditional": False,
    }
    return Thing(after=after, until=until, **plain | changes)


def drawn(*things: Thing, starts_at: datetime | None = None) -> Any:
    return draw(
        list(things),
        title="One line",
        text="In turn.",
        starts_at=starts_at,
        volume="little",
        is_over_limit=False,
        notes=(),
    )


def test_picture_has_a_row_for_each_arm_and_one_for_calls_and_counts() -> None:
    timeline = drawn(
        thing(0, None, kind="call", arm="consult"),
        thing(0, 30),
        thing(30, 300, arm="ivig"),
        thing(40, 90, kind="count"),
    )

    assert [lane.label for lane in timeline.lanes] == ["Immunoglobulin", "Platelets", "Calls, counts"]
    assert [row.offset for row in timeline.rows] == ["At T0", "At T0", "T0 + 30 min", "T0 + 40 min"]
    assert [row.lasts for row in timeline.rows] == ["", "30 min", "4 h 30 min", "within 50 min"]
    assert all(row.at is None for row in timeline.rows)


def test_lines_are_spoken_of_where_two_arms_share_them_and_a_volume_where_one_runs() -> None:
    both = drawn(thing(0, 30), thing(30, 300, arm="ivig"))
    one = drawn(thing(0, 300, arm="ivig"), thing(0, None, arm="corticosteroid", line=None))
    none = drawn(thing(0, None, arm="corticosteroid", line=None))

    assert (both.title, both.text, both.volume) == ("One line", "In turn.", "little")
    assert (one.title, one.text, one.volume) == ("", "", "little")
    assert (none.title, none.text, none.volume) == ("", "", "")


def test_what_lies_beyond_the_picture_stands_in_the_table_alone() -> None:
    timeline = drawn(thing(0, SHOWN_MINUTES * 2), thing(SHOWN_MINUTES + 1, SHOWN_MINUTES + 31))

    assert (len(timeline.rows), len(timeline.bars)) == (2, 1)
    assert timeline.bars[0].width == "640.0"


def test_a_moment_is_still_seen_in_the_picture() -> None:
    assert drawn(thing(0, None, kind="call", arm="consult")).bars[0].width == "5.0"


@pytest.mark.parametrize(("minutes", "words"), [(0, ""), (30, "30 min"), (60, "1 h"), (95, "1 h 35 min")])
def test_length_of_time_is_said_in_hours_and_minutes(minutes: int, words: str) -> None:
    assert lasting_words(minutes) == words


@pytest.mark.hazard("H21")
def test_times_over_the_change_of_the_clock_are_true_minutes() -> None:
    timeline = drawn(thing(0, 30), thing(120, 150), starts_at=T0)

    later = timeline.rows[1].at
    assert later - T0 == timedelta(hours=2)
    # Two hours on, and the clock on the wall has moved by one.
    wall = [moment.astimezone(ZoneInfo("Europe/London")).strftime("%H:%M") for moment in (T0, later)]
    assert wall == ["01:30", "02:30"]


@pytest.mark.django_db
class TestPlan:
    """Tests that share nothing but the need for a site."""

    def content(self, site: Site, *, without: str = "", **facts: Any) -> tuple[Proposal, SheetContent]:
        proposal = propose(assessment=assess(site, **facts), product=None, at=timezone.now())
        codes = tuple(
            card.code for card in proposal.cards if card.role == "required" and card.kind != without
        )
        made = Choices(
            codes=codes,
            starts_at=timezone.now().replace(second=0, microsecond=0),
            product=proposal.outcome_product,
            declined=(),
            overrides=(),
        )
        return proposal, draft_content(proposal=proposal, choices=made, key=uuid4())

    def test_one_line_puts_the_arms_in_turn_on_the_sheet_and_in_its_chart(self, site: Site) -> None:
        proposal, content = self.content(site, venous_lines=1, **URGENT)
        plan = content.timed_plan
        assert isinstance(plan, SheetTimedPlan)
        assert content.rate_plan is not None
        first = {row.arm: row for row in reversed(plan.rows) if row.kind == "give"}
        orders = {order.number: order for order in content.orders}

        assert first["platelets"].at == plan.starts_at
        assert first["corticosteroid"].at == first["platelets"].until
        assert first["ivig"].at == first["corticosteroid"].until
        assert content.rate_plan.steps[0].starts_at == first["ivig"].at
        assert content.rate_plan.ends_at == first["ivig"].until
        for row in first.values():
            assert row.order_number is not None
            assert orders[row.order_number].start_at == row.at
        assert from_plain(to_plain(content)) == content

        timeline = signed_timeline(content)
        summary = summarise(
            proposal,
            chosen=[proposal.cards_by_code[order] for order in proposal.orders if order in _codes(proposal)],
            missing=(),
            starts_at=plan.starts_at,
        )
        assert timeline is not None
        assert summary.timeline is not None
        assert [row.at for row in timeline.rows] == [row.at for row in summary.timeline.rows]

    @pytest.mark.hazard("H09")
    def test_a_choice_that_shares_one_line_is_refused_though_what_is_recommended_does_not(
        self, physician: Client, site: Site
    ) -> None:
        answers = {}
        for lines in (1, 2):
            assessment = assess(site, venous_lines=lines)
            cards = propose(assessment=assessment, product=None, at=timezone.now()).cards_by_code
            group = {
                f"line_{cards[code].group or code}": code for code in ("G4A_IVIG_24H", "G4A_PLATELETS_Q8H")
            }
            both = check(physician, assessment, choices(assessment, **group))
            alone = check(physician, assessment, choices(assessment))
            answers[lines] = (SHARED_LINE in text_of(both), SHARED_LINE in text_of(alone))

        assert answers == {1: (True, False), 2: (False, False)}

    def test_chart_shows_every_step_and_look_with_its_time(self, site: Site) -> None:
        _, content = self.content(site)
        plan = content.rate_plan
        assert plan is not None
        settings = [(row.at, row.ml_per_h) for row in plan.chart if row.ml_per_h is not None]

        assert settings == [(step.starts_at, step.ml_per_h) for step in plan.steps]
        assert [row.at for row in plan.chart] == sorted(row.at for row in plan.chart)
        assert plan.chart[-1].at - plan.chart[0].at > timedelta(minutes=plan.total_minutes)
        assert (plan.handling, plan.flush) == (
            "Single bottles in sequence, not one pooled bag",
            "Glucose 5 % or sodium chloride 0.9 %",
        )

    @pytest.mark.hazard("H10")
    @pytest.mark.parametrize(
        ("fact", "words"),
        [
            ("recent_thrombosis", "Stroke, heart attack or venous clot in the last 3 months"),
            ("immunoglobulin_reaction", "Anaphylaxis or severe reaction to human immunoglobulin"),
        ],
    )
    def test_a_risk_that_no_list_holds_stands_among_the_risks(
        self, site: Site, fact: str, words: str
    ) -> None:
        _, known = self.content(site, without="ivig", **{fact: True})
        _, denied = self.content(site, without="ivig", **{fact: False})

        assert words in known.basis.risks
        assert words not in denied.basis.risks

    def test_moving_t0_moves_every_time_of_the_plan(self, physician: Client, site: Site) -> None:
        assessment = assess(site, venous_lines=2)
        soon = timezone.localtime() + timedelta(hours=1)
        pages = [
            text_of(
                refresh(
                    physician,
                    assessment,
                    "order-summary",
                    choices(assessment, starts_at=f"{start:%d-%b-%Y %H:%M}"),
                )
            )
            for start in (soon, soon + timedelta(minutes=45))
        ]

        for page, start in zip(pages, (soon, soon + timedelta(minutes=45)), strict=True):
            assert "All arms in time" in page
            # The count after the platelets, from 10 minutes after their half hour.
            assert f"{start + timedelta(minutes=40):%H:%M}" in page

    def test_what_ends_on_another_day_says_so(self, physician: Client, site: Site) -> None:
        assessment = assess(site, venous_lines=2)
        start = timezone.localtime() + timedelta(hours=1)
        group = {"line_ivig": "G4A_IVIG_24H", "starts_at": f"{start:%d-%b-%Y %H:%M}"}

        page = text_of(refresh(physician, assessment, "order-summary", choices(assessment, **group)))

        day_after = start + timedelta(days=1)
        assert re.search(rf"{start.day} {start:%b %H:%M} to {day_after.day} {day_after:%b} \d\d:\d\d", page)
        assert f"done about {day_after:%d-%b}" in page

    @pytest.mark.hazard("H10")
    def test_products_stand_with_their_reasons_and_a_blocked_one_cannot_be_chosen(
        self, physician: Client, site: Site
    ) -> None:
        assessment = assess(site, fructose_intolerance=True, hyperprolinaemia=True)
        page = open_page(physician, assessment).content.decode()
        shown = shown_formulary(propose(assessment=assessment, product=None, at=timezone.now()))
        assert shown is not None
        by_key = {product.key: product for product in shown.products}

        # Gamunex-C carries the caution about saline, so that a product without one stands before it.
        assert shown.suggestion == "Panzyga"
        assert not by_key["flebogamma_dif_10"].is_open
        assert by_key["privigen"].is_chosen
        assert by_key["privigen"].standing == "blocked"
        assert 'value="flebogamma_dif_10"' not in page
        assert "Flebogamma DIF 10%" in page
        assert "may be fatal in fructose intolerance" in page


def _codes(proposal: Proposal) -> set[str]:
    return {card.code for card in proposal.cards if card.role == "required"}
