"""What a patient has truly been given in an encounter: each dose that was begun, in two queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from ivigsite.encounters.models import Encounter
from ivigsite.monitoring.times import minute_of
from ivigsite.orders.models import Act, AdministrationEvent, GivenProduct, OrderLine
from protocols.engine.arithmetic import exactly
from protocols.engine.cumulative import DoseGiven
from protocols.engine.facts import UNKNOWN, Unknown
from protocols.engine.protocol import OrderKind
from protocols.engine.response import UnitGiven

_OVER: Final = (Act.STOP, Act.FINISH)
_ENDS_BY_GRADE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDose:
    """One dose that was begun: when, how much, and the worst reaction to it.

    `grams` is what the noted vials hold; without them what was ordered, and `grams_from` says which.
    """

    line: OrderLine
    number: int
    started_at: datetime
    ended_at: datetime | None
    product: str
    grams: Decimal | Unknown
    grams_from: str
    weight_kg: Decimal | Unknown
    reactions: tuple[AdministrationEvent, ...]

    @property
    def is_ivig(self) -> bool:
        return self.line.kind == OrderKind.IVIG

    @property
    @exactly
    def g_per_kg(self) -> Decimal | Unknown:
        """On the dosing weight of the order."""
        if isinstance(self.grams, Unknown) or isinstance(self.weight_kg, Unknown):
            return UNKNOWN
        return self.grams / self.weight_kg

    def as_dose(self) -> DoseGiven:
        return DoseGiven(minute=minute_of(self.started_at), g_per_kg=self.g_per_kg)

    def as_unit(self) -> UnitGiven:
        end = None if self.ended_at is None else minute_of(self.ended_at)
        return UnitGiven(start_minute=minute_of(self.started_at), end_minute=end)


def doses_given(encounter: Encounter) -> list[GivenDose]:
    """Every dose of immunoglobulin and platelets that was begun, oldest first."""
    events: dict[tuple[object, int], list[AdministrationEvent]] = {}
    for event in (
        AdministrationEvent.objects.filter(line__order_set__encounter=encounter)
        .select_related("line__order_set")
        .order_by("line", "dose_number", "sequence")
    ):
        events.setdefault((event.line_id, event.dose_number), []).append(event)
    products: dict[tuple[object, int], list[GivenProduct]] = {}
    for product in GivenProduct.objects.filter(line__order_set__encounter=encounter):
        products.setdefault((product.line_id, product.dose_number), []).append(product)
    doses = [_dose(told, products.get(key, [])) for key, told in events.items()]
    return sorted(doses, key=lambda dose: dose.started_at)


def ivig_of(doses: Iterable[GivenDose]) -> list[GivenDose]:
    return [dose for dose in doses if dose.is_ivig]


def platelets_of(doses: Iterable[GivenDose]) -> list[GivenDose]:
    return [dose for dose in doses if not dose.is_ivig]


def _dose(events: list[AdministrationEvent], products: list[GivenProduct]) -> GivenDose:
    # The first event of a dose is its start: nothing else fits an infusion that waits.
    line, number = events[0].line, events[0].dose_number
    grams, words = _grams(line, products)
    return GivenDose(
        line=line,
        number=number,
        started_at=events[0].happened_at,
        ended_at=next((each.happened_at for each in events if _ends(each)), None),
        product=next((each.product_name for each in products), line.drug or "Platelets"),
        grams=grams,
        grams_from=words,
        weight_kg=_weight(line),
        reactions=tuple(each for each in events if each.act == Act.REACTION),
    )


def _ends(event: AdministrationEvent) -> bool:
    return event.act in _OVER or (event.act == Act.REACTION and (event.grade or 0) >= _ENDS_BY_GRADE)


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
