"""Conditions in words: what differs only in not being known is one sentence, and nothing is lost."""

import pytest

from protocols.engine.protocol import Comparator, Condition
from protocols.templatetags.protocol_words import alternatives


def ask(fact: str, comparator: Comparator, *values: str) -> Condition:
    return Condition(fact=fact, comparator=comparator, values=values)


NO_DIC = ask("dic_suspected", Comparator.IS, "false")
DIC_OPEN = ask("dic_suspected", Comparator.UNKNOWN)
NOT_URINE = ask("bleeding_findings", Comparator.INCLUDES_NONE, "visible_haematuria")
FINDINGS_OPEN = ask("bleeding_findings", Comparator.UNKNOWN)
CNS = ask("bleeding_sites", Comparator.INCLUDES_ANY, "cns")
DIC = "DIC suspected (ISTH score 5 or more) is no"
URINE = "Bleeding findings includes none of Visible blood in the urine"


@pytest.mark.parametrize(
    ("when", "sentences"),
    [
        (((NOT_URINE, NO_DIC),), [f"{URINE} and {DIC}"]),
        (((NO_DIC,), (DIC_OPEN,)), [f"{DIC} (or not known)"]),
        (((DIC_OPEN,), (NO_DIC,)), [f"{DIC} (or not known)"]),
        (
            (
                (NOT_URINE, NO_DIC),
                (NOT_URINE, DIC_OPEN),
                (FINDINGS_OPEN, NO_DIC),
                (FINDINGS_OPEN, DIC_OPEN),
            ),
            [f"{URINE} (or not known) and {DIC} (or not known)"],
        ),
        (((DIC_OPEN,),), ["DIC suspected (ISTH score 5 or more) is not known"]),
        # Differing in two places, or in more than what is known, they stay two.
        (((NOT_URINE, NO_DIC), (FINDINGS_OPEN, DIC_OPEN)), 2),
        (((NO_DIC,), (ask("dic_suspected", Comparator.IS, "true"),)), 2),
        (((NO_DIC,), (FINDINGS_OPEN,)), 2),
        (((DIC_OPEN,), (FINDINGS_OPEN,)), 2),
        (((NO_DIC,), (NO_DIC, CNS)), 2),
    ],
)
def test_groups_that_differ_in_not_being_known_are_one(
    when: tuple[tuple[Condition, ...], ...], sentences: list[str] | int
) -> None:
    said = alternatives(when)

    assert said == sentences if isinstance(sentences, list) else len(said) == sentences


def test_that_a_fact_is_known_is_said_only_where_nothing_else_asks_it() -> None:
    known = ask("bleeding_findings", Comparator.KNOWN)

    assert alternatives(((known, NOT_URINE),)) == [URINE]
    assert alternatives(((known, NO_DIC),)) == [f"Bleeding findings is known and {DIC}"]
