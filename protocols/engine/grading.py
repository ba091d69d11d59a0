"""From a count to a grade, and from findings to a bleeding level."""

from dataclasses import dataclass

from . import lookup
from .conditions import Values
from .facts import LEVELS, UNKNOWN, Unknown
from .protocol import BleedingRule, GradeBand, Protocol


class NoBand(ValueError):
    """The protocol's bands leave this count in no grade; `review.find_problems` refuses such a protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BleedingAssessment:
    """The bleeding level that counts, what the findings alone would give, and the rows that gave it.

    A level stated by the clinician counts. `computed` is unknown while a fact that could raise it is open;
    `at_least` is then the highest level proven so far, and `possible` that one and all it can still become.
    """

    level: str | Unknown
    stated: str | Unknown
    computed: str | Unknown
    at_least: str
    possible: tuple[str, ...]
    rules: tuple[str, ...]

    @property
    def findings_suggest_higher(self) -> bool | Unknown:
        """Whether the findings prove a higher level than the one stated."""
        if self.stated is UNKNOWN:
            return False
        if LEVELS.index(self.at_least) > LEVELS.index(self.stated):
            return True
        return UNKNOWN if LEVELS.index(self.possible[-1]) > LEVELS.index(self.stated) else False


def grade_for(bands: tuple[GradeBand, ...], platelets_per_ul: int) -> GradeBand:
    """The band that holds the count; half-open, so a count on a border belongs to the milder grade.

    Raises `NoBand`.
    """
    for band in bands:
        if band.lower_per_ul <= platelets_per_ul and (
            band.upper_per_ul is None or platelets_per_ul < band.upper_per_ul
        ):
            return band
    raise NoBand(f"{platelets_per_ul} per microlitre is in no grade")


def assess_bleeding(protocol: Protocol, values: Values) -> BleedingAssessment:
    """The bleeding level by the protocol's rows; the highest level that holds is taken.

    `values` are the known facts by key, and may hold derived ones (`egfr`).
    """
    held: list[BleedingRule] = []
    open_levels: set[str] = set()
    for truth, _, rule, _ in lookup.of(protocol).bleeding_rules.sift(values).each:
        if truth is True:
            held.append(rule)
        else:
            open_levels.add(rule.level)
    at_least = max((rule.level for rule in held), key=LEVELS.index, default=LEVELS[0])
    higher = (level for level in LEVELS[LEVELS.index(at_least) + 1 :] if level in open_levels)
    possible = (at_least, *higher)
    computed: str | Unknown = UNKNOWN if len(possible) > 1 else at_least
    stated: str | Unknown = values.get("bleeding_level", UNKNOWN)
    return BleedingAssessment(
        level=computed if stated is UNKNOWN else stated,
        stated=stated,
        computed=computed,
        at_least=at_least,
        possible=possible,
        rules=tuple(rule.key for rule in held if rule.level == at_least),
    )
