"""The dosing weight: which weight an immunoglobulin dose multiplies, by the protocol version's policy."""

from dataclasses import dataclass
from decimal import Decimal

from . import formulas
from .arithmetic import exactly
from .facts import UNKNOWN, Facts, Unknown
from .ledger import Ledger, LedgerStep, Operation, Quantity, result_of
from .protocol import WeightPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class DosingWeight:
    """A dosing weight in kg with the way it was found.

    `basis` is actual, adjusted or pre_pregnancy. `flags` name what is missing or unusual. `unknowns` are the
    facts that could change it. The ledger is empty where a weight is used as it is.
    """

    kg: Decimal
    basis: str
    bmi: Decimal | Unknown
    flags: tuple[str, ...]
    unknowns: tuple[str, ...]
    ledger: Ledger
    policy: WeightPolicy


@exactly
def dosing_weight(policy: WeightPolicy, facts: Facts) -> DosingWeight | Unknown:
    """The dosing weight by this policy, or unknown without a weight."""
    if facts.weight_kg is UNKNOWN:
        return UNKNOWN
    if facts.pregnant is not True or not policy.uses_pre_pregnancy_weight:
        return _adjusted(policy, facts, facts.weight_kg, "actual", ())
    if facts.pre_pregnancy_weight_kg is UNKNOWN:
        return _adjusted(policy, facts, facts.weight_kg, "actual", ("pre_pregnancy_weight_missing",))
    return _adjusted(policy, facts, facts.pre_pregnancy_weight_kg, "pre_pregnancy", ())


def _adjusted(
    policy: WeightPolicy, facts: Facts, base_kg: Decimal, basis: str, flags: tuple[str, ...]
) -> DosingWeight:
    bmi: Decimal | Unknown = UNKNOWN
    if facts.height_cm is not UNKNOWN:
        bmi = formulas.bmi(weight_kg=base_kg, height_cm=facts.height_cm)

    def unadjusted(*more_flags: str, could_adjust: bool = False) -> DosingWeight:
        return DosingWeight(
            kg=base_kg,
            basis=basis,
            bmi=bmi,
            flags=(*flags, *more_flags),
            unknowns=_unknowns(policy, facts, could_adjust=could_adjust),
            ledger=(),
            policy=policy,
        )

    if not policy.adjusts or _is_child(policy, facts) or _is_excluded_by_pregnancy(policy, facts):
        return unadjusted()
    if facts.height_cm is UNKNOWN or bmi is UNKNOWN:
        return unadjusted("height_missing", could_adjust=True)
    if not _is_obese_enough(policy, bmi):
        return unadjusted()
    if policy.minimum_height_cm is not None and facts.height_cm < policy.minimum_height_cm:
        return unadjusted() if policy.bmi_threshold is None else unadjusted("short_obese")
    if facts.sex is UNKNOWN:
        return unadjusted("sex_missing", could_adjust=True)
    if base_kg <= _least_weight(policy, facts.sex):
        return unadjusted()
    ledger = _adjustment_ledger(policy, facts.sex, facts.height_cm, base_kg, basis)
    kg = ledger[-1].result
    return DosingWeight(
        kg=kg,
        basis="adjusted" if kg < base_kg else basis,
        bmi=bmi,
        flags=flags,
        unknowns=_unknowns(policy, facts, could_adjust=True),
        ledger=ledger,
        policy=policy,
    )


def _unknowns(policy: WeightPolicy, facts: Facts, *, could_adjust: bool) -> tuple[str, ...]:
    could_be_pregnant = facts.pregnant is UNKNOWN and facts.sex != "male"
    asked = {
        "height_cm": could_adjust and facts.height_cm is UNKNOWN,
        "age_years": could_adjust and facts.age_years is UNKNOWN,
        "sex": could_adjust and facts.sex is UNKNOWN,
        "pregnant": could_be_pregnant
        and (policy.uses_pre_pregnancy_weight or (could_adjust and not policy.adjusts_in_pregnancy)),
        "pre_pregnancy_weight_kg": policy.uses_pre_pregnancy_weight
        and facts.pregnant is True
        and facts.pre_pregnancy_weight_kg is UNKNOWN,
    }
    return tuple(key for key, is_open in asked.items() if is_open)


def _is_child(policy: WeightPolicy, facts: Facts) -> bool:
    return facts.age_years is not UNKNOWN and facts.age_years < policy.adult_from_years


def _is_excluded_by_pregnancy(policy: WeightPolicy, facts: Facts) -> bool:
    return facts.pregnant is True and not policy.adjusts_in_pregnancy


def _is_obese_enough(policy: WeightPolicy, bmi: Decimal) -> bool:
    if policy.bmi_threshold is None:
        return True
    return bmi > policy.bmi_threshold or (policy.bmi_at_threshold_counts and bmi == policy.bmi_threshold)


def _least_weight(policy: WeightPolicy, sex: str) -> Decimal:
    least = policy.minimum_weight_kg_female if sex == "female" else policy.minimum_weight_kg_male
    return Decimal(0) if least is None else least


def _adjustment_ledger(
    policy: WeightPolicy, sex: str, height_cm: Decimal, base_kg: Decimal, basis: str
) -> Ledger:
    cites = policy.basis.cites
    is_female = sex == "female"
    name = "weight before pregnancy" if basis == "pre_pregnancy" else "actual weight"
    base = Quantity(name=name, value=base_kg, unit="kg")
    height = Quantity(name="height", value=height_cm, unit="cm")
    factor = Quantity(name="factor", value=policy.adjustment_factor or Decimal(0), unit="")
    ideal_kg = formulas.ideal_body_weight_kg(height_cm=height_cm, sex=sex)
    ledger: Ledger = (
        LedgerStep(
            name="Body mass index",
            operation=Operation.BMI,
            formula="weight divided by the square of the height in metres",
            inputs=(base, height),
            result=formulas.bmi(weight_kg=base_kg, height_cm=height_cm),
            unit="kg per m²",
            cites=cites,
        ),
        LedgerStep(
            name="Ideal body weight (Devine)",
            operation=Operation.IDEAL_WEIGHT_FEMALE if is_female else Operation.IDEAL_WEIGHT_MALE,
            formula=f"{'45.5' if is_female else '50'} kg plus 2.3 kg per inch of height over 60 inches",
            inputs=(height,),
            result=ideal_kg,
            unit="kg",
            cites=cites,
        ),
    )
    adjusted_kg = formulas.adjusted_body_weight_kg(weight_kg=base_kg, ideal_kg=ideal_kg, factor=factor.value)
    ledger = (
        *ledger,
        LedgerStep(
            name="Adjusted body weight",
            operation=Operation.ADJUSTED_WEIGHT,
            formula="ideal weight plus the factor times the weight above it",
            inputs=(base, result_of(ledger, "ideal body weight"), factor),
            result=adjusted_kg,
            unit="kg",
            cites=cites,
        ),
    )
    return (
        *ledger,
        LedgerStep(
            name="Dosing weight",
            operation=Operation.LESSER,
            formula="the lesser of the two weights",
            inputs=(base, result_of(ledger, "adjusted body weight")),
            result=min(base_kg, adjusted_kg),
            unit="kg",
            cites=cites,
        ),
    )
