"""What people see of a version that waits, of one whose review is overdue, and of what a new one changes."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.encounters.models import Encounter
from ivigsite.orders.actions import sign_order_set
from ivigsite.orders.models import OrderSet
from ivigsite.orders.proposal import CannotOrder
from protocols import actions
from protocols.lifecycle import State
from protocols.models import NoteRead, ProtocolVersion
from tests.orders.test_pages import text_of
from tests.orders.test_signing import check, choices, sign
from tests.revisions.versions import (
    REVIEW_DUE,
    replace_version,
    reviewed_version,
    who,
    with_half_the_steroid,
)
from tests.scenario import PASSWORD, Site, assess, person

pytestmark = pytest.mark.django_db

OVERDUE = "overdue since"


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(who(username))
    return client


def step_in_the_future(version: ProtocolVersion, moment: datetime) -> Any:
    client, url = signed_in("approver"), reverse("protocol_step", args=[version.pk, "approve"])
    form = client.get(url).context["form"]
    shown = {bound.name: bound.value() for bound in form if bound.value() is not None}
    typed = timezone.localtime(moment).strftime("%d-%b-%Y %H:%M")
    wrong = client.post(url, {**shown, "review_in": "365", "password": PASSWORD, "in_force_from": "soon"})
    assert wrong.status_code == 422
    assert "soon" in wrong.content.decode()
    return client.post(url, {**shown, "review_in": "365", "password": PASSWORD, "in_force_from": typed})


@pytest.mark.hazard("H19")
def test_version_approved_for_later_is_signed_on_only_with_a_reason_from_that_moment(
    site: Site, physician: Client
) -> None:
    made = assess(site)
    version = reviewed_version(with_half_the_steroid(), at=timezone.now())
    moment = timezone.now().replace(second=0, microsecond=0) + timedelta(hours=1)
    assert step_in_the_future(version, moment).status_code == 302
    assert "Approved, in force from" in text_of(signed_in("author").get(reverse("protocols:versions")))
    shown = check(physician, made, choices(made))

    # At that moment, and before anybody has asked what is in force.
    with pytest.raises(CannotOrder, match="was replaced in the meantime"):
        sign_order_set(
            assessment=made,
            choices=shown.context["form"].to_choices(),
            shown_digest=shown.context["digest"],
            key=uuid4(),
            by=site.physician,
            at=moment,
        )

    assert check(physician, made, choices(made)).status_code == 200
    actions.take_effect(at=moment)
    assert check(physician, made, choices(made)).status_code == 422
    assert not OrderSet.objects.exists()
    assert list(ProtocolVersion.objects.order_by("number").values_list("state", flat=True)) == [
        State.RETIRED,
        State.APPROVED,
    ]
    assert Encounter.objects.get().protocol_version == site.version


def test_overdue_review_is_said_wherever_advice_is_given(
    site: Site, physician: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    made = assess(site)
    pages = {
        "encounter": reverse("encounter", args=[site.encounter.pk]),
        "assessment": reverse("assessment", args=[made.pk]),
        "reassessment": reverse("assess", args=[site.encounter.pk]),
        "quick check": reverse("quick_check"),
        "protocol": reverse("protocols:current"),
    }
    assert not [name for name, url in pages.items() if OVERDUE in text_of(physician.get(url))]
    # As if years had passed: of the version, for its own row refuses to be changed.
    monkeypatch.setattr(
        "protocols.reading.review_overdue_since", lambda version, *, on: date(2020, 5, 1), raising=True
    )
    for place in (
        "protocols.templatetags.protocol_words",
        "ivigsite.orders.content",
        "ivigsite.orders.status",
    ):
        monkeypatch.setattr(f"{place}.review_overdue_since", lambda version, *, on: date(2020, 5, 1))

    silent = [name for name, url in pages.items() if OVERDUE not in text_of(physician.get(url))]
    preview = physician.post(
        reverse("quick_check"), {"platelets_per_ul": "18000"}, headers={"HX-Request": "true"}
    )
    sign(physician, made, choices(made))
    order_set = OrderSet.objects.get()

    assert silent == []
    assert OVERDUE in text_of(preview)
    assert order_set.sheet_content.protocol.review_overdue_since == date(2020, 5, 1)
    sheets = [
        text_of(physician.get(reverse("html_sheet", args=[order_set.pk, document])))
        for document in ("order_set",)
    ]
    assert all("REVIEW OVERDUE" in text for text in sheets)
    assert "Review overdue:" in text_of(physician.get(order_set.get_absolute_url()))
    assert OVERDUE in text_of(Client().get(reverse("status", args=[order_set.code])))


def test_change_note_stands_on_the_first_pages_until_it_is_read_and_comes_to_everybody(
    site: Site, physician: Client
) -> None:
    urls = [reverse(name) for name in ("board", "quick_check", "protocols:current")]
    before = [text_of(physician.get(url)) for url in urls]
    new = replace_version()
    shown = [text_of(physician.get(url)) for url in urls]

    answer = physician.post(reverse("protocols:read_note", args=[new.pk]), {"back": "quick_check"})
    elsewhere = physician.post(reverse("protocols:read_note", args=[new.pk]), {"back": "//evil.example"})

    assert answer["Location"] == reverse("quick_check")
    assert elsewhere["Location"] == reverse("protocols:current")
    assert not any("The protocol has changed" in text for text in before)
    assert all("The protocol has changed: version 2 Half the steroid." in text for text in shown)
    assert not any("The protocol has changed" in text_of(physician.get(url)) for url in urls)
    assert NoteRead.objects.get().by == site.physician
    assert "Half the steroid." in text_of(signed_in("nurse").get(reverse("board")))


def test_rejected_proposals_are_listed_with_who_and_why(site: Site, physician: Client) -> None:
    version = reviewed_version(with_half_the_steroid(), at=timezone.now())
    actions.reject(version=version, reason="Too little evidence.", by=who("approver"), at=timezone.now())

    page = text_of(physician.get(reverse("protocols:versions")))

    rejected = page[page.index("Rejected proposals") :]
    assert "version 2" in rejected
    assert "Too little evidence." in rejected
    assert "Approver" in rejected
    assert "Half the steroid." in rejected


def test_editorial_policy_is_read_by_everybody(site: Site, physician: Client) -> None:
    person("pharmacist", "pharmacist", site.ward)

    for client in (physician, signed_in("pharmacist"), signed_in("author")):
        assert "Three people, never one" in text_of(client.get(reverse("protocols:policy")))
    assert timezone.localdate() < REVIEW_DUE
