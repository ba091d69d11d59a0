"""Whether a platelet unit suits a patient: its ABO group, and its age.

What is not known stays not known, unless every answer there could be says the same.

Sources
    ABO     A patient has antibodies against the A and B antigens that are not the patient's own
            (Landsteiner); a unit is compatible if it carries none of these. Its plasma
            holds the antibodies of its donor, against the antigens that the donor lacks.
"""

from collections.abc import Mapping
from decimal import Decimal
from itertools import product
from typing import Final

from .arithmetic import exactly
from .facts import UNKNOWN, Unknown

MINUTES_PER_HOUR: Final = 60
_ANTIGENS: Final[Mapping[str, frozenset[str]]] = {
    "o": frozenset(),
    "a": frozenset("a"),
    "b": frozenset("b"),
    "ab": frozenset("ab"),
}


def is_abo_compatible(*, patient: str | Unknown, unit: str | Unknown) -> bool | Unknown:
    """Whether a unit carries no antigen that the patient lacks; source: ABO."""
    return _holds_all(carried=unit, by=patient)


def is_plasma_compatible(*, patient: str | Unknown, unit: str | Unknown) -> bool | Unknown:
    """Whether the plasma of a unit holds no antibody against an antigen of the patient; source: ABO."""
    return _holds_all(carried=patient, by=unit)


def _holds_all(*, carried: str | Unknown, by: str | Unknown) -> bool | Unknown:
    """Whether every antigen that one carries is the other's own too."""
    answers = {
        _ANTIGENS[one] <= _ANTIGENS[other] for one, other in product(_could_be(carried), _could_be(by))
    }
    return answers.pop() if len(answers) == 1 else UNKNOWN


@exactly
def is_fresh(
    *,
    collected_from: int | Unknown,
    collected_until: int | Unknown,
    given_minute: int,
    fresh_hours: Decimal | Unknown,
) -> bool | Unknown:
    """Whether a unit was younger than `fresh_hours` when it was given.

    A label tells the day alone, so the unit was collected between its first and last minute. Unknown where
    one end of that day makes it fresh and the other does not.
    """
    if isinstance(collected_from, Unknown) or isinstance(collected_until, Unknown):
        return UNKNOWN
    if isinstance(fresh_hours, Unknown):
        return UNKNOWN
    limit = fresh_hours * MINUTES_PER_HOUR
    if given_minute - collected_from < limit:
        return True
    return False if given_minute - collected_until >= limit else UNKNOWN


def all_of(told: tuple[bool | Unknown, ...]) -> bool | Unknown:
    """Whether it holds for every unit of a dose: one that is not so settles it; of none it is unknown."""
    if False in told:
        return False
    return UNKNOWN if not told or UNKNOWN in told else True


def _could_be(group: str | Unknown) -> tuple[str, ...]:
    return tuple(_ANTIGENS) if isinstance(group, Unknown) else (group,)
