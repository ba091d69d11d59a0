from collections.abc import Iterator
from csv import DictReader
from datetime import date, timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.monitoring.board import handover_lines
from ivigsite.orders import views
from ivigsite.orders.administration import NotGiven, Unit, note_unit
from ivigsite.orders.handover_paper import handover_paper
from ivigsite.orders.lot_recall import recipients
from ivigsite.orders.models import GivenProduct, OrderLine, OrderSet
from ivigsite.parsing.dates import format_date
from tests.orders.test_infusion import page_of, posted
from tests.orders.test_signing import choices, sign
from tests.scenario import Site, assess, build_site, person

pytestmark = pytest.mark.django_db

LABEL: dict[str, str] = {"unit_number": "G 77", "expires_on": "31-Jan-2099"}


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Site, UUID]]:
    """One world for the whole module; each test takes back what it did to it."""
    with django_db_blocker.unblock(), transaction.atomic(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "render_ahead", lambda *, prints: None)
        site = build_site(at=timezone.now())
        client = Client()
        client.force_login(site.physician)
        # The complete case is of group O; whether RhD matters is left open.
        made = assess(site, rhd_negative_childbearing=None)
        assert sign(client, made, choices(made)).status_code == 302
        yield site, OrderSet.objects.get().pk
        transaction.set_rollback(True)


@pytest.fixture
def site(built: tuple[Site, UUID], db: None) -> Site:
    return built[0]


@pytest.fixture
def line(built: tuple[Site, UUID], db: None) -> OrderLine:
    return OrderLine.objects.select_related("order_set__encounter").get(
        order_set_id=built[1], kind="platelets"
    )


@pytest.fixture
def in_recall(site: Site) -> Client:
    """Somebody who may ask about everybody."""
    client = Client()
    client.force_login(person("pharmacist", "pharmacist", site.other_ward))
    return client


@pytest.fixture
def nurse(site: Site) -> Client:
    client = Client()
    client.force_login(site.nurse)
    return client


def unit(line: OrderLine, site: Site, **label: Any) -> GivenProduct:
    told: dict[str, Any] = {"unit_number": "G77", "product_name": "", "expires_on": date(2099, 1, 31)}
    return note_unit(
        line=line,
        dose_number=1,
        unit=Unit(**told | label),
        given_at=line.order_set.signed_at,
        idempotency_key=uuid4(),
        by=site.nurse,
        at=timezone.now(),
    )


def post(nurse: Client, line: OrderLine, **label: str) -> Any:
    answers = posted(page_of(nurse, line.order_set), line, "unit", **LABEL | label)
    return nurse.post(reverse("note_given", args=[line.order_set_id]), answers)


def words_of(nurse: Client, line: OrderLine) -> str:
    return unescape(page_of(nurse, line.order_set).content.decode())


def test_group_and_day_of_a_unit_are_noted_by_the_page_and_shown(line: OrderLine, nurse: Client):
    answer = post(nurse, line, abo_group="ab", rhd="negative", collected_on="2-Nov-2026")

    assert answer.status_code == 302
    kept = GivenProduct.objects.get()
    assert (kept.abo_group, kept.rhd, kept.collected_on) == ("ab", "negative", date(2026, 11, 2))
    assert "ABO AB, RhD negative, collected 02-Nov-2026" in words_of(nurse, line)


@pytest.mark.hazard("H24")
@pytest.mark.parametrize("label", [{}, {"abo_group": "unknown", "rhd": "unknown", "collected_on": ""}])
def test_unit_is_noted_with_a_label_that_tells_nothing_and_the_page_says_so(
    line: OrderLine, nurse: Client, label: dict[str, str]
):
    answer = post(nurse, line, **label)

    assert answer.status_code == 302
    kept = GivenProduct.objects.get()
    assert (kept.abo_group, kept.rhd, kept.collected_on) == ("unknown", "unknown", None)
    assert "ABO not known, RhD not known, collected on a day not known" in words_of(nurse, line)


def test_page_answers_nothing_of_a_unit_by_itself(line: OrderLine, nurse: Client):
    form = next(
        shown.product_form
        for shown in page_of(nurse, line.order_set).context["shown"]
        if shown.dose.line.pk == line.pk
    )

    assert [form[name].value() for name in ("abo_group", "rhd", "collected_on")] == [None, None, ""]
    assert "checked" not in str(form["abo_group"]) + str(form["rhd"])


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("abo_group", "c", "Choose"),
        ("rhd", "weak", "Choose"),
        ("collected_on", "2/11/26", "month"),
        ("collected_on", "1-Feb-2099", "Enter a day that has been."),
    ],
)
def test_label_that_cannot_be_is_refused_beside_its_field_and_kept(
    line: OrderLine, nurse: Client, name: str, typed: str, said: str
):
    answer = post(nurse, line, **{"product_name": "Pooled, kept", name: typed})

    assert answer.status_code == 422
    (problem,) = answer.context["bound"].errors[name]
    assert said in problem
    assert "Pooled, kept" in answer.content.decode()
    assert not GivenProduct.objects.exists()


def test_unit_collected_after_it_expired_or_was_given_is_refused(line: OrderLine, site: Site, nurse: Client):
    today = timezone.localdate()
    tomorrow = timezone.localdate(line.order_set.signed_at) + timedelta(days=1)
    with pytest.raises(NotGiven, match="after it expires") as expired:
        unit(line, site, expires_on=today, collected_on=today + timedelta(days=1))
    with pytest.raises(NotGiven, match="after it was given") as early:
        unit(line, site, collected_on=tomorrow)
    yesterday = today - timedelta(days=1)
    answer = post(nurse, line, expires_on=format_date(yesterday), collected_on=format_date(today))

    assert expired.value.field == early.value.field == "collected_on"
    assert answer.status_code == 422
    unit(line, site, expires_on=today, collected_on=today)


def test_incompatible_unit_is_warned_of_on_the_page_and_no_other(line: OrderLine, site: Site, nurse: Client):
    unit(line, site, unit_number="G78", abo_group="o")
    unit(line, site, unit_number="G79")
    before = words_of(nurse, line)

    unit(line, site, abo_group="a")

    assert "not ABO-compatible" not in before
    page = words_of(nurse, line)
    assert "Unit G77 is of group A, the patient of group O: not ABO-compatible." in page
    assert page.count("not ABO-compatible") == 1


@pytest.mark.hazard("H24")
@pytest.mark.parametrize(
    ("patient", "group", "told"),
    [
        ("a", "o", "of group O, the patient of group A: its plasma may hold antibodies"),
        ("ab", "b", "of group B, the patient of group AB: its plasma may hold antibodies"),
        ("a", "ab", "of group AB, the patient of group A: not ABO-compatible."),
        ("a", "a", ""),
        (None, "o", "of group O. The patient's group is not known"),
        (None, "unknown", ""),
    ],
)
def test_group_of_a_unit_is_held_against_the_patient_in_cells_and_plasma(
    line: OrderLine, site: Site, nurse: Client, patient: str | None, group: str, told: str
):
    assess(site, blood_group=patient)
    unit(line, site, abo_group=group)

    page = words_of(nurse, line)

    assert told in page
    assert ("Unit G77 is of group" in page) is bool(told)
    assert ("its plasma may hold" in page) is ("its plasma" in told)
    assert ("watch for haemolysis" in page) is ("its plasma" in told)


def test_label_of_a_unit_is_found_by_a_recall_on_the_page_and_in_its_file(
    line: OrderLine, site: Site, in_recall: Client
):
    unit(line, site, abo_group="a", is_rhd_positive=False, collected_on=date(2026, 11, 2))
    unit(line, site, unit_number="G78")

    page = in_recall.get(reverse("lot_recall"), {"unit": "G77"}).content.decode()
    file = in_recall.get(reverse("lot_recall_csv"), {"unit": "G77"}).content.decode()
    (bare,) = recipients(product="", lot="", unit="G78")

    assert "ABO A, RhD negative, collected 02-Nov-2026" in page
    (told,) = DictReader(file.splitlines())
    assert (told["abo_group"], told["rhd"], told["collected_on"]) == ("A", "negative", "02 Nov 2026")
    assert (bare.abo_group, bare.rhd, bare.collected_on) == ("not known", "not known", "")


def test_handover_tells_the_units_and_what_is_wrong_with_one_of_them(
    line: OrderLine, site: Site, nurse: Client, django_assert_max_num_queries: Any
):
    assess(site, blood_group="a", rhd_negative_childbearing=True)
    unit(line, site, abo_group="o", is_rhd_positive=True)
    unit(line, site, unit_number="G78")

    with django_assert_max_num_queries(40):
        page = unescape(nurse.get(reverse("handover")).content.decode())
    (line_of_paper,) = handover_lines(site.nurse, ward="", at=timezone.now())
    paper = handover_paper(site.nurse, ward="", at=timezone.now())

    assert "unit G77, ABO O, RhD positive, collected on a day not known" in page
    assert "unit G78, ABO not known, RhD not known" in page
    assert "its plasma may hold antibodies" in page
    assert "offer anti-D within 72 hours" in page
    assert len(line_of_paper.noted) == 2
    assert any("unit G77, ABO O" in item for part in paper.parts for item in part.items)


def test_handover_without_a_unit_says_nothing_of_one(line: OrderLine, site: Site):
    (found,) = handover_lines(site.nurse, ward="", at=timezone.now())

    assert (found.given, found.noted) == ((), ())


@pytest.mark.parametrize(
    ("is_positive", "childbearing", "told"),
    [
        (True, True, "offer anti-D within 72 hours"),
        (True, None, "Whether the patient is RhD-negative and of childbearing potential is not known."),
        (True, False, ""),
        (False, True, ""),
    ],
)
def test_rhd_positive_unit_is_warned_of_with_what_the_protocol_says(
    line: OrderLine, site: Site, nurse: Client, is_positive: bool, childbearing: bool | None, told: str
):
    if childbearing is not None:
        # What was known before is not lost by an assessment that leaves it open.
        assess(site, rhd_negative_childbearing=childbearing)
        assess(site, rhd_negative_childbearing=None)
    unit(line, site, is_rhd_positive=is_positive)

    page = words_of(nurse, line)

    assert told in page
    assert ("is RhD-positive" in page) is bool(told)


def test_group_misread_is_corrected_and_no_longer_warned_of(line: OrderLine, site: Site, nurse: Client):
    kept = unit(line, site, abo_group="b", is_rhd_positive=True, collected_on=date(2026, 11, 2))
    to = reverse("correct_given", args=[kept.pk])
    form = nurse.get(to).context["form"]
    names = ("idempotency_key", "happened_at", "unit_number", "expires_on", "rhd", "collected_on")
    answers = {name: str(form[name].value()) for name in names}
    assert (form["abo_group"].value(), answers["rhd"], answers["collected_on"]) == (
        "b",
        "positive",
        "02-Nov-2026",
    )
    assert "not ABO-compatible" in words_of(nurse, line)

    answer = nurse.post(to, {**answers, "abo_group": "o", "why": "misread", "do": "correct"})

    assert answer.status_code == 302
    (now,) = GivenProduct.objects.all()
    assert (now.abo_group, now.rhd, now.collected_on) == ("o", "positive", date(2026, 11, 2))
    page = words_of(nurse, line)
    assert "not ABO-compatible" not in page
    assert "ABO B, RhD positive" in page


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"abo_group": "c"}, "given_group_is_a_known_one"),
        ({"rhd": "weak"}, "given_group_is_a_known_one"),
        ({"collected_on": date(2099, 2, 1)}, "given_was_collected_before_it_expired"),
        (
            {"unit_number": "", "lot_number": "P1", "grams": "10", "abo_group": "a"},
            "given_group_is_of_a_unit",
        ),
    ],
)
def test_database_too_refuses_a_label_that_cannot_be(
    line: OrderLine, site: Site, change: dict[str, Any], constraint: str
):
    row = unit(line, site)
    row.pk, row.idempotency_key, row.unit_number = uuid4(), uuid4(), "G78"
    for name, value in change.items():
        setattr(row, name, value)

    with pytest.raises(DatabaseError, match=constraint), transaction.atomic():
        row.save(force_insert=True)


@pytest.mark.parametrize("sql", ["UPDATE {} SET abo_group = 'o'", "DELETE FROM {}"])
def test_group_that_was_noted_never_changes(line: OrderLine, site: Site, sql: str):
    unit(line, site, abo_group="a")

    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        connection.cursor().execute(sql.format("orders_givenproduct"))
