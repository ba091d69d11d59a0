"""What the engine can do on one core, and what it takes to load a version whose seal is checked."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from unittest.mock import patch

from bench.measure import interleave
from bench.report import Figure
from bench.scratch import Scratch

if TYPE_CHECKING:
    from protocols.engine.facts import Facts
    from protocols.engine.protocol import Protocol

ROUNDS = 9
LOADS = 21
PATIENTS = 400
SEED = 20_261_122
# Each made-up patient brings these or lacks them on purpose.
PERSONAL = {"weight_kg", "weight_method", "height_cm", "pregnant", "platelets_per_ul"}


def measure_evaluate(_scratch: Scratch) -> list[Figure]:
    """Cases of which all is known, which give doses, and cases in which much is left open."""
    from protocols.content_files import load_shipped
    from protocols.engine.decision import evaluate

    protocol = load_shipped()
    cases = made_up_cases(protocol)

    def evaluating(facts_of_all: list["Facts"]) -> Callable[[], None]:
        def run() -> None:
            for facts in facts_of_all:
                evaluate(protocol, facts)

        return run

    taken = interleave({name: evaluating(some) for name, some in cases.items()}, rounds=ROUNDS, warm_up=1)
    return [
        Figure(
            what=f"`evaluate()` with doses, findings, trace and ledger check, one core: {name}",
            value=len(cases[name]) / samples.median_s,
            unit="a second",
            limit=1000,
            bound="at least",
            note=(
                f"shipped content, {len(cases[name])} made-up patients, {describe(protocol, cases[name])};"
                f" median of {ROUNDS} rounds, slowest {len(cases[name]) / samples.worst_s:,.0f} a second"
            ),
        )
        for name, samples in taken.items()
    ]


def made_up_cases(protocol: "Protocol") -> dict[str, list["Facts"]]:
    from protocols.engine.facts_json import facts_from_plain
    from tests.oracle.patients import synthetic_patients
    from tests.scenario import COMPLETE

    patients = list(
        synthetic_patients(
            count=PATIENTS,
            seed=SEED,
            products=[product.key for product in protocol.products if product.offered],
            policies=[policy.key for policy in protocol.weight_policies],
            procedures=[target.key for target in protocol.procedure_targets],
        )
    )
    answers = {key: value for key, value in COMPLETE.items() if key not in PERSONAL}
    whole = [facts_from_plain({**answers, **patient}) for patient in patients]
    open_ones = [facts_from_plain(patient) for patient in patients]
    return {"every question answered": whole, "mixed": [*whole[::2], *open_ones[1::2]]}


def describe(protocol: "Protocol", cases: list["Facts"]) -> str:
    from protocols.engine.decision import evaluate
    from protocols.engine.recommendation import Recommendation

    outcomes = [evaluate(protocol, facts) for facts in cases]
    advised = [outcome for outcome in outcomes if isinstance(outcome, Recommendation)]
    doses = sum(1 for outcome in advised for order in outcome.orders if order.dose)
    return f"{len(advised)} recommendations with {doses} checked doses"


def measure_loading(scratch: Scratch) -> list[Figure]:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from protocols import mapping
    from protocols.mapping import check_seal, load_protocol_value

    version = scratch.site.version

    def cold() -> None:
        with patch.dict("protocols.mapping._values", clear=True):
            check_seal(version)

    def first() -> None:
        mapping.stored.cache_clear()
        cold()

    calls = {"first": first, "cold": cold, "cached": lambda: load_protocol_value(version)}
    taken = interleave(calls, rounds=LOADS)
    with CaptureQueriesContext(connection) as asked:
        check_seal(version)
    with CaptureQueriesContext(connection) as cached:
        load_protocol_value(version)
    return [
        Figure(
            what="Loading a version with its seal check, cold",
            value=taken["cold"].median_ms,
            unit="ms",
            limit=30,
            note=(
                f"every row read, sealed again and made a value in {len(asked)} queries; median of {LOADS},"
                f" p95 {taken['cold'].p95_ms:.1f} ms"
            ),
        ),
        Figure(
            what="The same as the first load of a process that has just started",
            value=taken["first"].median_ms,
            unit="ms",
            note="the SQL of its queries has to be written besides",
        ),
        Figure(
            what="Loading it again",
            value=taken["cached"].median_ms,
            unit="ms",
            limit=0.1,
            note=f"kept under its seal while the process lives, {len(cached)} queries",
        ),
    ]
