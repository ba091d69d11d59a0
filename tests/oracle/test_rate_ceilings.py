"""No pump setting above what the label of the product allows: every product, profile and weight."""

from decimal import Decimal
from fractions import Fraction

import pytest

from protocols.engine.infusion import RatePlan, rate_plan, restart_plan
from protocols.engine.protocol import Product, Protocol

from .dose import FIRST_EXPOSURE_ML_PER_KG_PER_H, PRODUCTS

DAY_MINUTES = 24 * 60
PUMP_STEP = Decimal("0.1")


def plans(product: Product, kg: int) -> dict[str, RatePlan]:
    """Each way in which 1 g per kg of this product may be run."""
    volume = Decimal(kg) * 100 / product.concentration_percent
    first = Decimal(str(float(FIRST_EXPOSURE_ML_PER_KG_PER_H)))
    profiles = {
        "known": {"is_at_risk": False},
        "first": {"is_at_risk": False, "ceiling_ml_per_kg_per_h": first},
        "at risk": {"is_at_risk": True},
        "first at risk": {"is_at_risk": True, "ceiling_ml_per_kg_per_h": first},
        "over a day": {"is_at_risk": False, "infuse_over_minutes": DAY_MINUTES},
        "over an hour": {"is_at_risk": False, "infuse_over_minutes": 60},
    }
    made = {
        name: rate_plan(
            product=product,
            dosing_weight_kg=Decimal(kg),
            volume_ml=volume,
            pump_step_ml_per_h=PUMP_STEP,
            **profile,  # type: ignore[arg-type]
        )
        for name, profile in profiles.items()
    }
    made["resumed"] = restart_plan(
        product=product,
        stopped=product,
        dosing_weight_kg=Decimal(kg),
        remaining_ml=volume / 2,
        last_tolerated_ml_per_h=made["known"].steps[-1].ml_per_h,
        share_of_last_tolerated=Decimal("0.5"),
        pump_step_ml_per_h=PUMP_STEP,
        is_at_risk=False,
    )
    return made


@pytest.mark.hazard("H05")
@pytest.mark.hazard("H06")
def test_no_setting_is_above_the_label_for_any_product_profile_and_weight(protocol: Protocol) -> None:
    said = {product.name: product for product in protocol.products}
    too_fast: list[str] = []
    for name, expected in PRODUCTS.items():
        fastest = max(expected.steps_ml_per_kg_per_h)
        for kg in range(30, 201):
            for profile, plan in plans(said[name], kg).items():
                ceiling = fastest
                if "risk" in profile:
                    ceiling = min(ceiling, expected.at_risk_ml_per_kg_per_h)
                if "first" in profile:
                    ceiling = min(ceiling, FIRST_EXPOSURE_ML_PER_KG_PER_H)
                if profile == "resumed":
                    ceiling /= 2
                highest = max(Fraction(step.ml_per_h) for step in plan.steps)
                if highest > ceiling * kg:
                    too_fast.append(f"{name}, {profile}, {kg} kg: {highest} mL per h")
                if plan.steps[-1].running_volume_ml != plan.volume_ml:
                    too_fast.append(f"{name}, {profile}, {kg} kg: the volume is not in")

    assert too_fast == []


def test_every_shipped_product_is_looked_at(protocol: Protocol) -> None:
    assert {product.name for product in protocol.products} == set(PRODUCTS)
