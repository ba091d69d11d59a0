"""The tables of the downtime pack: each number once more, asked of the engine one by one."""

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise

import pytest

from ivigsite.downtime import tables
from ivigsite.downtime.tables import DoseBand
from protocols.engine.anaphylaxis import adrenaline_dose
from protocols.engine.decision import evaluate
from protocols.engine.dosing import Dose, compute_dose
from protocols.engine.facts import Facts
from protocols.engine.facts_json import facts_from_plain
from protocols.engine.infusion import rate_plan
from protocols.engine.lookup import of
from protocols.engine.protocol import InputLimit, PerUnit, Product, Protocol, Regimen
from protocols.engine.weight import dosing_weight
from tests.scenario import COMPLETE, shipped

pytestmark = pytest.mark.hazard("H25")
PRODUCTS = [product.key for product in shipped().products if product.offered]


def dose_at(protocol: Protocol, regimen: Regimen, kg: Decimal, product: Product | None) -> Dose:
    facts = Facts(weight_kg=kg)
    policy = of(protocol).policies[protocol.default_policy]
    dose = compute_dose(regimen=regimen, facts=facts, dosing=dosing_weight(policy, facts), product=product)
    assert isinstance(dose, Dose)
    return dose


def per_kg_regimens() -> list[Regimen]:
    """Those of which a table is printed: one of each way to dose."""
    protocol = shipped()
    return [group[0] for group in tables.dosed_alike(tables.immunoglobulin(protocol))] + [
        row for row in protocol.regimens if row.key in ("PRED_1", "MP_EQUIVALENT")
    ]


@cache
def bands_of(regimen_key: str, product_key: str = "") -> tuple[DoseBand, ...]:
    protocol = shipped()
    regimen = next(row for row in protocol.regimens if row.key == regimen_key)
    return tables.dose_bands(protocol, regimen, of(protocol).products.get(product_key))


@pytest.mark.parametrize("regimen", per_kg_regimens(), ids=lambda row: row.key)
def test_a_weight_finds_the_dose_the_engine_gives_it(regimen: Regimen) -> None:
    """Read as the pack says: the row that holds the weight, else the last one that begins below it."""
    protocol = shipped()
    bands = bands_of(regimen.key)
    low, high = tables.weight_range(protocol)

    edges = {kg for band in bands for kg in (band.from_kg, band.to_kg)}
    beside = {kg + Decimal(tenths) / 10 for kg in edges for tenths in (-1, 0, 1)}
    between = {Decimal(tenths) / 10 for tenths in range(int(low * 10), int(high * 10), 13)}

    for kg in sorted(kg for kg in beside | between if low <= kg <= high):
        row = [band for band in bands if band.from_kg <= kg][-1]
        true = dose_at(protocol, regimen, kg, None)
        if row.from_kg <= kg <= row.to_kg:
            assert row.dose.rounded == true.rounded, kg
        else:
            # Only where the engine gives an exact amount does a weight stand between two rows.
            assert true.part_vial and kg - row.from_kg < 1
            assert row.dose.rounded < true.rounded


@pytest.mark.parametrize("regimen", per_kg_regimens(), ids=lambda row: row.key)
def test_bands_begin_where_the_one_before_ends_and_never_overlap(regimen: Regimen) -> None:
    bands = bands_of(regimen.key)
    low, high = tables.weight_range(shipped())

    assert bands[0].from_kg == low
    assert bands[-1].to_kg == high
    for before, after in pairwise(bands):
        assert before.to_kg < after.from_kg
        assert before.dose.rounded < after.dose.rounded
        if not before.dose.part_vial and not after.dose.part_vial:
            assert after.from_kg - before.to_kg == Decimal("0.1")


@pytest.mark.parametrize("key", PRODUCTS)
def test_volume_and_vials_of_each_band_are_those_of_the_engine(key: str) -> None:
    protocol = shipped()
    product = of(protocol).products[key]

    for group in tables.dosed_alike(tables.immunoglobulin(protocol)):
        for band in bands_of(group[0].key, key):
            for kg in {band.from_kg, band.to_kg}:
                true = dose_at(protocol, group[0], kg, product)
                assert (band.dose.rounded, band.dose.volume_ml) == (true.rounded, true.volume_ml)
                assert band.dose.vial_plan == true.vial_plan
            assert band.dose.vial_plan is not None
            held = sum(size * count for size, count in band.dose.vial_plan.vials)
            assert held - band.dose.vial_plan.left_over_g == band.dose.rounded
            grams_per_ml = Fraction(product.concentration_percent) / 100
            assert Fraction(band.dose.volume_ml or 0) * grams_per_ml == Fraction(band.dose.rounded)


@pytest.mark.parametrize("is_at_risk", [False, True], ids=["normal", "at risk"])
@pytest.mark.parametrize("key", PRODUCTS)
def test_pump_rates_are_those_of_the_engine_and_pass_no_ceiling(key: str, is_at_risk: bool) -> None:
    protocol = shipped()
    product = of(protocol).products[key]
    parameters = of(protocol).parameters
    first = parameters["first_exposure_max_ml_per_kg_per_h"]
    step = parameters["pump_rate_step_ml_per_h"]
    ceilings = [product.maximum_ml_per_kg_per_h, first, *([product.at_risk_ml_per_kg_per_h] * is_at_risk)]

    rows = tables.rate_rows(protocol, product, is_at_risk=is_at_risk)

    assert [row.weight_kg for row in rows] == list(tables.printed_weights(protocol))
    for row in rows:
        volume = dose_at(protocol, tables.first_regimen(protocol), row.weight_kg, product).volume_ml
        assert volume is not None
        assert row.plan == rate_plan(
            product=product,
            dosing_weight_kg=row.weight_kg,
            volume_ml=volume,
            pump_step_ml_per_h=step,
            is_at_risk=is_at_risk,
            ceiling_ml_per_kg_per_h=first,
        )
        # Once more by hand: the label's step or the lowest ceiling, down to the pump's step.
        by_hand = []
        for labelled in product.rate_steps:
            per_kg = min([labelled.ml_per_kg_per_h, *ceilings])
            settings = (per_kg * row.weight_kg / step).to_integral_value(rounding=ROUND_FLOOR)
            by_hand.append(settings * step)
        shown = [setting.ml_per_h for setting, _ in tables.settings_of(row.plan)]
        assert shown == list(dict.fromkeys(by_hand))


@pytest.mark.parametrize("weight", ["45", "70", "95", "140"])
def test_a_complete_case_is_dosed_as_the_table_says(weight: str) -> None:
    """The whole decision, not the pieces: a tall patient, so that no weight is adjusted."""
    protocol = shipped()
    facts = facts_from_plain(
        {**COMPLETE, "age_years": 45, "sex": "female", "weight_kg": weight, "height_cm": "219"}
    )
    outcome = evaluate(protocol, facts)
    ivig = next(order for order in outcome.orders if order.kind == "ivig")  # type: ignore[union-attr]
    product = ivig.dose.product  # type: ignore[union-attr]

    bands = bands_of(ivig.dose.regimen.key, product.key)  # type: ignore[union-attr]

    band = next(row for row in bands if row.from_kg <= Decimal(weight) <= row.to_kg)
    assert band.dose.rounded == ivig.dose.rounded  # type: ignore[union-attr]
    assert band.dose.vial_plan == ivig.dose.vial_plan  # type: ignore[union-attr]
    plan = outcome.rate_plan  # type: ignore[union-attr]
    assert plan is not None
    assert product is not None
    rates = tables.rate_rows(protocol, product, is_at_risk=plan.is_at_risk)
    assert next(row.plan.steps for row in rates if row.weight_kg == Decimal(weight)) == plan.steps


def test_a_rate_held_over_the_whole_time_is_the_engines_and_fits_the_pump() -> None:
    for band in bands_of("IVIG_24H", "privigen"):
        assert band.even_ml_per_h is not None
        assert band.dose.volume_ml is not None
        step = Decimal("0.1")
        even = (band.dose.volume_ml / 24 / step).to_integral_value(rounding=ROUND_FLOOR) * step
        assert band.even_ml_per_h == even
    assert all(band.even_ml_per_h is None for band in bands_of("IVIG_1", "privigen"))


def test_adjusted_weights_are_those_of_the_engine_never_above_them() -> None:
    protocol = shipped()
    policy = of(protocol).policies[protocol.default_policy]

    for sex in ("female", "male"):
        heights, rows = tables.adjusted_rows(protocol, sex)
        assert rows
        for row in rows:
            for cm, shown in zip(heights, row.dosing_kg, strict=True):
                true = dosing_weight(
                    policy,
                    Facts(weight_kg=row.weight_kg, height_cm=cm, sex=sex, age_years=45, pregnant=False),
                )
                if shown is None:
                    assert true.kg == row.weight_kg  # type: ignore[union-attr]
                else:
                    assert true.basis == "adjusted"  # type: ignore[union-attr]
                    assert 0 <= true.kg - shown < Decimal("0.1")  # type: ignore[union-attr]


def test_no_weight_is_adjusted_where_the_version_adjusts_none() -> None:
    protocol = replace(shipped(), default_policy="actual_weight")

    assert tables.adjusted_rows(protocol, "female") == ((), ())


def test_adrenaline_is_the_engines() -> None:
    rows = tables.adrenaline_rows(shipped())

    assert len(rows) == len(tables.ADRENALINE_WEIGHTS_KG)
    for kg, mg in rows:
        assert mg == adrenaline_dose(weight_kg=kg, parameters=of(shipped()).parameters).mg
        assert Fraction(mg) == min(Fraction(kg) / 100, Fraction(1, 2))


def test_another_version_makes_other_tables() -> None:
    """No number of the tables is remembered from the shipped protocol."""
    protocol = shipped()
    regimen = replace(next(row for row in protocol.regimens if row.key == "IVIG_1"), amount=Decimal("0.7"))
    limits = tuple(
        replace(row, soft_minimum=Decimal(41), soft_maximum=Decimal(52)) if is_adult_weight(row) else row
        for row in protocol.input_limits
    )

    bands = tables.dose_bands(replace(protocol, input_limits=limits), regimen)

    assert [(str(band.from_kg), str(band.to_kg), int(band.dose.rounded)) for band in bands] == [
        ("41.0", "46.4", 30),
        ("46.5", "52.0", 35),
    ]


def is_adult_weight(row: InputLimit) -> bool:
    return (row.fact, row.population) == ("weight_kg", "adult")


def test_only_regimens_per_kg_have_a_table() -> None:
    assert all(row.per is PerUnit.KG for row in tables.immunoglobulin(shipped()))
    with pytest.raises(ValueError, match="cannot be dosed by weight alone"):
        tables.dose_bands(shipped(), replace(tables.first_regimen(shipped()), weight=None))
