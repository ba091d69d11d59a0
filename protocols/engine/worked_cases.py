"""The protocol's own tests: each case is evaluated, and every part that differs is said."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .decision import evaluate
from .facts import Facts
from .facts_json import FactErrors, facts_from_plain
from .outcome import outcome_to_plain
from .plain import decimal_text
from .protocol import Protocol, WorkedCase


class CaseUnreadable(ValueError):
    """The facts of a case cannot be read, or it starts from a case that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One part of the answer that is not as expected, both sides in words."""

    part: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of one case; `error` where it could not be tried at all."""

    key: str
    sentence: str
    differences: tuple[Difference, ...] = ()
    error: str = ""

    @property
    def passes(self) -> bool:
        return not self.differences and not self.error


def run_cases(protocol: Protocol) -> tuple[CaseResult, ...]:
    """Try every case on the protocol it belongs to."""
    return tuple(run_case(protocol, case) for case in protocol.cases)


def run_case(protocol: Protocol, case: WorkedCase) -> CaseResult:
    """Try one case."""
    try:
        facts = facts_of(protocol, case)
    except CaseUnreadable as error:
        return CaseResult(key=case.key, sentence=case.sentence, error=str(error))
    plain = outcome_to_plain(protocol, evaluate(protocol, facts))
    return CaseResult(key=case.key, sentence=case.sentence, differences=tuple(_differences(case, plain)))


def facts_of(protocol: Protocol, case: WorkedCase) -> Facts:
    """The facts of a case, after those of the one it starts from. Raises `CaseUnreadable`."""
    given = dict(case.facts)
    if case.starts_from:
        base = next((row for row in protocol.cases if row.key == case.starts_from), None)
        if base is None or base.starts_from:
            raise CaseUnreadable(f"There is no case {case.starts_from} that starts from nothing else.")
        given = {**base.facts, **given}
    try:
        return facts_from_plain(given, protocol)
    except FactErrors as errors:
        raise CaseUnreadable(str(errors)) from errors


def expectations_of(plain: dict[str, Any]) -> dict[str, Any]:
    """What a new case would expect so that this outcome passes: branch, lines, doses, findings and gates."""
    return {
        "outcome": plain["outcome"],
        "grade": plain["grade"],
        "branch": plain["branch"] or "",
        "consult": plain["consult"],
        "lines": [order["code"] for order in plain["orders"] if order["role"] == "required"],
        "doses": [
            {"line": order["code"], "amount": order["dose"]["rounded"], "unit": order["dose"]["unit"]}
            for order in plain["orders"]
            if order["dose"] is not None and order["role"] == "required"
        ],
        "held": [order["code"] for order in plain["orders"] if order["held"]],
        "findings": [finding["rule"] for finding in plain["findings"]],
        "gates": [gate["key"] for gate in plain["gates"]],
    }


def _differences(case: WorkedCase, plain: dict[str, Any]) -> Iterator[Difference]:
    yield from _single(case, plain)
    orders = {order["code"]: order for order in plain["orders"]}
    required = {code for code, order in orders.items() if order["role"] == "required"}
    yield from _those("required lines", case.lines, case.no_lines, required)
    held = {code for code, order in orders.items() if order["held"]}
    yield from _those("lines on hold", case.held, (), held)
    findings = {finding["rule"] for finding in plain["findings"]}
    yield from _those("findings", case.findings, case.no_findings, findings)
    gates = {gate["key"] for gate in plain["gates"]}
    yield from _those("gates", case.gates, case.no_gates, gates)
    yield from _those("monitoring", case.monitoring, (), {item["key"] for item in plain["monitoring"]})
    for dose in case.doses:
        found = orders.get(dose.line, {}).get("dose")
        words = "none" if found is None else f"{found['rounded']} {found['unit']}"
        expected = f"{decimal_text(dose.amount)} {dose.unit}"
        if words != expected:
            yield Difference(part=f"dose of {dose.line}", expected=expected, found=words)


def _single(case: WorkedCase, plain: dict[str, Any]) -> Iterator[Difference]:
    rate = plain["rate_plan"]
    found = {
        "outcome": plain["outcome"],
        "grade": plain["grade"],
        "branch": plain["branch"],
        "consult": plain["consult"],
        "maximum_ml_per_h": None if rate is None else rate["maximum_ml_per_h"],
    }
    expected = {
        "outcome": case.outcome or None,
        "grade": case.grade,
        "branch": case.branch or None,
        "consult": case.consult or None,
        "maximum_ml_per_h": None if case.maximum_ml_per_h is None else decimal_text(case.maximum_ml_per_h),
    }
    for part, wanted in expected.items():
        if wanted is not None and wanted != found[part]:
            there = "none" if found[part] is None else str(found[part])
            yield Difference(part=part.replace("_", " "), expected=str(wanted), found=there)


def _those(
    part: str, wanted: tuple[str, ...], unwanted: tuple[str, ...], there: set[str]
) -> Iterator[Difference]:
    if missing := [key for key in wanted if key not in there]:
        yield Difference(part=part, expected=", ".join(missing), found=", ".join(sorted(there)) or "none")
    if surplus := [key for key in unwanted if key in there]:
        yield Difference(part=part, expected=f"not {', '.join(surplus)}", found=", ".join(sorted(there)))
