"""Several people, or one impatient one, at the same moment: one answer, nothing overwritten, no fork."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.audit.actions import find_problems, record
from ivigsite.audit.models import AuditEntry
from ivigsite.encounters.models import Assessment, Encounter, Patient
from ivigsite.orders import views
from ivigsite.orders.actions import begin_first_prints, keep_file
from ivigsite.orders.models import OrderSet, OrderSetEnding, SheetFile, SheetPrint
from ivigsite.orders.sheet.documents import ROLE_SHEETS
from ivigsite.orders.sheet.states import Paper
from tests.encounters.answers import PATIENT, saving
from tests.orders.test_signing import choices, sign
from tests.safety.world import client_of, signature
from tests.scenario import PASSWORD, Site, assess, build_site, person

pytestmark = pytest.mark.django_db(transaction=True)

CLICKS = 5
KEYS = 4
PAIRS = 4


@pytest.fixture
def site(transactional_db: None) -> Site:
    return build_site(at=timezone.now())


@pytest.fixture
def colleague(site: Site) -> User:
    return person("colleague", "haematologist", site.ward)


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all of them together; what each gave, or raised, in their order."""
    barrier = Barrier(len(acts))
    given: list[Any] = [None] * len(acts)

    def run(number: int) -> None:
        barrier.wait(30)
        try:
            given[number] = acts[number]()
        except Exception as error:  # noqa: BLE001
            given[number] = error
        finally:
            connection.close()

    threads = [Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return given


def posting(client: Client, url: str, data: dict[str, Any]) -> Callable[[], Any]:
    # A client of its own: two threads may not share a cookie jar.
    own = Client(raise_request_exception=False)
    own.cookies = client.cookies
    return lambda: own.post(url, data)


def statuses(answers: Sequence[Any]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


@pytest.mark.hazard("H13")
def test_each_key_signs_once_however_often_it_is_clicked(site: Site) -> None:
    client = client_of(site.physician)
    for number in range(1, KEYS + 1):
        made = assess(site)
        posted = signature(client, made, choices(made))
        url = reverse("sign_orders", args=[made.pk])

        answers = at_once([posting(client, url, posted) for _ in range(CLICKS)])

        signed = OrderSet.objects.get(idempotency_key=posted["idempotency_key"])
        assert [(answer.status_code, answer.headers.get("Location")) for answer in answers] == [
            (302, signed.get_absolute_url())
        ] * CLICKS
        assert (OrderSet.objects.count(), signed.prints.count()) == (number, len(ROLE_SHEETS))
    assert OrderSet.objects.active().count() == 1
    assert find_problems() == []


def test_two_prescribers_sign_one_assessment_once(site: Site, colleague: User) -> None:
    made = assess(site)
    posts = []
    for user in (site.physician, colleague):
        client = client_of(user)
        posts.append(
            posting(
                client,
                reverse("sign_orders", args=[made.pk]),
                signature(client, made, choices(made)),
            )
        )

    answers = at_once(posts)

    assert statuses(answers) == {302: 1, 409: 1}
    assert OrderSet.objects.count() == 1


@pytest.mark.hazard("H12")
def test_of_two_who_assess_at_once_one_is_told_of_the_other(site: Site, colleague: User) -> None:
    clients = [client_of(site.physician), client_of(colleague)]
    for number in range(1, PAIRS + 1):
        url = reverse("assess", args=[site.encounter.pk])
        posts = [
            posting(client, url, saving(site.encounter, weight_kg=weight))
            for client, weight in zip(clients, ("70", "80"), strict=True)
        ]

        answers = at_once(posts)

        assert statuses(answers) == {302: 1, 409: 1}
        lost = next(answer for answer in answers if answer.status_code == 409)
        assert b"70" in lost.content
        assert b"80" in lost.content
        assert Assessment.objects.count() == number
    assert Encounter.objects.get().version == PAIRS + 1
    assert find_problems() == []


@pytest.mark.hazard("H12")
def test_of_two_who_correct_a_patient_one_is_told_of_the_other(site: Site, colleague: User) -> None:
    patient = Patient.objects.get()
    url = reverse("correct_patient", args=[patient.pk])
    posts = [
        posting(
            client_of(user),
            url,
            {**PATIENT, "allergies_known": "listed", "allergies": allergy, "version": "1"},
        )
        for user, allergy in ((site.physician, "Penicillin"), (colleague, "Latex"))
    ]

    answers = at_once(posts)

    assert statuses(answers) == {302: 1, 409: 1}
    lost = next(answer for answer in answers if answer.status_code == 409)
    assert b"Penicillin" in lost.content
    assert b"Latex" in lost.content
    assert Patient.objects.get().version == 2


@pytest.mark.hazard("H13")
def test_a_patient_admitted_by_a_double_click_is_one_patient_in_one_encounter(site: Site) -> None:
    client = client_of(site.physician)
    posted = {**PATIENT, "ward": str(site.ward.pk), "bed": "4", "idempotency_key": str(uuid4())}

    answers = at_once([posting(client, reverse("new_patient"), posted) for _ in range(CLICKS)])

    opened = Encounter.objects.exclude(pk=site.encounter.pk).get()
    where = reverse("assess", args=[opened.pk])
    assert {(a.status_code, a.headers.get("Location")) for a in answers} == {(302, where)}
    assert Patient.objects.count() == 2


def test_an_order_set_is_voided_once(site: Site, colleague: User) -> None:
    made = assess(site)
    sign(client_of(site.physician), made, choices(made))
    url = reverse("void_order_set", args=[OrderSet.objects.get().pk])
    posts = [
        posting(client_of(user), url, {"reason": f"Said {user.username}", "password": PASSWORD})
        for user in (site.physician, colleague)
    ]

    answers = at_once(posts)

    assert statuses(answers) == {302: 1, 409: 1}
    assert OrderSetEnding.objects.count() == 1


def test_copies_printed_at_once_have_numbers_of_their_own(site: Site) -> None:
    client = client_of(site.physician)
    made = assess(site)
    sign(client, made, choices(made))
    order_set = OrderSet.objects.get()
    url = reverse("print_sheet", args=[order_set.pk])
    first = order_set.prints.get(document="order_set")
    keep_file(print_=first, data=b"%PDF", at=timezone.now())
    client.get(reverse("sheet_file", args=[first.pk]))

    answers = at_once([posting(client, url, {"paper": "A4"}) for _ in range(3)])

    assert statuses(answers) == {302: 3}
    copies = order_set.prints.filter(document="order_set")
    assert sorted(copies.values_list("copy_number", flat=True)) == [1, 2, 3, 4]


def test_a_file_that_two_made_is_kept_once(site: Site) -> None:
    made = assess(site)
    sign(client_of(site.physician), made, choices(made))
    order_set = OrderSet.objects.get()
    now = timezone.now()

    for paper in (Paper.A4, Paper.LETTER):
        print_ = SheetPrint.objects.create(
            order_set=order_set,
            copy_number=order_set.prints.filter(document="order_set").count() + 1,
            printed_at=now,
            printed_by=site.physician,
            paper=paper,
            state="copy",
        )

        kept = at_once(
            [
                partial(keep_file, print_=print_, data=data, at=timezone.now())
                for data in (b"one", b"two", b"three")
            ]
        )

        stored = SheetFile.objects.get(print=print_)
        assert [getattr(file, "sha256", file) for file in kept] == [stored.sha256] * 3


def test_the_first_copy_is_begun_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    made = assess(site)
    with monkeypatch.context() as patch:
        patch.setattr(views, "begin_first_prints", lambda **_kept: [])
        sign(client_of(site.physician), made, choices(made))
    order_set = OrderSet.objects.get()

    def begin() -> Any:
        return begin_first_prints(order_set=order_set, paper=Paper.A4, by=site.physician, at=timezone.now())

    begun = at_once([begin] * 3)

    assert sorted(len(prints) for prints in begun) == [0, 0, len(ROLE_SHEETS)]
    assert order_set.prints.count() == len(ROLE_SHEETS)


def test_the_audit_chain_does_not_fork_under_many_writers(site: Site) -> None:
    before = AuditEntry.objects.count()

    def write() -> None:
        for _ in range(10):
            record(action="tried", by=site.physician, at=timezone.now(), details={"one": "1"})

    given = at_once([write] * CLICKS)

    assert given == [None] * CLICKS
    assert AuditEntry.objects.count() == before + 10 * CLICKS
    assert find_problems() == []


def test_wrong_passwords_at_once_are_all_counted(site: Site) -> None:
    from ivigsite.accounts.models import FailedPasswords

    posted = {"username": "physician", "password": "not this one, surely"}

    answers = at_once([posting(Client(), reverse("login"), posted) for _ in range(CLICKS)])

    assert statuses(answers) == {422: CLICKS}
    counted = FailedPasswords.objects.get().count
    # A try that came while the account waited is refused without being counted.
    assert 4 <= counted <= CLICKS
