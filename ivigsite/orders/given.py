"""What a patient has truly been given in an encounter: each dose begun, at the bedside or on paper."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.models import Act, AdministrationEvent, GivenProduct, OrderLine
from ivigsite.orders.running import ended_at
from ivigsite.orders.signals import given_on_paper
from ivigsite.parsing.dates import format_datetime
from protocols.engine.arithmetic import exactly
from protocols.engine.cumulative import DoseGiven
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.protocol import OrderKind
from protocols.engine.response import UnitGiven


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDose:
    """One dose that was begun: when, how much, and the worst reaction to it.

    `grams` is what the noted vials hold; without them what was ordered, and `grams_from` says which.
    `weight_kg` is the dosing weight of the order; of a dose on paper, which names none, that of the
    assessment `assessment_id`. Without an assessment neither is known.
    """

    kind: str
    assessment_id: UUID | None
    started_at: datetime
    ended_at: datetime | None
    # When it first stood on record; who assessed before that can have been told of it by people alone.
    noted_at: datetime
    product: str
    grams: Decimal | Unknown
    grams_from: str
    weight_kg: Decimal | Unknown
    # The key of the one product that went in; not known where it was several, or on paper.
    product_key: str | Unknown = UNKNOWN
    # As it was ordered, before it was rounded; not known on paper, and where more is noted than was ordered.
    ordered_g_per_kg: Decimal | Unknown = UNKNOWN
    reactions: tuple[AdministrationEvent, ...] = ()
    is_from_paper: bool = False
    # The latest that an end which is not noted can have been, where the paper tells enough for that.
    over_by: datetime | None = None
    # Platelet units as their labels were noted; of a dose from paper its words alone.
    units: tuple[GivenProduct, ...] = ()
    label: str = ""
    # That it was stopped before its end, and after how much; empty where it was not.
    stopped: str = ""

    @property
    def is_ivig(self) -> bool:
        return self.kind == OrderKind.IVIG

    @property
    @exactly
    def g_per_kg(self) -> Decimal | Unknown:
        """On the dosing weight."""
        if isinstance(self.grams, Unknown) or isinstance(self.weight_kg, Unknown):
            return UNKNOWN
        return self.grams / self.weight_kg

    @property
    def prescribed_g_per_kg(self) -> Decimal | Unknown:
        """What the rules of a course count: as ordered, and what the grams come to where that is not known.

        The last grams of a vial, or an infusion that was cut short, change nothing about it.
        """
        return self.g_per_kg if isinstance(self.ordered_g_per_kg, Unknown) else self.ordered_g_per_kg

    def as_dose(self) -> DoseGiven:
        return DoseGiven(minute=minute_of(self.started_at), g_per_kg=self.g_per_kg)

    def as_unit(self) -> UnitGiven:
        end = None if self.ended_at is None else minute_of(self.ended_at)
        latest = None if self.over_by is None else minute_of(self.over_by)
        return UnitGiven(start_minute=minute_of(self.started_at), end_minute=end, latest_end_minute=latest)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperDose:
    """Immunoglobulin or platelets that a downtime form says were given, with the form's number.

    `over_by` is when it was over at the latest; None where nobody can tell.
    """

    kind: str
    product: str
    grams: Decimal | Unknown
    given_at: datetime
    entered_at: datetime
    form_number: str
    # What the paper says of the label of what was given, in words.
    label: str = ""
    over_by: datetime | None = None

    @property
    def is_ivig(self) -> bool:
        return self.kind == OrderKind.IVIG

    @property
    def words(self) -> str:
        when = format_datetime(self.given_at, timezone.get_default_timezone())
        return f"Given on paper: {self.product}, {when}, form {self.form_number}."


@dataclass(frozen=True, slots=True, kw_only=True)
class FromPaper:
    """What downtime forms say of an encounter; `not_counted` are sentences on what is in no sum."""

    doses: tuple[PaperDose, ...] = ()
    not_counted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Every dose of immunoglobulin and platelets begun, oldest first, and what could not be counted."""

    doses: tuple[GivenDose, ...]
    not_counted: tuple[str, ...]


def from_paper(encounter: Encounter) -> FromPaper:
    """What the floors above know from downtime forms."""
    answers: list[tuple[Any, Any]] = given_on_paper.send(sender=Encounter, encounter=encounter)
    told: list[FromPaper] = [answer for _, answer in answers]
    return FromPaper(
        doses=tuple(dose for each in told for dose in each.doses),
        not_counted=tuple(words for each in told for words in each.not_counted),
    )


def given_in(encounter: Encounter) -> Given:
    """What was given in an encounter, in a fixed number of queries."""
    paper = from_paper(encounter)
    doses = [*_at_the_bedside(encounter), *_on_paper(encounter, paper.doses)]
    return Given(doses=tuple(sorted(doses, key=lambda dose: dose.started_at)), not_counted=paper.not_counted)


def _at_the_bedside(encounter: Encounter) -> list[GivenDose]:
    events: dict[tuple[object, int], list[AdministrationEvent]] = {}
    for event in AdministrationEvent.objects.filter(line__order_set__encounter=encounter).select_related(
        "line__order_set"
    ):
        events.setdefault((event.line_id, event.dose_number), []).append(event)
    products: dict[tuple[object, int], list[GivenProduct]] = {}
    for product in GivenProduct.objects.filter(line__order_set__encounter=encounter):
        products.setdefault((product.line_id, product.dose_number), []).append(product)
    return [_dose(told, products.get(key, [])) for key, told in events.items()]


def _on_paper(encounter: Encounter, told: Iterable[PaperDose]) -> list[GivenDose]:
    doses = list(told)
    if not doses:
        return []
    assessments = list(encounter.assessments.only("made_at", "number", "outcome", "encounter_id"))
    found = []
    for dose in doses:
        assessment = _assessment_nearest(assessments, dose.given_at)
        found.append(
            GivenDose(
                kind=dose.kind,
                assessment_id=None if assessment is None else assessment.pk,
                started_at=dose.given_at,
                ended_at=None,
                noted_at=dose.entered_at,
                product=dose.product,
                grams=dose.grams,
                grams_from=f"from paper, form {dose.form_number}",
                weight_kg=UNKNOWN if assessment is None else _dosing_weight(assessment),
                is_from_paper=True,
                over_by=dose.over_by,
                label=dose.label,
            )
        )
    return found


def _assessment_nearest(newest_first: Iterable[Assessment], moment: datetime) -> Assessment | None:
    """The one in force at that moment; before the first one, which downtime delays, the first."""
    oldest = None
    for made in newest_first:
        if made.made_at <= moment:
            return made
        oldest = made
    return oldest


def _dosing_weight(assessment: Assessment) -> Decimal | Unknown:
    weight = assessment.outcome["dosing_weight"]
    return UNKNOWN if weight is None else Decimal(weight["kg"])


def untold_by(assessment: Assessment) -> tuple[GivenDose, ...]:
    """The doses of immunoglobulin that came on record after an assessment, oldest first.

    Whatever the clock of who asks: a start that is noted in the same moment has been.
    """
    doses = ivig_of(given_in(assessment.encounter).doses)
    return tuple(dose for dose in doses if dose.noted_at > assessment.made_at)


def ivig_of(doses: Iterable[GivenDose]) -> list[GivenDose]:
    return [dose for dose in doses if dose.is_ivig]


def platelets_of(doses: Iterable[GivenDose]) -> list[GivenDose]:
    return [dose for dose in doses if not dose.is_ivig]


def _dose(events: list[AdministrationEvent], products: list[GivenProduct]) -> GivenDose:
    # The first event of a dose is its start: nothing else fits an infusion that waits.
    line = events[0].line
    grams, words = _grams(line, products)
    return GivenDose(
        kind=line.kind,
        assessment_id=line.order_set.assessment_id,
        started_at=events[0].happened_at,
        ended_at=ended_at(events),
        noted_at=min(event.entered_at for event in events),
        product=" and ".join(dict.fromkeys(each.product_name for each in products))
        or line.drug
        or "Platelets",
        grams=grams,
        grams_from=words,
        weight_kg=_weight(line),
        product_key=_product_key(line, products),
        ordered_g_per_kg=_ordered_g_per_kg(line, grams),
        reactions=tuple(each for each in events if each.act == Act.REACTION),
        units=tuple(each for each in products if each.unit_number),
        stopped=_stopped(events),
    )


def _stopped(events: Iterable[AdministrationEvent]) -> str:
    stop = next((event for event in events if event.act == Act.STOP), None)
    if stop is None:
        return ""
    return f"stopped after {stop.volume_ml} mL" if stop.volume_ml else "stopped, volume not noted"


def _grams(line: OrderLine, products: list[GivenProduct]) -> tuple[Decimal | Unknown, str]:
    if line.kind != OrderKind.IVIG:
        return UNKNOWN, ""
    noted = sum((Decimal(each.grams) * each.vials for each in products if each.grams), Decimal(0))
    if noted:
        return noted, "by the vials noted"
    if line.dose_unit == "g":
        return Decimal(line.dose_amount), "as ordered; no vials are noted"
    return UNKNOWN, "not known"


def _weight(line: OrderLine) -> Decimal | Unknown:
    weight = (line.proposal["dose"] or {}).get("weight_kg")
    return UNKNOWN if weight is None else Decimal(weight)


def _product_key(line: OrderLine, products: list[GivenProduct]) -> str | Unknown:
    """The one that went in; what was ordered where nothing is entered, and not known where it was several."""
    ordered = (line.proposal["dose"] or {}).get("product") or ""
    keys: set[str] = {each.product for each in products} or {ordered}
    return (keys.pop() if len(keys) == 1 else "") or UNKNOWN


def _ordered_g_per_kg(line: OrderLine, grams: Decimal | Unknown) -> Decimal | Unknown:
    per_kg = (line.proposal["dose"] or {}).get("per_kg")
    if per_kg is None or isinstance(grams, Unknown) or line.dose_unit != "g":
        return UNKNOWN
    return Decimal(per_kg) if grams <= Decimal(line.dose_amount) else UNKNOWN
