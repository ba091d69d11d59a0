"""A version on its way through the hospital: pages, steps with a password, proofs and recall."""

import csv
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ivigsite.audit.models import AuditEntry
from ivigsite.revisions import views
from ivigsite.revisions.recall import recalled
from protocols import actions
from protocols.lifecycle import State
from protocols.models import Proof, ProofState, ProtocolVersion, Text
from protocols.proving import prove_at_once
from protocols.replaying import Stored
from protocols.steps import STEPS
from tests.protocols.factory import AT, approved, draft, person, reviewed, submitted
from tests.protocols.test_mapping import drop_trigger
from tests.scenario import PASSWORD

pytestmark = pytest.mark.django_db

ROLES = {
    "author": "protocol_author",
    "reviewer": "protocol_reviewer",
    "approver": "protocol_approver",
    "second": "admin",
    "nurse": "nurse",
}


def as_(username: str) -> Client:
    somebody: Any = person(username)
    somebody.role = ROLES[username]
    somebody.set_password(PASSWORD)
    somebody.save()
    client = Client()
    client.force_login(somebody)
    return client


def take(username: str, version: ProtocolVersion, name: str, **answers: str) -> Any:
    """Open a step, fill it in as shown, and send it."""
    client = as_(username)
    url = reverse("protocol_step", args=[version.pk, name])
    form = client.get(url).context["form"]
    shown = {bound.name: bound.value() for bound in form if bound.value() is not None}
    return client.post(url, {**shown, "password": PASSWORD, **answers})


@pytest.mark.hazard("H20")
def test_version_goes_through_its_life_with_three_people_and_two_confirmed_proofs() -> None:
    version = draft()
    assert take("author", version, "submit").status_code == 302
    assert take("reviewer", version, "start_review").status_code == 302
    assert take("reviewer", version, "record_review", words="Read every row.").status_code == 302
    refused = take("approver", version, "approve", review_in="365")
    assert refused.status_code == 409
    assert "no fresh comparison" in refused.content.decode()
    approver = as_("approver")
    for kind in ("comparison", "replay"):
        asked = approver.post(reverse("ask_for_proof", args=[version.pk]), {"kind": kind}, follow=True)
        assert "Waiting" in asked.content.decode()
    call_command("run_jobs", "--once", verbosity=0)
    for kind in ("comparison", "replay"):
        assert "would change" in approver.get(reverse("proof", args=[version.pk, kind])).content.decode()
        assert approver.post(reverse("confirm_proof", args=[version.pk, kind])).status_code == 302

    assert take("approver", version, "approve", review_in="365").status_code == 302

    version.refresh_from_db()
    assert version.state == State.APPROVED
    assert version.approved_at is not None
    assert version.review_due_on is not None
    assert (version.review_due_on - version.approved_at.date()).days == 365
    assert AuditEntry.objects.filter(action="protocol.approve").count() == 1


@pytest.mark.parametrize("name", STEPS)
def test_step_that_is_not_offered_is_refused(name: str) -> None:
    version = draft()
    client, url = as_("reviewer"), reverse("protocol_step", args=[version.pk, name])

    assert client.get(url).status_code == 403
    assert client.post(url, {"seen": "1", "words": "x", "password": PASSWORD}).status_code == 403
    assert ProtocolVersion.objects.get().state == State.DRAFT


def test_step_with_a_wrong_password_changes_nothing_and_keeps_the_words() -> None:
    version = approved()

    answer = take("approver", version, "withdraw", words="It is wrong.", password="not it")

    assert answer.status_code == 403
    assert "It is wrong." in answer.content.decode()
    assert "not your password" in answer.content.decode()
    assert ProtocolVersion.objects.get().state == State.APPROVED


@pytest.mark.hazard("H20")
@pytest.mark.parametrize(
    ("make", "username", "name", "answers"),
    [
        (reviewed, "approver", "approve", {"review_in": "365"}),
        (reviewed, "approver", "reject", {"words": "No."}),
        (submitted, "reviewer", "start_review", {}),
        (approved, "approver", "withdraw", {"words": "Wrong."}),
        (draft, "author", "submit", {}),
    ],
)
def test_step_on_other_content_than_was_shown_is_refused(
    make: Callable[[], ProtocolVersion], username: str, name: str, answers: dict[str, str]
) -> None:
    version = make()

    answer = take(username, version, name, seal="0" * 64, **answers)

    assert answer.status_code == 409
    assert "not the content you were shown" in answer.content.decode()
    assert ProtocolVersion.objects.get().state == version.state


def test_step_on_a_version_that_moved_meanwhile_says_who_was_faster() -> None:
    version = submitted()
    actions.start_review(version=version, by=person("reviewer"), at=AT + timedelta(hours=1))

    answer = take("approver", version, "reject", words="No.", seen="1")

    assert answer.status_code == 409
    assert "Somebody else has changed this version" in answer.content.decode()
    assert "by Reviewer" in answer.content.decode()


@pytest.mark.parametrize("seen", ["", "x", "-1", "²"])
def test_step_with_a_tampered_count_asks_again(seen: str) -> None:
    assert take("reviewer", submitted(), "start_review", seen=seen).status_code == 422


def test_step_without_its_words_asks_again() -> None:
    answer = take("approver", approved(), "withdraw", words=" ")

    assert answer.status_code == 422
    assert "There is a problem" in answer.content.decode()


def test_draft_with_problems_is_not_submitted_and_names_the_field() -> None:
    answer = take("author", draft(citations=()), "submit")

    assert answer.status_code == 409
    assert "Grade bands, 1</a>" in answer.content.decode()


def test_withdrawn_version_is_restored_by_two_people() -> None:
    version = approved()
    take("approver", version, "withdraw", words="It is wrong.")
    take("approver", version, "ask_to_restore", words="It was right.")
    assert take("approver", version, "restore").status_code == 409

    assert take("second", version, "restore").status_code == 302

    assert ProtocolVersion.objects.get().state == State.APPROVED


def test_versions_page_leads_those_who_work_on_it_to_the_workspace() -> None:
    link = reverse("workspace", args=[draft().pk])

    assert f'href="{link}"' in as_("reviewer").get(reverse("protocols:versions")).content.decode()
    assert link not in as_("nurse").get(reverse("protocols:versions")).content.decode()


def test_workspace_shows_problems_cases_proofs_and_history() -> None:
    version = draft()

    page = as_("author").get(reverse("workspace", args=[version.pk])).content.decode()

    for words in ("There are no problems.", "A low count gives both", "Ask for the comparison", "Imported"):
        assert words in page


def test_workspace_of_a_draft_with_problems_names_them_and_tries_no_case() -> None:
    page = as_("author").get(reverse("workspace", args=[draft(citations=()).pk])).content.decode()

    assert "The citation C10 does not exist." in page
    assert "tried once there are no problems" in page


def test_draft_with_problems_is_not_proved() -> None:
    version = draft(citations=())

    answer = as_("author").post(reverse("ask_for_proof", args=[version.pk]), {"kind": "comparison"})

    assert answer.status_code == 409
    assert not Proof.objects.exists()


def test_an_approved_version_is_proved_no_more_and_its_page_does_not_offer_it() -> None:
    version = approved()
    author, made = as_("author"), Proof.objects.count()

    page = author.get(reverse("workspace", args=[version.pk])).content.decode()
    answer = author.post(reverse("ask_for_proof", args=[version.pk]), {"kind": "comparison"})

    assert "Ask for the" not in page
    assert "no more can be asked for" in page
    assert answer.status_code == 409
    assert Proof.objects.count() == made


@pytest.mark.hazard("H20")
def test_pages_of_a_version_with_a_broken_seal_say_that_it_cannot_be_used() -> None:
    version = submitted()
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")
    client = as_("approver")

    for name in ("workspace", "compare"):
        answer = client.get(reverse(name, args=[version.pk]))
        assert answer.status_code == 409
        assert "something else than what was submitted" in answer.content.decode()


def test_first_version_has_nothing_to_be_compared_with() -> None:
    version = draft()

    page = as_("nurse").get(reverse("compare", args=[version.pk])).content.decode()

    assert "nothing to compare it with" in page
    assert reverse("protocols:version", args=[version.pk]) in page
    assert "<table" not in page


def test_comparison_page_shows_each_changed_field() -> None:
    approved()
    version = draft(title="Another title")

    page = as_("nurse").get(reverse("compare", args=[version.pk])).content.decode()

    assert "A small protocol" in page
    assert "Another title" in page
    assert as_("nurse").get(reverse("compare", args=[version.pk]), {"with": "1"}).status_code == 200
    assert as_("nurse").get(reverse("compare", args=[version.pk]), {"with": "x"}).status_code == 404


def test_page_of_a_replay_says_how_many_could_not_be_replayed_and_why() -> None:
    version = draft()
    broken = Stored(id="demo-1", facts="{}", outcome="{}")
    prove_at_once(
        version=version,
        by=person("author"),
        at=timezone.now(),
        read_on=lambda cursor: () if cursor else (broken,),
    )

    page = as_("approver").get(reverse("proof", args=[version.pk, "replay"])).content.decode()

    assert "0 of 1 assessments would change" in page
    assert "Could not be replayed" in page
    assert "1</strong> The stored answer has no &#x27;outcome&#x27;." in page
    assert "demo-1" in page


def test_proof_whose_worker_has_fallen_silent_is_taken_up_where_somebody_looks_at_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    version, client, started = draft(), as_("author"), []
    client.post(reverse("ask_for_proof", args=[version.pk]), {"kind": "comparison"})
    monkeypatch.setattr(views, "start_working", lambda: started.append(True))

    def taken_up(**values: Any) -> bool:
        started.clear()
        Proof.objects.update(**values)
        assert client.get(reverse("proof", args=[version.pk, "comparison"])).status_code == 200
        return bool(started)

    now = timezone.now()
    assert taken_up()
    assert not taken_up(state=ProofState.RUNNING, heard_at=now)
    assert taken_up(heard_at=now - timedelta(minutes=2))
    assert not taken_up(state=ProofState.FAILED, finished_at=now)


def test_page_of_a_proof_says_how_far_it_is_and_looks_again_until_it_is_done() -> None:
    version, client = draft(), as_("author")
    for kind in ("comparison", "replay"):
        client.post(reverse("ask_for_proof", args=[version.pk]), {"kind": kind})
    part = {"changes": [{"part": "dose", "subject": "only half of it"}]}

    def page(kind: str, **values: Any) -> str:
        Proof.objects.filter(kind=kind).update(**values)
        return client.get(reverse("proof", args=[version.pk, kind])).content.decode()

    waits = page("comparison")
    cells = page("comparison", state=ProofState.RUNNING, done=300)
    counted = page("comparison", done=400, total=900)
    replay = page("replay", state=ProofState.RUNNING, done=500, total=2000, result=part)
    failed = page("comparison", state=ProofState.FAILED, finished_at=timezone.now())

    assert "It begins when the server comes to it." in waits
    assert "300</span> situations tried. How many there are in all is known once" in cells
    assert "400 of 900</span> situations tried." in counted
    assert '<progress max="900" value="400"' in counted
    assert "500 of 2,000</span> assessments tried." in replay
    assert "only half of it" not in replay
    for under_way in (waits, cells, counted, replay):
        assert 'hx-trigger="every 3s"' in under_way
        assert "Look now" in under_way
    assert "hx-trigger" not in failed.partition("<main")[2]
    assert "Look now" not in failed


def test_proof_that_is_stale_says_so_and_cannot_be_confirmed() -> None:
    version = draft()
    prove_at_once(version=version, by=person("author"), at=timezone.now())
    version.title = "Another title"
    actions.save_draft(version=version, by=person("author"), at=timezone.now())
    client = as_("approver")

    assert "no longer fresh" in client.get(reverse("proof", args=[version.pk, "replay"])).content.decode()
    assert client.post(reverse("confirm_proof", args=[version.pk, "replay"])).status_code == 409


def test_proof_of_a_broken_version_fails_and_says_why() -> None:
    version = submitted()
    as_("author").post(reverse("ask_for_proof", args=[version.pk]), {"kind": "replay"})
    drop_trigger("protocols_text", "no_update")
    Text.objects.update(body="Something else.")

    call_command("run_jobs", "--once", verbosity=0)

    assert Proof.objects.get().state in (ProofState.DONE, ProofState.FAILED)


def test_recall_of_a_version_nobody_was_treated_by_is_empty_and_says_so() -> None:
    version = approved()
    client = as_("approver")

    assert "Nobody has an order set" in client.get(reverse("recall", args=[version.pk])).content.decode()
    rows = list(csv.reader(StringIO(client.get(reverse("recall_csv", args=[version.pk])).content.decode())))

    assert len(rows) == 1
    assert list(recalled(version)) == []
    assert AuditEntry.objects.filter(action="protocol.recalled").count() == 2
    assert as_("nurse").get(reverse("recall", args=[version.pk])).status_code == 403
