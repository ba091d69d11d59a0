"""A small protocol that passes its own review, with a row of every kind; its numbers are not clinical."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser

from protocols import actions, mapping
from protocols.engine import protocol as engine
from protocols.engine.facts import BLEEDING_LEVELS
from protocols.engine.review import NEEDED_PARAMETERS
from protocols.models import ProtocolVersion
from protocols.proving import prove_at_once

AT = datetime(2030, 1, 2, 3, 4, tzinfo=UTC)
REVIEW_DUE = date(2031, 1, 2)

BASIS = engine.Basis(cites=("C10",), provenance=engine.Provenance.STUDY)
HOUSE = engine.Basis(
    cites=("C10",), provenance=engine.Provenance.HOUSE_VALUE, uncertain=True, note="Ratify this number."
)
PLAUSIBLE = (
    (engine.Quantity.AMOUNT_PER_KG, "g"),
    (engine.Quantity.CONCENTRATION, "percent"),
    (engine.Quantity.VIAL, "g"),
    (engine.Quantity.INFUSION_RATE, "mL per kg per h"),
    (engine.Quantity.COUNT_TARGET, "per microlitre"),
    (engine.Quantity.GRADE_BORDER, "per microlitre"),
    (engine.Quantity.EARLIEST_REPEAT, "hours"),
)
DECIDED = {"bleeding_level": "none", "urgent_surgery": False, "rapid_rise": False, "weight_kg": "40"}
LEVELS = tuple(key for key, _ in BLEEDING_LEVELS)


def always_known(fact: str) -> engine.When:
    return ((engine.Condition(fact=fact, comparator=engine.Comparator.KNOWN),),)


def text(key: str, topic: engine.Topic) -> engine.Text:
    return engine.Text(key=key, topic=topic, title=f"Title of {key}", body=f"Body of {key}", basis=BASIS)


def order(key: str, kind: engine.OrderKind, role: engine.Role, **changes: Any) -> engine.OrderTemplate:
    return engine.OrderTemplate(
        key=key, kind=kind, role=role, timing=engine.Timing.NOW, text=f"Give {key}", basis=BASIS, **changes
    )


def rule(key: str, grade: int, branch: str | None, **changes: Any) -> engine.DecisionRule:
    return engine.DecisionRule(
        key=key,
        grades=(grade,),
        bleeding_levels=LEVELS,
        urgent_surgery=(False, True),
        rapid_rise=(False, True),
        branch=branch,
        decision=engine.DecisionProvenance.SOURCE,
        text=f"What {key} says",
        basis=BASIS,
        **changes,
    )


REGIMEN = engine.Regimen(
    key="R20",
    family="F20",
    title="Twenty of the drug",
    drug="drug",
    route="iv",
    when=always_known("weight_kg"),
    amount=Decimal("0.5"),
    unit="g",
    per=engine.PerUnit.KG,
    weight=engine.WeightBasis.DOSING,
    rounding=(engine.RoundingStep(from_weight_kg=Decimal(0), step=Decimal("2.5"), ties=engine.Ties.DOWN),),
    deviation_limit_percent=Decimal(10),
    uses_product=True,
    doses=1,
    frequency="once",
    duration="one day",
    instructions="Over hours.",
    basis=HOUSE,
)

PRODUCT = engine.Product(
    key="P30",
    name="Product thirty",
    drug="drug",
    concentration_percent=Decimal(10),
    route="iv",
    stabilisers=("glycine",),
    stabiliser_text="glycine",
    iga_text="little",
    iga_depleted=False,
    labels=(engine.ProductLabel(jurisdiction="Here", itp_labelled=True, dose_text="as told"),),
    vials_g=(Decimal("2.5"), Decimal(10)),
    rate_steps=(engine.RateStep(ml_per_kg_per_h=Decimal("0.3"), minutes=30),),
    maximum_ml_per_kg_per_h=Decimal(4),
    at_risk_ml_per_kg_per_h=Decimal(2),
    diluent="none",
    text="A product.",
    offered=True,
    basis=BASIS,
)


def small_protocol(**changes: Any) -> engine.Protocol:
    """One row of each kind and two of some; every change must leave it without problems, or mean to."""
    protocol = engine.Protocol(
        slug="small",
        title="A small protocol",
        target_population="People in tests",
        ctcae_version="5.0",
        jurisdiction="Nowhere",
        source_status="Invented for tests.",
        disclaimer="Never use this.",
        default_policy="W10",
        default_product="P30",
        citations=(
            engine.Citation(
                key="C10",
                provenance=engine.Provenance.STUDY,
                reference="A study of nobody",
                passage='They said "ten" — nothing more.\nTwice.',
                confidence=engine.Confidence.KNOWN,
            ),
        ),
        input_limits=(
            engine.InputLimit(
                fact="weight_kg",
                population="any",
                minimum=Decimal("0.2"),
                maximum=Decimal(500),
                soft_maximum=Decimal("250.5"),
                basis=HOUSE,
            ),
        ),
        grade_bands=(
            engine.GradeBand(grade=1, label="Low", lower_per_ul=0, upper_per_ul=10, basis=BASIS),
            engine.GradeBand(grade=0, label="Not low", lower_per_ul=10, upper_per_ul=None, basis=BASIS),
        ),
        bleeding_rules=(
            engine.BleedingRule(
                key="B10",
                level="active",
                text="Bleeds",
                when=(
                    (
                        engine.Condition(
                            fact="bleeding_sites", comparator=engine.Comparator.INCLUDES_ANY, values=("gi",)
                        ),
                        engine.Condition(
                            fact="who_bleeding_grade", comparator=engine.Comparator.AT_LEAST, values=("2",)
                        ),
                    ),
                    (engine.Condition(fact="clumps", comparator=engine.Comparator.IS, values=("true",)),),
                ),
                basis=BASIS,
            ),
        ),
        decision_rules=(
            rule("D10", 1, "LOW_BRANCH", consult_at_least=engine.ConsultLevel.STAT),
            rule("D20", 0, None, not_covered="Nothing is low."),
        ),
        branches=(
            engine.Branch(
                key="LOW_BRANCH",
                code="L",
                title="Low",
                summary="Give both.",
                consult=engine.ConsultLevel.SAME_DAY,
                targets=(engine.CountTarget(platelets_per_ul=20, text="Twenty"),),
                stop_rule="Stop at twenty.",
                orders=(
                    order("L1", engine.OrderKind.IVIG, engine.Role.REQUIRED, regimen="F20"),
                    order("L2", engine.OrderKind.CONSULT, engine.Role.OFFERED, start_after_minutes=30),
                ),
                basis=BASIS,
            ),
        ),
        regimens=(REGIMEN,),
        weight_policies=(
            engine.WeightPolicy(
                key="W10",
                title="Actual weight",
                adjusts=False,
                adult_from_years=18,
                text="As weighed.",
                basis=BASIS,
            ),
        ),
        products=(PRODUCT,),
        product_preferences=(
            engine.ProductPreference(key="PP1", text="labelled", when=always_known("product"), basis=BASIS),
        ),
        access_plans=(
            engine.AccessPlan(
                key="A1",
                title="One line",
                lanes=((engine.OrderKind.IVIG, engine.OrderKind.PLATELETS, engine.OrderKind.CORTICOSTEROID),),
                text="One after the other.",
                basis=BASIS,
            ),
        ),
        procedure_targets=(
            engine.ProcedureTarget(
                key="T10", label="Something small", platelets_per_ul=20, text="Twenty.", basis=BASIS
            ),
        ),
        response_points=(
            engine.ResponsePoint(
                key="DAY_1",
                day=1,
                median_per_ul=20,
                lower_per_ul=10,
                upper_per_ul=30,
                text="As seen.",
                basis=BASIS,
            ),
        ),
        repeat_rules=(
            engine.RepeatRule(
                key="RR10",
                branches=("LOW_BRANCH",),
                earliest_hours=20,
                conditions="If still low.",
                basis=BASIS,
            ),
        ),
        gates=(
            engine.Gate(
                key="G10",
                code="X1",
                title="Clumps",
                when=always_known("clumps"),
                stops=True,
                platelets=engine.ArmEffect.BLOCKED,
                ivig=engine.ArmEffect.AS_BRANCH,
                corticosteroid=engine.ArmEffect.AS_BRANCH,
                consult=engine.ConsultLevel.INFO,
                text="Count again.",
                action="Take a citrate sample.",
                basis=BASIS,
            ),
        ),
        safety_rules=(
            engine.SafetyRule(
                key="S10",
                number="S10",
                severity=engine.Severity.WARNING,
                when=always_known("pregnant"),
                effects=(
                    engine.Effect(kind=engine.EffectKind.RAISE_CONSULT, target="stat"),
                    engine.Effect(kind=engine.EffectKind.ADD_LINE, target="E10"),
                ),
                text="Be careful.",
                action="Ask.",
                override=engine.OverridePolicy(kind=engine.OverrideKind.REASON, reasons=("O10",)),
                basis=BASIS,
            ),
        ),
        override_reasons=(
            engine.OverrideReason(key="O10", text="Another reason", needs_comment=True, basis=BASIS),
        ),
        extra_orders=(
            engine.ExtraOrder(
                key="E10",
                kind=engine.OrderKind.OTHER,
                role=engine.Role.OFFERED,
                timing=engine.Timing.NOW,
                text="Ask for warm blankets",
                basis=BASIS,
            ),
        ),
        screening_items=(
            engine.ScreeningItem(
                key="C10",
                title="A sample",
                order_text="Take a sample",
                due_text="Before the first line.",
                kinds=(engine.OrderKind.IVIG,),
                done_when=always_known("iga_g_per_l"),
                changes=(engine.ResultChange(result="Low", change="Another product."),),
                basis=BASIS,
            ),
        ),
        monitoring_items=(
            engine.MonitoringItem(
                key="M10",
                title="Count",
                measured="platelets",
                unit="per microlitre",
                anchor="T0",
                due_minutes=60,
                window_minutes=30,
                due_text="After an hour.",
                repeats=(engine.Repeat(every_minutes=10, until_anchor="TE"),),
                rule="R10",
                kinds=(engine.OrderKind.IVIG,),
                basis=BASIS,
            ),
            *(
                engine.MonitoringItem(
                    key=key,
                    title=key,
                    measured="platelets",
                    unit="per microlitre",
                    anchor="F0" if is_follow_up else "D0",
                    due_minutes=60,
                    window_minutes=30,
                    due_text="Later.",
                    is_follow_up=is_follow_up,
                    rule=rule,
                    kinds=(),
                    basis=BASIS,
                )
                for key, rule, is_follow_up in (
                    ("M20", "COUNT_LATE", False),
                    ("VIT-AGAIN", "R10", True),
                    ("PROMISED", "R10", True),
                )
            ),
        ),
        result_rules=(
            engine.ResultRule(
                key="R10",
                title="Count",
                group=engine.CheckGroup.PLATELET_RESPONSE,
                asks=("platelets_per_ul",),
                needs=("platelets_per_ul",),
                alert=(
                    (
                        engine.Condition(
                            fact="platelets_per_ul", comparator=engine.Comparator.BELOW, values=("10",)
                        ),
                    ),
                ),
                alert_action="Look again.",
                alert_follow_ups=("M10",),
                alert_holds=(engine.OrderKind.IVIG,),
                basis=BASIS,
            ),
            engine.ResultRule(
                key="COUNT_LATE",
                title="Count in the weeks after",
                group=engine.CheckGroup.PLATELET_RESPONSE,
                asks=("platelets_per_ul",),
                needs=("platelets_per_ul",),
                basis=BASIS,
            ),
        ),
        parameters=tuple(
            engine.Parameter(key=key, label=key, value=Decimal(10), unit="things", basis=HOUSE)
            for key in NEEDED_PARAMETERS
        ),
        texts=tuple(text(f"consult_{level}", engine.Topic.CONSULT) for level in ("info", "same_day", "stat")),
        plausible_ranges=tuple(
            engine.PlausibleRange(
                key=f"N{number}",
                quantity=quantity,
                unit=unit,
                minimum=Decimal(0),
                maximum=Decimal(1000),
                basis=HOUSE,
            )
            for number, (quantity, unit) in enumerate(PLAUSIBLE)
        ),
        cases=(
            engine.WorkedCase(
                key="CASE10",
                sentence="A low count gives both",
                facts={"platelets_per_ul": 5, "bleeding_sites": ["gi"], "clumps": False, **DECIDED},
                branch="LOW_BRANCH",
                doses=(engine.ExpectedDose(line="L1", amount=Decimal(20), unit="g"),),
            ),
        ),
    )
    return replace(protocol, **changes)


def person(username: str) -> AbstractBaseUser:
    """One person of the tests, made at first mention."""
    found: AbstractBaseUser = get_user_model()._default_manager.get_or_create(
        username=username, defaults={"full_name": username.title(), "role": "protocol_author"}
    )[0]
    return found


def draft(**changes: Any) -> ProtocolVersion:
    return actions.import_draft(
        protocol=small_protocol(**changes), change_note="First.", by=person("author"), at=AT
    )


def submitted(**changes: Any) -> ProtocolVersion:
    return actions.submit(version=draft(**changes), by=person("author"), at=AT)


def under_review(**changes: Any) -> ProtocolVersion:
    return actions.start_review(version=submitted(**changes), by=person("reviewer"), at=AT)


def reviewed(**changes: Any) -> ProtocolVersion:
    return actions.record_review(
        version=under_review(**changes), comment="Read it all.", by=person("reviewer"), at=AT
    )


def proved(version: ProtocolVersion) -> ProtocolVersion:
    """A version whose comparison and replay the approver has confirmed."""
    prove_at_once(version=version, by=person("approver"), at=AT)
    return version


def approved(**changes: Any) -> ProtocolVersion:
    """An approved version as another process finds it, with nothing kept of what was read to approve it."""
    version = proved(reviewed(**changes))
    made = actions.approve(
        version=version, seal=version.seal, review_due_on=REVIEW_DUE, by=person("approver"), at=AT
    )
    mapping._sealed.clear()
    return made
