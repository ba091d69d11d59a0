"""One decision on five sheets: the same ids and doses, each with what its reader needs, within its pages."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import page as page_validation
import pdfua
import pytest

from ivigsite.orders.sheet import wording
from ivigsite.orders.sheet.chart import (
    before_in_short,
    chart_rows,
    halves,
    issue_rows,
    named_in_short,
    next_checks,
    orders_in_short,
    said_above,
    said_of_most,
    sources_in_a_row,
    sources_in_short,
    stickers,
    without,
)
from ivigsite.orders.sheet.checks import find_forbidden_tokens
from ivigsite.orders.sheet.content import ChartRow as PlannedRow
from ivigsite.orders.sheet.content import (
    OrderGroup,
    SheetAction,
    SheetCount,
    SheetTimedPlan,
    TimedRow,
    TrendBand,
    Vial,
)
from ivigsite.orders.sheet.documents import DOCUMENTS, ROLE_SHEETS, Document
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.render import render
from ivigsite.orders.sheet.states import Paper

from .reading import (
    NO_BREAK_SPACE,
    Case,
    all_text_of,
    assert_nothing_is_clipped_or_covered,
    file_of,
    opened,
    pages_of,
    text_of,
)
from .samples import (
    CALL,
    COUNT_AGAIN,
    IVIG,
    NEXT_ORDER_ID,
    ORDER_ID,
    PLATELETS,
    PREDNISONE,
    STATES,
    T0,
    TYPICAL,
)

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

OTHERS = tuple(document for document in ROLE_SHEETS if document is not Document.ORDER_SET)
CASES = [
    *(Case("typical", "signed", paper, document) for document in OTHERS for paper in Paper),
    Case("demo", "draft", Paper.LETTER, Document.NURSE_CHART),
    Case("longest name", "superseded", Paper.A4, Document.ISSUE_SHEET),
    Case("longest name", "void", Paper.LETTER, Document.NURSE_CHART),
    Case("all unknown", "expired", Paper.A4, Document.HANDOVER_CARD),
    Case("all unknown", "signed", Paper.LETTER, Document.ISSUE_SHEET),
    Case("estimated", "copy", Paper.A4, Document.CHECKLIST),
]
STATE_WORDS = {
    "draft": "DRAFT – NOT VALID FOR ADMINISTRATION",
    "signed": "",
    "copy": f"COPY 2 of order {ORDER_ID}, first printed",
    "superseded": "SUPERSEDED by order",
    "void": "VOID: cancelled by",
    "expired": "EXPIRED 23-Nov-2026 14:30",
}

every_sheet = pytest.mark.parametrize("case", CASES, ids=str)


@pytest.mark.hazard("H17")
@every_sheet
def test_every_page_says_what_it_is_whose_it_is_and_which_page(case: Case) -> None:
    pages = pages_of(file_of(case))

    assert DOCUMENTS[case.document].heading in text_of(pages[0])
    for number, page in enumerate(pages, start=1):
        text = text_of(page)
        assert "Born 14-Jul-1945 (81y)" in text
        assert "NHS number 999 000 1112" in text
        assert f"Order {ORDER_ID}, version 1. Page {number} of {len(pages)}" in text
        assert STATE_WORDS[case.state] in text
        assert ("DEMO – FICTIONAL PATIENT" in text) == (case.content == "demo")
    assert DOCUMENTS[case.document].end in pages[-1]


@pytest.mark.hazard("H16")
@every_sheet
def test_every_sheet_gives_each_dose_as_the_order_set_does(case: Case) -> None:
    text = all_text_of(file_of(case))
    dosed = [order for order in case.job.content.orders if order.dose]

    assert dosed
    for order in dosed:
        assert order.dose is not None
        amount = wording.format_amount(order.dose.amount, order.dose.unit).replace(NO_BREAK_SPACE, " ")
        drug = rf"{order.number} {re.escape(order.name)}"
        assert re.search(rf"{drug}[^.]{{0,80}}?(DOSE|,) {re.escape(amount)}\b", text), order.name


@every_sheet
def test_an_ordinary_order_set_keeps_to_the_pages_of_its_sheet(case: Case) -> None:
    pages = len(pages_of(file_of(case)))

    assert pages <= DOCUMENTS[case.document].most_pages + (1 if case.content == "longest name" else 0)


@every_sheet
def test_no_sheet_holds_a_notation_known_to_be_misread(case: Case) -> None:
    lines = [line for page in pages_of(file_of(case)) for line in page]
    # The code under the QR, the ids and the name of a rule are no part of an order.
    text = " ".join(line for line in lines if not re.fullmatch(r"[0-9A-F.-]{8,}", line))
    text = text.replace("999 000 1112", "").replace(ORDER_ID, "").replace(NEXT_ORDER_ID, "")
    text = re.sub(rf"HS-09|registration number \d+|{ORDER_ID[:8].upper()}[0-9A-F.-]*", "", text)

    assert find_forbidden_tokens(text) == []


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(
    "case",
    [
        *(Case("typical", "signed", Paper.A4, document) for document in OTHERS),
        *(Case("demo", state, Paper.LETTER, Document.HANDOVER_CARD) for state in STATES),
        Case("longest name", "void", Paper.LETTER, Document.NURSE_CHART),
    ],
    ids=str,
)
def test_the_file_passes_page_validation_and_pdfua(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    path.write_bytes(file_of(case))

    for profile in ("3a", "ua1"):
        failures = page_validation.validate_pdf(str(path), profile=profile).failures
        assert [(failure.rule_id, failure.message) for failure in failures] == []
    assert [str(finding) for finding in pdfua.validate(str(path)).findings] == []


@pytest.mark.parametrize("document", OTHERS)
def test_a_name_the_fonts_cannot_show_stops_every_sheet(document: Document) -> None:
    job = Case("typical", "signed", Paper.A4, document).job
    content = replace(job.content, patient=replace(job.content.patient, family_name="李"))

    with pytest.raises(SheetFailed, match=r"U\+674E"):
        render(replace(job, content=content))


def test_the_nurse_chart_has_clock_times_rates_boxes_reactions_and_stickers() -> None:
    text = all_text_of(file_of(Case("typical", "signed", Paper.A4, Document.NURSE_CHART)))

    for words in (
        "14:30 22-Nov-2026 Step 1 24.7",
        "16:00 Step 4 197",
        "19:37 22-Nov-2026 End",
        "Maximum rate 197 mL per hour.",
        "Temp. Blood pressure Pulse Breaths Oxygen Grade Initials",
        "Stop and call two values outside",
        "Grade 4: threatens life Stop, keep the line. Adrenaline.",
        "Vial 2 of 2, 40 g",
        "Unit 1 of 1",
        "Nurse 2 (independent check)",
        "ONLY IF bleeding goes on after the platelets",
    ):
        assert words in text, words


def test_the_issue_sheet_has_amounts_special_requirements_consent_and_samples() -> None:
    text = all_text_of(file_of(Case("typical", "signed", Paper.A4, Document.ISSUE_SHEET)))

    for words in (
        "DOSE 80 g",
        "Volume 800 mL",
        "Vials: 2 of 40 g",
        "Irradiated blood components needed Yes",
        "Antibodies against IgA Not known",
        "Consent for blood products Recorded",
        "Group, antibody screen and DAT sample taken Yes",
        "Allergies: Penicillin (rash); Latex",
        "Order Lot or unit",
    ):
        assert words in text, words


def test_what_nobody_told_is_not_known_on_the_issue_sheet() -> None:
    case = Case("all unknown", "signed", Paper.LETTER, Document.ISSUE_SHEET)
    text = all_text_of(file_of(case))
    older = render(replace(case.job, content=replace(case.job.content, issue_facts=())))

    for fact in case.job.content.issue_facts:
        assert f"{fact.label} Not known" in text
    assert "Not recorded Ask the prescriber for blood group, consent" in all_text_of(older)


def test_the_issue_sheet_warns_and_leaves_the_rest_to_the_order_set() -> None:
    text = all_text_of(file_of(Case("typical", "signed", Paper.A4, Document.ISSUE_SHEET)))

    assert "Warning: Thrombosis risk from age" in text
    assert "Response within 24 hours" not in text


def test_the_handover_card_is_one_glance() -> None:
    (page,) = pages_of(file_of(Case("typical", "signed", Paper.A4, Document.HANDOVER_CARD)))
    text = text_of(page)

    for words in (
        "Platelets 18,000 per microlitre (18 x 10⁹ per litre), grade 4, sampled 22-Nov-2026 13:10",
        "Bleeding Active, gastrointestinal",
        "Weight 82.3 kg",
        "Not known: immunoglobulin A; blood group",
        "16:00 197 mL per hour",
        "22-Nov-2026 14:45 Temperature, pulse, blood pressure",
        "Next checks, of 9 on the monitoring checklist",
        "6 Call haematology on call",
        "1 warning on the order set, as advice",
        "Override of HS-09: Bleeding is critical",
        "Valid until 23-Nov-2026 14:30",
    ):
        assert words in text, words


def test_the_checklist_has_every_check_with_its_due_time() -> None:
    text = all_text_of(file_of(Case("typical", "signed", Paper.A4, Document.CHECKLIST)))

    for row in TYPICAL.monitoring:
        due = wording.format_moment(row.due_at, "Europe/London") if row.due_at else row.due_text
        assert f"{row.item} {due}".replace(NO_BREAK_SPACE, " ") in text
    assert "Planned for a start of the infusion at 22-Nov-2026 14:30" in text


def test_the_chart_prints_each_planned_look_with_its_rate_and_what_is_in() -> None:
    assert TYPICAL.rate_plan is not None
    job = Case("typical", "signed", Paper.A4, Document.NURSE_CHART).job
    planned = (
        PlannedRow(at=T0 - timedelta(minutes=60), until=T0, text="Vital signs before the start"),
        PlannedRow(at=T0, text="Start", ml_per_h=Decimal("24.7"), running_volume_ml=Decimal(0)),
        PlannedRow(at=T0 + timedelta(minutes=15), text="Vital signs", running_volume_ml=Decimal("6.2")),
    )
    timed = SheetTimedPlan(
        starts_at=T0,
        title="Two lines",
        text="Side by side.",
        rows=(
            TimedRow(
                at=T0,
                until=T0 + timedelta(minutes=30),
                kind="give",
                arm="platelets",
                text="platelets",
                order_number=3,
                line=2,
            ),
            TimedRow(
                at=T0 + timedelta(minutes=40), kind="count", arm="platelets", text="Count", order_number=3
            ),
        ),
        planned_volume_ml=Decimal(1000),
        planned_volume_ml_per_kg=None,
        limit_ml_per_kg=Decimal(15),
        window_minutes=360,
        is_over_limit=False,
    )
    content = replace(
        job.content,
        timed_plan=timed,
        rate_plan=replace(TYPICAL.rate_plan, chart=planned, flush="Demonstration flush"),
    )

    text = all_text_of(render(replace(job, content=content)))

    for words in (
        "13:30 to 14:30 22-Nov-2026 Vital signs before the start 14:30 Start 24.7 0",
        "14:45 Vital signs 6.2",
        "Flush Demonstration flush.",
        "Line 2, planned to end 22-Nov-2026 15:00 22-Nov-2026 15:10 Count",
    ):
        assert words in text, words
    assert "Step 1" not in text
    assert len(chart_rows(content)) == 6


def test_a_dose_of_many_figures_goes_on_in_the_next_line() -> None:
    assert PLATELETS.dose is not None
    job = Case("typical", "signed", Paper.A4, Document.NURSE_CHART).job
    order = replace(PLATELETS, number=1, dose=replace(PLATELETS.dose, amount=Decimal(198_130)))
    file = render(replace(job, content=replace(job.content, orders=(order,), rate_plan=None)))

    with opened(file) as pages:
        for page in pages:
            assert_nothing_is_clipped_or_covered(page)
    assert "DOSE 198,130 adult doses" in all_text_of(file)
    assert len(stickers(order)) == 24
    assert stickers(order)[-1] == "Units 24 to 198,130, on a sheet of their own"


def test_a_chart_without_a_rate_plan_has_rows_to_write_in() -> None:
    rows = chart_rows(replace(TYPICAL, rate_plan=None))

    assert [rows[0].label, rows[-1].label] == ["Before", "After"]
    assert len(rows) == 8
    assert all(row.at is None and row.ml_per_h is None for row in rows)


def test_each_vial_and_each_unit_has_its_place() -> None:
    assert IVIG.dose is not None
    assert PLATELETS.dose is not None
    mixed = replace(
        IVIG, dose=replace(IVIG.dose, vials=(Vial(size=Decimal(20), count=2), Vial(size=Decimal(5), count=1)))
    )
    two_units = replace(PLATELETS, dose=replace(PLATELETS.dose, amount=Decimal(2)))

    assert [text.replace(NO_BREAK_SPACE, " ") for text in stickers(mixed)] == [
        "Vial 1 of 3, 20 g",
        "Vial 2 of 3, 20 g",
        "Vial 3 of 3, 5 g",
    ]
    assert stickers(two_units) == ("Unit 1 of 2", "Unit 2 of 2")
    assert stickers(PREDNISONE) == stickers(CALL) == ()
    assert [len(issue_rows(order)) for order in (mixed, two_units, PREDNISONE, CALL)] == [3, 3, 1, 0]


def test_a_row_of_the_chart_says_its_day_where_another_day_begins() -> None:
    before_midnight = T0.replace(hour=23, minute=50)
    planned = tuple(
        PlannedRow(at=before_midnight + timedelta(minutes=minutes), text="Vital signs")
        for minutes in (0, 5, 15, 30)
    )
    assert TYPICAL.rate_plan is not None

    rows = chart_rows(replace(TYPICAL, rate_plan=replace(TYPICAL.rate_plan, chart=planned)))

    assert [row.is_new_day for row in rows[:4]] == [True, False, True, False]


def test_what_is_done_before_treatment_is_named_by_its_numbers() -> None:
    orders = [replace(COUNT_AGAIN, number=number, group=OrderGroup.BEFORE) for number in (3, 4, 5)]

    assert before_in_short(orders) == "3 to 5 samples and checks before treatment"
    assert before_in_short(orders[:1]) == "3 sample or check before treatment"


def test_checks_of_one_thing_are_named_once_with_every_time() -> None:
    names = ["Count on day 4", "Urine output", "Pulse at 6 hours", "Count on day 7", "Pulse", "Count again"]

    assert named_in_short(names) == [
        "Count on day 4, 7",
        "Urine output",
        "Pulse at 6 hours",
        "Pulse",
        "Count again",
    ]
    assert named_in_short([]) == []


def test_a_check_for_those_at_risk_stands_with_the_one_for_everybody():
    names = [
        "Vital signs at the highest rate",
        "Vital signs at the highest rate, at risk",
        "Vital signs at the end",
        "Urine output",
        "Urine output, at risk",
        "Urine output, first dose",
        "Kidney function in the day before, at risk",
    ]

    assert named_in_short(names) == [
        "Vital signs at the highest rate (also at risk), at the end",
        "Urine output (also at risk and first dose)",
        "Kidney function in the day before, at risk",
    ]


def test_a_time_of_another_kind_is_told_whole_after_times_of_one_kind() -> None:
    names = [
        "Count at 24 hours",
        "Count at 48 hours",
        "Count before treatment",
        "Count at 6 hours",
        "Count each day",
    ]

    assert named_in_short(names) == ["Count at 24 hours, 48 hours, before treatment, at 6 hours, each day"]


def test_what_most_samples_say_stands_once_above_them() -> None:
    send, wait = "Take it now and do not wait.", "Before the treatment."
    sent = [replace(COUNT_AGAIN, name=f"{name}. {send}") for name in ("Creatinine", "Serum IgA")]
    mixed = [replace(COUNT_AGAIN, name=f"Smear. {wait}"), *sent]

    assert said_of_most([*sent, sent[0]]) == said_of_most(mixed) == send
    assert said_above([*sent, sent[0]]) == send
    assert said_above(mixed) == "Take it now and do not wait, unless the line says otherwise."
    assert [without(order, send) for order in mixed] == [
        "Smear. Before the treatment.",
        "Creatinine",
        "Serum IgA",
    ]


def test_two_columns_hold_each_row_once_the_first_never_the_shorter() -> None:
    assert halves((1, 2, 3, 4, 5)) == [(1, 2, 3), (4, 5)]
    assert halves((1, 2, 3, 4)) == [(1, 2), (3, 4)]
    assert halves((1, 2, 3)) == [(1, 2, 3)]
    assert halves(()) == []


def test_samples_keep_their_own_words_where_one_says_nothing() -> None:
    orders = [replace(COUNT_AGAIN, name=name) for name in ("A. Now.", "B. Now.", "C. Now.", "D")]

    assert said_of_most(orders) == said_of_most(orders[:2]) == said_of_most(orders[3:]) == ""
    assert without(orders[0], "") == "A. Now."


def test_the_orders_stand_once_more_above_the_signatures_each_drug_with_its_dose() -> None:
    before = tuple(replace(COUNT_AGAIN, number=number, group=OrderGroup.BEFORE) for number in (1, 2))

    told = orders_in_short((*before, replace(CALL, number=3), IVIG, PREDNISONE, COUNT_AGAIN, CALL))

    assert told == [
        "1 to 2 samples and checks before treatment",
        "3 call or test",
        f"1{NO_BREAK_SPACE}immune globulin intravenous (human) 80{NO_BREAK_SPACE}g",
        f"2{NO_BREAK_SPACE}predniSONE 80{NO_BREAK_SPACE}mg",
        "5 to 6 calls and tests",
    ]


@pytest.mark.parametrize(
    ("document", "title", "roles"),
    [
        (Document.NURSE_CHART, "Signatures", ("Nurse 1", "Nurse 2 (independent check)")),
        (Document.ISSUE_SHEET, "Collected and received", ("Collected by", "Received on the ward")),
    ],
)
def test_nobody_signs_a_page_that_does_not_say_for_which_orders(
    document: Document, title: str, roles: tuple[str, ...]
) -> None:
    for paper in Paper:
        (page,) = [
            page for page in pages_of(file_of(Case("typical", "signed", paper, document))) if title in page
        ]
        text = text_of(page)

        assert "1 immune globulin intravenous (human) 80 g; 2 predniSONE 80 mg; 3 platelets" in text
        assert all(role in text for role in roles)


@pytest.mark.parametrize("count", [20, 21])
def test_the_last_words_take_what_they_end_along_to_another_page(count: int) -> None:
    job = Case("typical", "signed", Paper.LETTER, Document.CHECKLIST).job
    # As many as leave room for all but the last line.
    checks = tuple(replace(TYPICAL.monitoring[0], item=f"Check {number}") for number in range(count))

    last = text_of(pages_of(render(replace(job, content=replace(TYPICAL, monitoring=checks))))[-1])

    assert "These checks belong to 1 immune globulin" in last
    assert "4 tranexamic acid, 1,000 mg End of checklist" in last


def test_in_the_hour_that_happens_twice_every_time_stands_whole_in_its_column() -> None:
    job = Case("typical", "signed", Paper.A4).job
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert TYPICAL.rate_plan is not None
    steps = tuple(replace(step, starts_at=first) for step in TYPICAL.rate_plan.steps)
    content = replace(
        TYPICAL,
        orders=tuple(replace(order, start_at=first) if order.dose else order for order in TYPICAL.orders),
        monitoring=(replace(TYPICAL.monitoring[0], due_at=second),),
        rate_plan=replace(TYPICAL.rate_plan, steps=steps),
        timed_plan=SheetTimedPlan(
            starts_at=first,
            title="Two lines",
            text="Side by side.",
            rows=(TimedRow(at=first, until=second, kind="give", arm="ivig", text="immune globulin"),),
            window_minutes=360,
            planned_volume_ml=Decimal(800),
            planned_volume_ml_per_kg=Decimal("9.7"),
            limit_ml_per_kg=Decimal(15),
            is_over_limit=False,
        ),
        trend=tuple(SheetCount(at=first, platelets_per_ul=118_000) for _ in range(8)),
        trend_bands=(
            TrendBand(label="Low", lower_per_ul=0, upper_per_ul=100_000),
            TrendBand(label="Normal", lower_per_ul=100_000),
        ),
    )

    for document in (Document.ORDER_SET, Document.NURSE_CHART, Document.CHECKLIST, Document.HANDOVER_CARD):
        file = render(replace(job, document=document, content=content))
        text = all_text_of(file)
        assert "25-Oct-2026 01:30 BST" in text
        if document is Document.ORDER_SET:
            assert text.count("25-Oct-2026 01:30 BST") == 8 + len(steps) + 1 + 4
            assert text.count("25-Oct-2026 01:30 GMT") == 2
        with opened(file) as pages:
            for page in pages:
                assert_nothing_is_clipped_or_covered(page)


def test_sources_beneath_a_chart_are_one_sentence() -> None:
    assert sources_in_a_row(("R1: A. 2017.", "R2: B", "HOUSE: see example.org.")) == (
        "R1: A. 2017; R2: B; HOUSE: see example.org."
    )


def test_parts_of_one_source_are_named_together_with_nothing_lost() -> None:
    references = (
        "House. Can it be given? Doses. Updated 2025.",
        "Blood Adv 2025;9(13):3238.",
        "House. Can it be given? Emergency. Rates. Updated 2025.",
        "House. Can it be given? Doses. Updated 2024.",
    )

    assert sources_in_short(references) == [
        "House. Can it be given? Doses. Emergency. Rates. Updated 2025.",
        "Blood Adv 2025;9(13):3238.",
        "House. Can it be given? Doses. Updated 2024.",
    ]


def test_a_card_counts_the_unknown_answers_it_has_no_room_for() -> None:
    card = text_of(pages_of(file_of(Case("all unknown", "expired", Paper.A4, Document.HANDOVER_CARD)))[0])
    issue = text_of(pages_of(file_of(Case("all unknown", "signed", Paper.LETTER, Document.ISSUE_SHEET)))[0])

    assert (
        "Not known: finding number 1; finding number 2; finding number 3; finding number 4; "
        "finding number 5; and 19 answers more, each named on the order set" in card
    )
    assert "Not known: 24 answers, each named on the order set" in issue


def test_a_single_unknown_answer_is_one_answer() -> None:
    content = replace(TYPICAL, basis=replace(TYPICAL.basis, not_known=("blood group",)))
    job = Case("typical", "signed", Paper.A4, Document.ISSUE_SHEET).job

    assert "Not known: 1 answer, named on the order set" in all_text_of(render(replace(job, content=content)))


def test_an_override_that_nobody_else_agreed_to_names_nobody() -> None:
    override = replace(TYPICAL.overrides[0], by="")
    job = Case("typical", "signed", Paper.A4, Document.HANDOVER_CARD).job

    text = all_text_of(render(replace(job, content=replace(TYPICAL, overrides=(override,)))))

    assert "Override of HS-09: Bleeding is critical, sample sent. Not ordered:" in text
    assert "()" not in text


def test_a_bed_that_nobody_gave_is_said() -> None:
    job = Case("typical", "signed", Paper.A4, Document.HANDOVER_CARD).job
    patient = replace(TYPICAL.patient, bed="")

    text = all_text_of(render(replace(job, content=replace(TYPICAL, patient=patient))))

    assert "Larch, bed not recorded" in text


def test_the_next_checks_are_in_the_order_of_the_clock() -> None:
    rows = next_checks(replace(TYPICAL, monitoring=tuple(reversed(TYPICAL.monitoring))))

    assert [row.due_at for row in rows] == sorted(row.due_at for row in rows if row.due_at)
    assert rows[0].due_at == T0
    assert len(rows) == 6


def test_an_action_at_the_bedside_is_held_to_the_rules_of_orders() -> None:
    job = Case("typical", "signed", Paper.A4, Document.NURSE_CHART).job
    content = replace(job.content, reactions=(SheetAction(sign="Grade 4", action="Adrenaline .5 mg"),))

    with pytest.raises(SheetFailed, match="may not stand in an order"):
        render(replace(job, content=content))
