"""One patient with names and numbers that nobody else has, through a whole stay: where do they turn up?"""

import io
import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse

from ivigsite.audit.models import AuditEntry
from ivigsite.encounters import selectors
from ivigsite.encounters.models import Encounter
from ivigsite.logs import JsonFormatter
from ivigsite.orders.models import OrderSet
from tests.encounters.answers import BLEED, saving
from tests.orders.test_signing import choices, sign
from tests.safety.world import client_of
from tests.scenario import PASSWORD, Site, assess

pytestmark = pytest.mark.django_db

PATIENT = {
    "record_number": "ZQX7351908",
    "family_name": "Quorvantes",
    "given_name": "Ysoldine",
    "title": "",
    "birth_date": "17-Aug-1953",
    "sex": "female",
    "allergies_known": "listed",
    "allergies": "Xylomethicane",
}
# As they may be spelt in an address or a log.
SENTINELS = re.compile(
    r"ZQX7351908|7351908|Quorvantes|Ysoldine|Xylomethicane|17-Aug-1953|1953-08-17", re.IGNORECASE
)
TARGETS = re.compile(r'(?:href|action|src|formaction|hx-[a-z-]+)="([^"]*)"')


class Heard(logging.Handler):
    """Keeps each line as it would be written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Journey(Client):
    """A browser that remembers every address it was given."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.addresses: set[str] = set()
        self.pages: list[str] = []

    def request(self, **request: Any) -> Any:
        answer: Any = super().request(**request)
        for name in ("Location", "HX-Redirect", "Content-Disposition"):
            self.addresses.add(answer.headers.get(name, ""))
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            page = answer.content.decode()
            self.pages.append(page)
            self.addresses.update(unescape(found) for found in TARGETS.findall(page))
        return answer


@pytest.fixture
def log() -> Iterator[Heard]:
    heard, root = Heard(), logging.getLogger()
    before = root.level
    root.addHandler(heard)
    root.setLevel(logging.INFO)
    yield heard
    root.setLevel(before)
    root.removeHandler(heard)


def whole_stay(client: Journey, site: Site) -> OrderSet:
    """From a quick check to a printed and voided order set, with what goes wrong on the way."""
    client.post("/quick-check/", BLEED, headers={"HX-Request": "true"})
    admitted = {**PATIENT, "ward": str(site.ward.pk), "bed": "7", "idempotency_key": str(uuid4())}
    assert client.post("/patients/new/", {**admitted, "birth_date": "03/04/1953"}).status_code == 422
    assert client.post("/patients/new/", admitted).status_code == 302
    encounter = Encounter.objects.exclude(pk=site.encounter.pk).get()
    for text in ("Quorvantes", "ZQX7351908", "ysoldine quor"):
        client.post("/search/", {"q": text})
    client.get("/")
    client.get("/?ward=HAEM&show=mine")
    client.get(reverse("patient", args=[encounter.patient_id]))
    client.get(reverse("correct_patient", args=[encounter.patient_id]))
    client.post(reverse("assess", args=[encounter.pk]), saving(encounter))
    client.post(reverse("assess", args=[encounter.pk]), saving(encounter, version="1"))
    own = Site(**{name: getattr(site, name) for name in Site.__slots__} | {"encounter": encounter})
    made = assess(own)
    client.get(made.get_absolute_url())
    client.get(reverse("encounter", args=[encounter.pk]))
    client.get(reverse("choose_orders", args=[made.pk]))
    assert sign(client, made, choices(made)).status_code == 302
    order_set = OrderSet.objects.get()
    client.get(order_set.get_absolute_url())
    url = reverse("void_order_set", args=[order_set.pk])
    client.post(url, {"reason": "For Quorvantes by mistake", "password": "wrong"})
    client.post(url, {"reason": "For Quorvantes by mistake", "password": PASSWORD})
    client.get("/nowhere/")
    return order_set


def test_no_address_says_who_the_patient_is(site: Site) -> None:
    client = Journey()
    client.force_login(site.physician)

    whole_stay(client, site)

    assert len(client.addresses) > 40
    assert [address for address in client.addresses if SENTINELS.search(unquote(address))] == []
    # The journey did meet them: what is looked for is not just misspelt.
    assert len([page for page in client.pages if SENTINELS.search(page)]) > 10


def test_no_line_of_the_log_says_who_the_patient_is(
    site: Site, log: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Journey(raise_request_exception=False)
    client.force_login(site.physician)

    whole_stay(client, site)

    def fail(*_given: object, **_named: object) -> None:
        raise ValueError("Quorvantes, Ysoldine, ZQX7351908")

    monkeypatch.setattr(selectors, "search", fail)
    assert client.post("/search/", {"q": "Quorvantes"}).status_code == 500
    strict = Client(enforce_csrf_checks=True)
    strict.post("/search/", {"q": "Quorvantes"})
    assert len(log.lines) >= 4
    assert [line for line in log.lines if SENTINELS.search(unquote(line))] == []


def test_the_trail_says_who_did_what_to_which_record_and_no_name(site: Site) -> None:
    client = Journey()
    client.force_login(site.physician)

    whole_stay(client, site)

    # The reason of a void is a person's own words, and belongs into the trail.
    entries = AuditEntry.objects.exclude(action="order_set.voided")
    assert entries.count() > 10
    assert [entry.action for entry in entries if SENTINELS.search(str(entry.details))] == []


def test_an_error_page_tells_a_stranger_nothing(site: Site) -> None:
    client = Journey()
    client.force_login(site.physician)
    order_set = whole_stay(client, site)
    stranger = client_of(site.elsewhere, raise_request_exception=False)

    for name, key in (
        ("patient", order_set.encounter.patient_id),
        ("encounter", order_set.encounter_id),
        ("assessment", order_set.assessment_id),
        ("order_set", order_set.pk),
        ("sheet_file", order_set.prints.get(document="order_set").pk),
    ):
        for visitor in (stranger, Client()):
            answer = visitor.get(reverse(name, args=[key]))
            assert answer.status_code in (302, 404)
            assert not SENTINELS.search(answer.content.decode())
    told = stranger.post(
        "/patients/new/",
        {**PATIENT, "family_name": "Guess", "ward": str(site.other_ward.pk), "idempotency_key": str(uuid4())},
    )
    assert told.status_code == 422
    assert not re.search("Quorvantes", told.content.decode())


def test_the_file_has_no_patient_in_its_title_or_name(site: Site) -> None:
    client = Journey()
    client.force_login(site.physician)
    order_set = whole_stay(client, site)

    answer = client.post(reverse("print_sheet", args=[order_set.pk]), follow=True)

    pdf = pypdfium2.PdfDocument(io.BytesIO(answer.content))
    assert "QUORVANTES" in pdf[0].get_textpage().get_text_range()
    assert pdf.get_metadata_dict()["Title"]
    assert not SENTINELS.search(str(pdf.get_metadata_dict()))
    assert not SENTINELS.search(answer["Content-Disposition"])
    # The metadata of PDF/A is a packet of its own, never compressed.
    packet = answer.content[answer.content.index(b"<x:xmpmeta") : answer.content.index(b"</x:xmpmeta>")]
    assert not SENTINELS.search(packet.decode())
