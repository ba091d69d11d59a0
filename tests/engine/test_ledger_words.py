"""What the ledger of a dose prints, word for word: the names and units are what a pharmacist checks it by."""

from typing import Any

from protocols.engine.dosing import Dose, compute_dose, fewest_vials
from protocols.engine.ledger import Ledger
from protocols.engine.protocol import CapKind, PerUnit, Regimen, Ties, WeightBasis
from protocols.engine.weight import dosing_weight

from .factory import PROTOCOL, D, adjusting, infused, patient, policy, regimen, step

ACTUAL = policy("ACTUAL", uses_pre_pregnancy_weight=False)
STEROID = regimen(
    "STEROID",
    "F",
    "2",
    "mg",
    amount_minimum=D(1),
    amount_maximum=D(3),
    per=PerUnit.KG,
    weight=WeightBasis.ACTUAL,
    rounding=(step("10", ties=Ties.UP),),
    cap=D(100),
    cap_kind=CapKind.SOFT,
)
PACK = regimen("PACK", "F", "2", "pack", amount_minimum=D(1), amount_maximum=D(3), volume_ml_per_unit=D(200))


def printed(ledger: Ledger) -> list[str]:
    lines = []
    for line in ledger:
        inputs = ", ".join(
            f"{each.name} {each.value:.2f} {each.unit}<{each.from_step}>" for each in line.inputs
        )
        lines.append(f"{line.name}: {line.formula} ({inputs}) = {line.result:.2f} {line.unit}")
    return lines


def dose_of(chosen: Regimen, *, is_adjusted: bool, **facts: Any) -> Dose:
    person = patient(**facts)
    weight = dosing_weight(adjusting("ADJUSTED") if is_adjusted else ACTUAL, person)
    dose = compute_dose(regimen=chosen, facts=person, dosing=weight, product=PROTOCOL.products[0])
    assert isinstance(dose, Dose)
    return dose


def test_ledger_of_an_adjusted_weight_prints_every_step_name_and_unit():
    dose = dose_of(infused("IVIG", "F", "0.5"), is_adjusted=True, weight_kg=D(130))

    assert printed(dose.ledger) == [
        (
            "Body mass index: weight divided by the square of the height in metres "
            "(actual weight 130.00 kg<None>, height 180.00 cm<None>) = 40.12 kg per m²"
        ),
        (
            "Ideal body weight (Devine): 50 kg plus 2.3 kg per inch of height over 60 inches "
            "(height 180.00 cm<None>) = 74.99 kg"
        ),
        (
            "Adjusted body weight: ideal weight plus the factor times the weight above it "
            "(actual weight 130.00 kg<None>, ideal body weight 74.99 kg<1>, factor 0.50 <None>) = 102.50 kg"
        ),
        (
            "Dosing weight: the lesser of the two weights "
            "(actual weight 130.00 kg<None>, adjusted body weight 102.50 kg<2>) = 102.50 kg"
        ),
        (
            "Calculated amount: g per kg for each kg of dosing weight (adjusted) "
            "(per kg 0.50 g per kg<None>, dosing weight (adjusted) 102.50 kg<3>) = 51.25 g"
        ),
        (
            "Rounded dose: the nearest multiple of the step, an exact half goes down "
            "(calculated amount 51.25 g<4>, step 10.00 g<None>) = 50.00 g"
        ),
        (
            "Volume: grams times 100 divided by the concentration in percent "
            "(rounded dose 50.00 g<5>, concentration 10.00 percent<None>) = 500.00 mL"
        ),
        (
            "Vials: the sum of vial size times number of vials, which holds the dose "
            "(rounded dose 50.00 g<5>, vial 40.00 g<None>, vials of this size 1.00 <None>, "
            "vial 10.00 g<None>, vials of this size 1.00 <None>) = 50.00 g"
        ),
    ]


def test_ledger_of_a_pregnant_woman_names_the_weight_before_pregnancy():
    dose = dose_of(
        infused("IVIG", "F", "0.5"),
        is_adjusted=True,
        weight_kg=D(140),
        sex="female",
        pregnant=True,
        pre_pregnancy_weight_kg=D(130),
    )

    assert printed(dose.ledger)[:2] == [
        (
            "Body mass index: weight divided by the square of the height in metres "
            "(weight before pregnancy 130.00 kg<None>, height 180.00 cm<None>) = 40.12 kg per m²"
        ),
        (
            "Ideal body weight (Devine): 45.5 kg plus 2.3 kg per inch of height over 60 inches "
            "(height 180.00 cm<None>) = 70.49 kg"
        ),
    ]


def test_ledger_of_a_capped_dose_names_its_maximum_and_the_way_a_half_goes():
    dose = dose_of(STEROID, is_adjusted=False, weight_kg=D(60))

    assert printed(dose.ledger) == [
        (
            "Calculated amount: mg per kg for each kg of weight (actual) "
            "(per kg 2.00 mg per kg<None>, weight (actual) 60.00 kg<None>) = 120.00 mg"
        ),
        (
            "Maximum: the lesser of the calculated amount and the maximum "
            "(calculated amount 120.00 mg<0>, maximum 100.00 mg<None>) = 100.00 mg"
        ),
        (
            "Rounded dose: the nearest multiple of the step, an exact half goes up "
            "(maximum 100.00 mg<1>, step 10.00 mg<None>) = 100.00 mg"
        ),
    ]


def test_ledger_of_packs_names_the_amount_and_the_volume_of_each():
    assert printed(dose_of(PACK, is_adjusted=False).ledger) == [
        "Volume: mL for each pack (amount 2.00 pack<None>, mL per pack 200.00 mL<None>) = 400.00 mL"
    ]


def test_many_large_vials_are_counted_with_the_small_ones_that_fill_the_dose():
    plan = fewest_vials((D(5), D(10), D(20), D(40)), D(20_035))

    assert dict(plan.vials) == {D(40): 500, D(20): 1, D(10): 1, D(5): 1}


def test_step_of_rounding_holds_from_its_very_weight():
    light_and_grown = (step("1"), step("10", from_kg="30"))
    chosen = regimen(
        "R", "F", "2.1", "mg", per=PerUnit.KG, weight=WeightBasis.ACTUAL, rounding=light_and_grown
    )

    assert dose_of(chosen, is_adjusted=False, weight_kg=D(30)).rounded == 60
    assert dose_of(chosen, is_adjusted=False, weight_kg=D("29.9")).rounded == 63
