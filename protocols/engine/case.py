"""One patient as the protocol sees them: the facts, and all that follows from them before any decision."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from . import formulas, lookup
from .exposure import exposure
from .facts import UNKNOWN, Facts, Unknown, known
from .grading import BleedingAssessment, NoBand, assess_bleeding, grade_for
from .protocol import GradeBand, ProcedureTarget, Product, Protocol
from .scores import Score, scores_of
from .weight import DosingWeight, dosing_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Facts with their grade, bleeding level, weight, product and procedure.

    `values` holds all that is known, by key, for conditions to ask; a key that is not there is unknown.
    `product` is None where the facts name one that the protocol does not have; `procedure` also where none is
    named.
    """

    facts: Facts
    values: Mapping[str, Any]
    grade: GradeBand | None
    bleeding: BleedingAssessment
    weight: DosingWeight | Unknown
    product: Product | None
    procedure: ProcedureTarget | None
    scores: tuple[Score, ...]
    notes: tuple[str, ...]


def case_of(protocol: Protocol, facts: Facts) -> Case:
    """The case of these facts."""
    rows = lookup.of(protocol)
    policy = rows.policies.get(policy_key(protocol, facts))
    weight = UNKNOWN if policy is None else dosing_weight(policy, facts)
    product = rows.products.get(product_key(protocol, facts))
    procedure = None if facts.procedure is UNKNOWN else rows.procedures.get(facts.procedure)
    grade, notes = _grade(protocol, facts)
    values = known(facts)
    values |= _of_body(facts, weight)
    values |= product_values(protocol, product)
    values |= _known(ivig_exposure=exposure(protocol, facts, product))
    if grade is not None:
        values["grade"] = grade.grade
    surgery, surgery_notes = _of_surgery(facts, procedure)
    values |= _of_usual_count(facts)
    scores = scores_of(values)
    values |= surgery | scores
    bleeding = assess_bleeding(protocol, values)
    values |= _known(
        bleeding_level=bleeding.level, findings_suggest_higher_level=bleeding.findings_suggest_higher
    )
    return Case(
        facts=facts,
        values=values,
        grade=grade,
        bleeding=bleeding,
        weight=weight,
        product=product,
        procedure=procedure,
        scores=tuple(scores.values()),
        notes=(*notes, *surgery_notes),
    )


def policy_key(protocol: Protocol, facts: Facts) -> str:
    """The dosing-weight policy in use: the one the facts name, else the protocol's default."""
    return protocol.default_policy if facts.policy is UNKNOWN else facts.policy


def product_key(protocol: Protocol, facts: Facts) -> str:
    """The product in use: the one the facts name, else the one the protocol suggests."""
    return protocol.default_product if facts.product is UNKNOWN else facts.product


def product_values(protocol: Protocol, product: Product | None) -> dict[str, Any]:
    """What is known of a product, for conditions to ask."""
    if product is None:
        return {}
    return {
        "product": product.key,
        "product_name": product.name,
        "product_stabilisers": product.stabilisers,
        "product_route": product.route,
        "product_concentration_percent": product.concentration_percent,
        "product_iga_depleted": product.iga_depleted,
        "product_withdrawn": bool(product.withdrawn_after),
        "product_itp_labelled": any(
            label.itp_labelled for label in product.labels if label.jurisdiction == protocol.jurisdiction
        ),
    }


def _known(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not UNKNOWN}


def _grade(protocol: Protocol, facts: Facts) -> tuple[GradeBand | None, tuple[str, ...]]:
    if facts.platelets_per_ul is UNKNOWN:
        return None, ()
    try:
        return grade_for(protocol.grade_bands, facts.platelets_per_ul), ()
    except NoBand as error:
        return None, (f"{error}.",)


def _of_body(facts: Facts, weight: DosingWeight | Unknown) -> dict[str, Any]:
    values = _known(egfr=_egfr(facts))
    if isinstance(weight, Unknown):
        return values
    return values | _known(
        dosing_weight_kg=weight.kg, weight_basis=weight.basis, weight_flags=weight.flags, bmi=weight.bmi
    )


def _egfr(facts: Facts) -> Decimal | Unknown:
    if facts.creatinine_umol_per_l is UNKNOWN or facts.age_years is UNKNOWN or facts.sex is UNKNOWN:
        return UNKNOWN
    if facts.age_years < formulas.ADULT_FROM_YEARS:
        return UNKNOWN
    return reported_egfr(facts.creatinine_umol_per_l, facts.age_years, facts.sex)


# The powers in it cost as much as all the rest of an evaluation, and each keystroke of a form asks again.
@lru_cache(maxsize=1024)
def reported_egfr(creatinine_umol_per_l: Decimal, age_years: int, sex: str) -> Decimal:
    """The estimate of an adult as laboratories report it, in mL/min/1.73 m²; source: CKD-EPI 2021."""
    egfr = formulas.egfr_ml_per_min_per_1_73m2(
        creatinine_mg_per_dl=formulas.creatinine_mg_per_dl(umol_per_l=creatinine_umol_per_l),
        age_years=age_years,
        sex=sex,
    )
    return Decimal(formulas.report_egfr(egfr))


def _of_usual_count(facts: Facts) -> dict[str, Any]:
    count, usual = facts.platelets_per_ul, facts.usual_platelets_per_ul
    if count is UNKNOWN or usual is UNKNOWN or usual == 0:
        return {}
    return {"percent_from_usual_count": Decimal(abs(count - usual)) * 100 / usual}


def _of_surgery(facts: Facts, procedure: ProcedureTarget | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Urgent surgery counts only while the count is below the procedure's target."""
    if procedure is None or facts.platelets_per_ul is UNKNOWN:
        return {}, ()
    is_at_target = facts.platelets_per_ul >= procedure.platelets_per_ul
    values = {"count_at_procedure_target": is_at_target, "count_below_procedure_target": not is_at_target}
    if not is_at_target or facts.urgent_surgery is False:
        return values, ()
    note = f"The count is already at the target for {procedure.label}."
    return values | {"urgent_surgery": False}, (note,)
