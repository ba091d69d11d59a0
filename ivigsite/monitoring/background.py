"""What a result is judged against: the facts of the last assessment, and every result before it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ivigsite.encounters.models import Assessment, Encounter
from ivigsite.monitoring.models import Anchor, Observation
from ivigsite.monitoring.signals import platelets_noted
from ivigsite.monitoring.times import minute_of
from protocols.engine.case import case_of
from protocols.engine.decision import evaluate
from protocols.engine.facts import UNKNOWN, Kind, Unknown
from protocols.engine.monitoring import Background, Result, Run
from protocols.engine.protocol import Protocol
from protocols.engine.recommendation import Recommendation
from protocols.engine.results import RESULTS
from protocols.mapping import load_protocol_value

# What an assessment and a result both measure; the assessment's is then one more result.
SHARED: Final = ("platelets_per_ul", "creatinine_umol_per_l")
# In the order in which they say when treatment began: nothing is compared with a value from after it.
STARTS: Final = ("T0", "P0", "D0")
# The start and the end of a dose of each product that vital signs are taken around.
DOSES: Final = (("T0", "TE"), ("P0", "PE"))
LASTS: Final = tuple(end for _, end in DOSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an encounter stands: its protocol, the last assessment, and what later results are judged by."""

    protocol: Protocol
    assessment: Assessment | None
    background: Background


def standing_of(encounter: Encounter) -> Standing:
    """Read what results of this encounter are judged against."""
    protocol = load_protocol_value(encounter.protocol_version)
    assessments = list(encounter.assessments.defer("entered", "outcome"))
    last = assessments[0] if assessments else None
    outcome = evaluate(protocol, last.as_facts()) if last else None
    observations = encounter.observations.standing().only("taken_at", "values")
    anchors = list(Anchor.objects.filter(plan__encounter=encounter, name__in=[*STARTS, *LASTS]))
    return Standing(
        protocol=protocol,
        assessment=last,
        background=Background(
            facts=_values(protocol, last, outcome) if last else {},
            earlier=(*_of_assessments(assessments), *(as_result(each) for each in observations)),
            start_minute=_start_minute(anchors),
            runs=tuple(_runs(anchors, *DOSES)),
            units=(*_units(anchors), *_noted_above(encounter)),
            targets=targets_of(outcome) if isinstance(outcome, Recommendation) else UNKNOWN,
        ),
    )


def values_of(protocol: Protocol, assessment: Assessment) -> Mapping[str, Any]:
    """All that is known of a case, and what follows from it."""
    return _values(protocol, assessment, evaluate(protocol, assessment.as_facts()))


def _values(protocol: Protocol, assessment: Assessment, outcome: object) -> Mapping[str, Any]:
    if isinstance(outcome, Recommendation):
        return outcome.values
    return case_of(protocol, assessment.as_facts()).values


def targets_of(outcome: Recommendation) -> tuple[int, ...] | Unknown:
    """The counts to be at or above; unknown where the procedure that sets one is not named."""
    if outcome.branch.uses_procedure_target and outcome.procedure_target is None:
        return UNKNOWN
    of_procedure = () if outcome.procedure_target is None else (outcome.procedure_target.platelets_per_ul,)
    return (*(target.platelets_per_ul for target in outcome.targets), *of_procedure)


def as_result(observation: Observation) -> Result:
    return Result(minute=minute_of(observation.taken_at), values=values_from_plain(observation.values))


def values_to_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Exact decimals become text, as everywhere in stored JSON."""
    return {
        key: list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Decimal) else value
        for key, value in values.items()
    }


def values_from_plain(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _read(key, value) for key, value in plain.items()}


def _read(key: str, value: Any) -> Any:
    kind = RESULTS[key].kind
    if kind is Kind.DECIMAL:
        return Decimal(value)
    return tuple(value) if kind is Kind.CHOICES else value


def _of_assessments(assessments: Iterable[Assessment]) -> Iterable[Result]:
    for made in assessments:
        facts = made.as_facts()
        values = {
            key: value for key in SHARED if key in made.facts and (value := getattr(facts, key)) is not None
        }
        if values:
            yield Result(minute=minute_of(made.sampled_at or made.made_at), values=values)


def _start_minute(anchors: Iterable[Anchor]) -> int | None:
    """The first start of immunoglobulin, or of whatever is given instead; true or planned."""
    starts: dict[str, datetime] = {}
    for anchor in anchors:
        starts[anchor.name] = min(anchor.at, starts.get(anchor.name, anchor.at))
    return next((minute_of(starts[name]) for name in STARTS if name in starts), None)


def _units(anchors: Iterable[Anchor]) -> Iterable[Run]:
    """The platelet doses that truly began; a planned end is none."""
    return _runs([each for each in anchors if each.true_at is not None], ("P0", "PE"))


def _noted_above(encounter: Encounter) -> list[Run]:
    answers: list[tuple[Any, Any]] = platelets_noted.send(sender=Encounter, encounter=encounter)
    return [run for _, runs in answers for run in runs]


def _runs(anchors: Iterable[Anchor], *doses: tuple[str, str]) -> Iterable[Run]:
    """Each dose of these products with its start and end, true or planned."""
    minutes = {(each.plan_id, each.name, each.number): minute_of(each.at) for each in anchors}
    for (plan, name, number), start in minutes.items():
        for begins, ends in doses:
            if name == begins:
                yield Run(start_minute=start, end_minute=minutes.get((plan, ends, number)))
