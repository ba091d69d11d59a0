"""What a reaction means for the next order: which fact it carries on, what it refuses, what it warns of."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final
from uuid import UUID

from django.db.models import OuterRef, Subquery, UUIDField
from django.utils import timezone

from ivigsite.accounts.models import User
from ivigsite.encounters.models import Assessment, Encounter, Patient
from ivigsite.encounters.selectors import OnRecord, fact_words
from ivigsite.encounters.signals import facts_noted
from ivigsite.monitoring.selectors import KIND_WORDS
from ivigsite.monitoring.signals import encounters_overtaken, facts_overtaken, handover_noted
from ivigsite.orders.models import Act, AdministrationEvent
from ivigsite.parsing.dates import format_datetime
from protocols.engine.course import SEVERE, THREATENS_LIFE
from protocols.engine.facts import FACT_BY_KEY
from protocols.engine.protocol import OrderKind
from protocols.mapping import load_protocol_value
from protocols.prepared import Prepared, Told

FACT: Final = "immunoglobulin_reaction"


def listen() -> None:
    facts_noted.connect(_note_reaction, dispatch_uid="orders.facts_noted")
    handover_noted.connect(_hand_over, dispatch_uid="orders.reactions_noted")
    facts_overtaken.connect(_overtaken, dispatch_uid="orders.reactions_overtaken")
    encounters_overtaken.connect(_all_overtaken, dispatch_uid="orders.all_reactions_overtaken")


def reactions_of(patient: Patient, *, grade: int) -> list[AdministrationEvent]:
    """The reactions to immunoglobulin of at least this grade, in every encounter, the newest first."""
    return list(
        AdministrationEvent.objects.filter(
            line__order_set__encounter__patient=patient,
            line__kind=OrderKind.IVIG,
            act=Act.REACTION,
            grade__gte=grade,
        )
        .select_related("line__order_set")
        .order_by("-happened_at")
    )


def refusal_for(assessment: Assessment) -> str:
    """Why no immunoglobulin is signed on this assessment; empty when nothing on record speaks against it.

    A life-threatening reaction on record must be a fact of the assessment: only then do the rules see it.
    """
    if _knows_reaction(assessment.facts):
        return ""
    found = reactions_of(assessment.encounter.patient, grade=THREATENS_LIFE)
    if not found:
        return ""
    return (
        f"Immunoglobulin: {words_of(found[0])} is on record, and this assessment does not know it. "
        "Reassess the patient first."
    )


def warnings_for(assessment: Assessment, product: str) -> list[str]:
    """What to read before the same product is ordered again."""
    found = reactions_of(assessment.encounter.patient, grade=SEVERE)
    return [
        f"{_capital(words_of(event))}. Another brand and premedication, only on haematology's advice."
        for event in found
        # After one that threatens life no brand is another: the refusal and the rules speak of it.
        if event.grade != THREATENS_LIFE and product in _products_of(event)
    ]


def words_of(event: AdministrationEvent) -> str:
    """The reaction, what it was to, and when."""
    when = format_datetime(event.happened_at, timezone.get_default_timezone())
    given = event.line.given.filter(dose_number=event.dose_number).values_list("product_name", flat=True)
    to = " and ".join(dict.fromkeys(given)) or "immunoglobulin"
    return f"a grade {event.grade} reaction to {to} at {when}"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _products_of(event: AdministrationEvent) -> frozenset[str]:
    """What was truly given in that dose; what was ordered where nothing is entered."""
    given = frozenset(
        event.line.given.filter(dose_number=event.dose_number).values_list("product", flat=True)
    )
    dose: Mapping[str, Any] | None = event.line.proposal["dose"]
    return given or frozenset({(dose or {}).get("product") or ""})


def _hand_over(sender: object, *, encounters: Iterable[UUID], **_: Any) -> dict[UUID, list[str]]:
    """Every reaction of these encounters, the newest first, in one query."""
    told: dict[UUID, list[str]] = {}
    rows = AdministrationEvent.objects.filter(line__order_set__encounter__in=encounters, act=Act.REACTION)
    for event in rows.select_related("line__order_set").order_by("-happened_at"):
        when = format_datetime(event.happened_at, timezone.get_default_timezone())
        words = f"Reaction of grade {event.grade} to {KIND_WORDS[event.line.kind]}, {when}"
        told.setdefault(event.line.order_set.encounter_id, []).append(words)
    return told


def _overtaken(sender: object, *, encounter: Encounter, **_: Any) -> list[str]:
    """The newest life-threatening reaction, where the last assessment does not know of any."""
    found = reactions_of(encounter.patient, grade=THREATENS_LIFE)
    last = encounter.assessments.first()
    if not found or last is None or _knows_reaction(last.facts):
        return []
    before = fact_words(FACT, last.facts.get(FACT), load_protocol_value(encounter.protocol_version))
    return [f"{FACT_BY_KEY[FACT].label}: {before} before, {words_of(found[0])} now"]


def _all_overtaken(sender: object, *, user: User, **_: Any) -> list[UUID]:
    rows = _assessed_with_reaction().rows(user=user.pk)
    return [row.pk for row in rows if not _knows_reaction(row.facts)]


@cache
def _assessed_with_reaction() -> Prepared:
    """Encounters of patients with a life-threatening reaction, with the facts of the last assessment."""
    last = Assessment.objects.filter(encounter=OuterRef("pk")).order_by("-number")
    reactions = AdministrationEvent.objects.filter(
        line__kind=OrderKind.IVIG, act=Act.REACTION, grade=THREATENS_LIFE
    )
    return Prepared(
        Encounter.objects.for_user(Told("user", UUIDField()))
        .open()
        .filter(patient__in=reactions.order_by().values("line__order_set__encounter__patient"))
        .filter(assessments__number=1)
        .order_by()
        .annotate(facts=Subquery(last.values("facts")[:1]))
        .values_list("pk", "facts", named=True)
    )


def _knows_reaction(facts: Mapping[str, Any]) -> bool:
    return facts.get(FACT) is True


def _note_reaction(sender: object, *, encounter: Encounter, **_: Any) -> list[OnRecord]:
    found = reactions_of(encounter.patient, grade=THREATENS_LIFE)
    return [
        OnRecord(
            answers={FACT: "yes"},
            level="critical",
            source=f"{_capital(words_of(event))}, order set {event.line.order_set.code}",
            action="It is filled in below as a severe reaction to immunoglobulin. "
            "Orders of immunoglobulin are refused while the assessment says otherwise.",
        )
        for event in found[:1]
    ]
