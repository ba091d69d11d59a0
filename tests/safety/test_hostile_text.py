"""Text that would like to be something else: on every page and in the file it stays text."""

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

import pypdfium2
import pypdfium2.raw
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from ivigsite.encounters.models import Encounter
from ivigsite.orders.models import OrderSet
from ivigsite.orders.sheet.render import render_sheet, warm_up
from ivigsite.orders.sheet.states import Paper, PrintEvent, Void
from tests.encounters.answers import PATIENT
from tests.orders.test_signing import check, choices, sign
from tests.safety.world import client_of
from tests.scenario import PASSWORD, Site, assess

# WeasyPrint leaves its colour profile to the garbage collector.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning"),
]

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src="file:///etc/passwd">'
FORMULA = '=HYPERLINK("http://evil.example","y")'
TEXTS = [
    SCRIPT,
    IMAGE,
    FORMULA,
    "{{ 7*7 }} {% debug %} ${7*7} #{7*7}",
    "<a href='http://evil.example'>x</a>",
    "url(file:///etc/passwd) @import 'http://evil.example/x.css'",
    "&lt;b&gt; &amp;amp; &#60;",
    "</title></style></body><h1>Certified</h1>",
    "<!-- --><![CDATA[ ]]>",
    "' OR 1=1; DROP TABLE orders_orderset; --",
    "%s %(name)s {0} {x}",
    "O'Brien-Ñúñez “quoted” – dash",
]
BED = "{{ 7*7 }}<b>"

ALL = " | ".join(TEXTS)
# Templates, fonts and what Python loads when it is first needed.
OUR_OWN = (Path(settings.BASE_DIR), sys.prefix, sys.base_prefix)


class Watch:
    """What is opened while it is asked; a hook of the interpreter can never be taken away, only be deaf."""

    def __init__(self) -> None:
        self.is_on = False
        self.opened: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_on and (event == "open" or event.startswith(("socket.", "subprocess.", "os.system"))):
            self.opened.append(f"{event} {arguments[0] if arguments else ''}")

    @contextmanager
    def on(self) -> Iterator[list[str]]:
        self.opened.clear()
        self.is_on = True
        try:
            yield self.opened
        finally:
            self.is_on = False


@pytest.fixture(scope="module")
def watch() -> Watch:
    watch = Watch()
    sys.addaudithook(watch)
    return watch


@pytest.fixture
def client(site: Site) -> Client:
    return client_of(site.physician)


def admit(client: Client, site: Site, **changes: str) -> Any:
    posted = {**PATIENT, "ward": str(site.ward.pk), "bed": BED, "idempotency_key": str(uuid4()), **changes}
    return client.post("/patients/new/", posted)


@pytest.fixture
def order_set(client: Client, site: Site) -> OrderSet:
    """An order set in which such text stands wherever a person can type."""
    answer = admit(
        client,
        site,
        family_name=SCRIPT,
        given_name=IMAGE,
        allergies_known="listed",
        allergies=ALL,
        title="<u>{{ x }}",
    )
    assert answer.status_code == 302, answer.content.decode()
    encounter = Encounter.objects.exclude(pk=site.encounter.pk).get()
    own = Site(**{name: getattr(site, name) for name in Site.__slots__} | {"encounter": encounter})
    made = assess(own)
    declined = {"reason": "other", "comment": FORMULA}
    data = choices(made, line_platelets="none")
    data |= {f"line_platelets_{name}": value for name, value in declined.items()}
    signed = sign(client, made, data)
    assert signed.status_code == 302, signed.content.decode()
    return OrderSet.objects.get()


def pages_about(client: Client, order_set: OrderSet) -> Iterator[str]:
    encounter = order_set.encounter
    for path in (
        "/",
        reverse("patient", args=[encounter.patient_id]),
        reverse("correct_patient", args=[encounter.patient_id]),
        encounter.get_absolute_url(),
        reverse("assess", args=[encounter.pk]),
        order_set.assessment.get_absolute_url(),
        reverse("choose_orders", args=[order_set.assessment_id]),
        order_set.get_absolute_url(),
        reverse("void_order_set", args=[order_set.pk]),
    ):
        yield client.get(path).content.decode()


def without_blanks(text: str) -> str:
    return re.sub(r"\s|\u00ad|\u200b", "", text)


def test_text_stays_text_on_every_page(client: Client, order_set: OrderSet) -> None:
    for page in pages_about(client, order_set):
        assert escape(SCRIPT) in page
        for text in (SCRIPT, IMAGE, "<h1>Certified", "<a href='http://evil", "<u>", "alert(1)</script"):
            assert text not in page
    for path in (order_set.get_absolute_url(), order_set.assessment.get_absolute_url()):
        page = client.get(path).content.decode()
        for text in TEXTS:
            assert escape(text) in page


def test_text_stays_text_in_the_file_and_opens_nothing(order_set: OrderSet, watch: Watch) -> None:
    warm_up()
    event = PrintEvent(printed_at=order_set.signed_at, printed_by=SCRIPT, copy_number=1)
    state = Void(reason=ALL, by=IMAGE, at=order_set.signed_at)

    with watch.on() as opened:
        data = render_sheet(order_set.sheet_content, state, Paper.A4, event)

    strange = [each for each in opened if not each.startswith(tuple(f"open {place}" for place in OUR_OWN))]
    assert strange == []
    assert not re.search(rb"/URI|/JavaScript|/Launch|root:x:0", data)
    pdf = pypdfium2.PdfDocument(io.BytesIO(data))
    words = without_blanks("".join(page.get_textpage().get_text_range() for page in pdf))
    for text in (*TEXTS, BED, FORMULA, f"{SCRIPT.upper()}, {IMAGE}"):
        assert without_blanks(text) in words


@pytest.mark.parametrize(("text", "named"), [("李小龍", "U+674E"), ("Smile 😀", "U+1F600")])
def test_letters_that_the_paper_lacks_stop_the_signature_by_name(
    client: Client, site: Site, text: str, named: str
) -> None:
    assert admit(client, site, family_name=text).status_code == 302
    encounter = Encounter.objects.exclude(pk=site.encounter.pk).get()
    own = Site(**{name: getattr(site, name) for name in Site.__slots__} | {"encounter": encounter})
    made = assess(own)

    answer = check(client, made, choices(made))

    assert answer.status_code == 409
    assert "cannot be printed" in answer.content.decode()
    assert named in answer.content.decode()
    assert text in client.get(encounter.get_absolute_url()).content.decode()
    assert not OrderSet.objects.exists()


def test_hidden_characters_and_overlong_names_are_refused(client: Client, site: Site) -> None:
    taken = [
        (field, text)
        for field in ("family_name", "given_name", "title", "bed")
        for text in ("a\u202eb", "a\0b", "\u200b\u200b", "a\u2028b", "a\x1bb", "x" * 101)
        if admit(client, site, **{field: text}).status_code != 422
    ]

    assert taken == []
    assert Encounter.objects.count() == 1


def test_text_of_a_void_stays_text(client: Client, site: Site) -> None:
    made = assess(site)
    sign(client, made, choices(made))
    order_set = OrderSet.objects.get()

    client.post(
        reverse("void_order_set", args=[order_set.pk]),
        {"reason": f"{SCRIPT} {IMAGE}", "password": PASSWORD},
    )

    for path in (order_set.get_absolute_url(), order_set.encounter.get_absolute_url()):
        page = client.get(path).content.decode()
        assert escape(SCRIPT) in page
        assert SCRIPT not in page
        assert IMAGE not in page


def test_search_and_conflict_pages_repeat_text_as_text(client: Client, site: Site) -> None:
    found = client.post("/search/", {"q": IMAGE}).content.decode()
    conflict = client.post(
        reverse("correct_patient", args=[site.encounter.patient_id]),
        {**PATIENT, "family_name": SCRIPT, "version": "99"},
    )

    assert escape(IMAGE) in found
    assert IMAGE not in found
    assert conflict.status_code == 409
    assert escape(SCRIPT) in conflict.content.decode()
    assert SCRIPT not in conflict.content.decode()
