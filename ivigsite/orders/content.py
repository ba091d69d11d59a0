"""What an order set says, as the canonical content that is hashed, signed, stored and printed."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from ivigsite.encounters.advice import WEIGHT_WORDS, FindingCard, OrderCard, number
from ivigsite.encounters.assessment_form import age_on
from ivigsite.encounters.models import Allergies, Encounter, Patient
from ivigsite.encounters.selectors import fact_words
from ivigsite.encounters.trend import TREND_POINTS
from ivigsite.monitoring.times import moment_of
from ivigsite.orders.forms import Choices
from ivigsite.orders.models import DeclineReason
from ivigsite.orders.overrides import names_words, reason_words
from ivigsite.orders.plan_content import sheet_rate_plan, sheet_timed_plan
from ivigsite.orders.proposal import Proposal, order_code
from ivigsite.orders.response import counts_of
from ivigsite.orders.sheet.content import (
    MonitoringRow,
    NotOrdered,
    OrderGroup,
    Severity,
    SheetAction,
    SheetBasis,
    SheetContent,
    SheetCount,
    SheetDose,
    SheetEmergency,
    SheetFact,
    SheetFinding,
    SheetOrder,
    SheetOverride,
    SheetPatient,
    SheetProtocol,
    SheetWeight,
    TrendBand,
    Vial,
)
from ivigsite.parsing.dates import format_datetime
from protocols.engine.facts import FACT_BY_KEY, LEVELS, UNKNOWN, Unknown
from protocols.engine.infusion import RatePlan
from protocols.engine.lookup import of
from protocols.engine.numbers import unit_beside
from protocols.engine.protocol import MonitoringItem, Product, Topic
from protocols.reading import review_overdue_since

TALL_MAN: Final = ("predniSONE", "prednisoLONE", "methylPREDNISolone", "dexAMETHasone")
COUNTERSIGNATURES: Final = ("Nurse 1", "Nurse 2 (independent check)", "Pharmacist")
BLEEDS: Final = LEVELS[2:]
RISK_FACTS: Final = (
    "bleeding_risk_factors",
    "renal_risk_factors",
    "thrombosis_risk_factors",
    "overload_risk_factors",
)
# Told by their names where they are so: a risk of the product that no list of factors holds.
STATED_RISKS: Final = ("recent_thrombosis", "immunoglobulin_reaction")
BLEEDING_EVIDENCE: Final = (
    "bleeding_sites",
    "bleeding_seen_age_hours",
    "bleeding_seen_by",
    "bleeding_instructed_by",
)
IMPORTANT_UNKNOWNS: Final = (
    "immune_cause",
    "aetiology",
    "clumps",
    "ttp_suspected",
    "hit_suspected",
    "first_ivig",
    "iga_g_per_l",
    "immunoglobulin_reaction",
    "creatinine_umol_per_l",
    "renal_risk_factors",
    "thrombosis_risk_factors",
    "consent",
    "pregnant",
    "height_cm",
)
# What pharmacy and blood bank ask before they issue, in their order.
ISSUE_FACTS: Final = (
    "blood_group",
    "group_and_screen_taken",
    "irradiated_needed",
    "rhd_negative_childbearing",
    "consent",
    "first_ivig",
    "immunoglobulin_reaction",
    "iga_g_per_l",
    "anti_iga",
    "serology_sample_taken",
    "hyperprolinaemia",
    "fructose_intolerance",
    "corn_allergy",
)


def build_content(
    *, proposal: Proposal, choices: Choices, key: Any, version: int, supersedes: str
) -> SheetContent:
    """Everything the sheet will show, except the signature; equal choices give an equal digest."""
    encounter = proposal.assessment.encounter
    cards = proposal.cards_by_code
    plans = {code: proposal.plans[code] for code in choices.codes if code in proposal.plans}
    timed = proposal.timed_plan_of(choices.codes)
    return SheetContent(
        order_id=order_code(key),
        version=version,
        title=f"{proposal.recommendation.branch.title} – order set",
        population=proposal.protocol.target_population,
        time_zone=settings.TIME_ZONE,
        is_demo=settings.DEMO,
        supersedes=supersedes,
        valid_until=valid_until(proposal, choices),
        emergency=(emergency := _emergency(encounter)),
        emergency_consent=choices.consent_reason,
        replaced_reason=choices.replaced_words,
        patient=_patient(encounter.patient, encounter.ward.name, encounter.bed, choices.starts_at),
        weight=_weight(proposal, choices),
        basis=_basis(proposal, is_emergency=emergency is not None),
        protocol=_protocol(proposal, choices),
        orders=tuple(
            _order(position, cards[code], proposal, choices, plans.get(code))
            for position, code in enumerate(choices.codes, start=1)
        ),
        timed_plan=None
        if timed is None
        else sheet_timed_plan(proposal, timed, choices.codes, starts_at=choices.starts_at),
        rate_plan=next(
            (
                sheet_rate_plan(
                    proposal,
                    code,
                    order_number=choices.codes.index(code) + 1,
                    starts_at=starts_at_of(code, proposal, choices),
                )
                for code in plans
            ),
            None,
        ),
        not_ordered=tuple(_not_ordered(proposal, choices)),
        overrides=tuple(_overrides(proposal, choices)),
        findings=tuple(_finding(card) for card in proposal.findings),
        monitoring=tuple(_monitoring(proposal, choices, plans)),
        monitoring_later=tuple(
            item.title for item in proposal.recommendation.monitoring if _is_later(item, proposal)
        ),
        issue_facts=tuple(_issue_facts(proposal, plans)),
        vital_signs=tuple(_actions(proposal, Topic.VITAL_SIGNS)),
        reactions=tuple(_actions(proposal, Topic.REACTION)),
        chart_references=_chart_references(proposal),
        trend=(trend := _trend(proposal)),
        trend_bands=_trend_bands(proposal) if trend else (),
        countersignatures=COUNTERSIGNATURES,
        tall_man_names=TALL_MAN,
    )


def valid_until(proposal: Proposal, choices: Choices) -> datetime:
    """When nothing may be started on this order set any more."""
    return choices.starts_at + timedelta(hours=int(of(proposal.protocol).parameters["order_set_valid_hours"]))


def starts_at_of(card_code: str, proposal: Proposal, choices: Choices) -> datetime:
    """When one line starts: where the plan of all chosen lines puts it, else T0 and the line's own offset."""
    timed = proposal.timed_plan_of(choices.codes)
    planned = None if timed is None else timed.start_of(card_code)
    after = proposal.orders[card_code].start_after_minutes if planned is None else planned
    return choices.starts_at + timedelta(minutes=after)


def _patient(patient: Patient, ward: str, bed: str, at: datetime) -> SheetPatient:
    allergies: Any = UNKNOWN
    if patient.allergies_known == Allergies.NONE_KNOWN:
        allergies = ()
    elif patient.allergies_known == Allergies.LISTED:
        allergies = (patient.allergies,)
    return SheetPatient(
        family_name=patient.family_name,
        given_name=patient.given_name,
        title=patient.title,
        born_on=patient.birth_date,
        age_years=age_on(patient.birth_date, timezone.localdate(at)),
        gender=patient.get_sex_display(),
        record_number_label="Record number",
        record_number=patient.record_number,
        ward=ward,
        bed=bed,
        allergies=allergies,
    )


def _weight(proposal: Proposal, choices: Choices) -> Any:
    weight = proposal.outcome["dosing_weight"]
    facts = proposal.facts
    if weight is None or not isinstance(facts.weight_kg, Decimal):
        return UNKNOWN
    weighed_on = proposal.assessment.weighed_on
    return SheetWeight(
        weight_kg=facts.weight_kg,
        is_estimated=facts.weight_method == "estimated",
        estimate_reason=str(proposal.assessment.entered.get("weight_estimate_reason", "")),
        weighed_on=UNKNOWN if weighed_on is None else weighed_on,
        dosing_weight_kg=_to_hundredths(weight["kg"]),
        dosing_weight_basis=WEIGHT_WORDS[weight["basis"]] + _chosen_by(proposal, choices),
    )


def _chosen_by(proposal: Proposal, choices: Choices) -> str:
    """Who left the protocol's default for which policy; two may come to the same kind of weight."""
    if not choices.policy_by:
        return ""
    title = of(proposal.protocol).policies[proposal.policy].title
    return f", chosen by haematology {choices.policy_by} (policy: {title})"


def _emergency(encounter: Encounter) -> SheetEmergency | None:
    running = encounter.emergencies.filter(ending=None).select_related("started_by").first()
    if running is None:
        return None
    return SheetEmergency(started_at=running.started_at, started_by=running.started_by.full_name)


def _not_known(proposal: Proposal, *, is_emergency: bool, evidence: tuple[str, ...]) -> tuple[str, ...]:
    """The facts that matter and nobody knows; in an emergency every one that could change the answer.

    Those that change what is ordered come first: a card has room for few.
    """
    asked = tuple(question.fact for question in proposal.recommendation.questions) if is_emergency else ()
    return tuple(
        FACT_BY_KEY[key].label
        for key in dict.fromkeys((*IMPORTANT_UNKNOWNS, *evidence, *asked))
        if key in FACT_BY_KEY and getattr(proposal.facts, key) is UNKNOWN
    )


def _basis(proposal: Proposal, *, is_emergency: bool) -> SheetBasis:
    stored = proposal.assessment.facts
    facts = proposal.facts
    rule = proposal.recommendation.rule
    risks = [
        *(fact_words(key, stored[key]) for key in RISK_FACTS if stored.get(key)),
        *(FACT_BY_KEY[key].label for key in STATED_RISKS if stored.get(key) is True),
    ]
    bleeding = proposal.outcome["trace"]["bleeding"]["level"]
    sites = stored.get("bleeding_sites", [])
    grade = proposal.recommendation.grade.grade
    return SheetBasis(
        platelets_per_ul=facts.platelets_per_ul,
        sampled_at=proposal.assessment.sampled_at or UNKNOWN,
        grade=grade,
        ctcae_version=proposal.protocol.ctcae_version,
        bleeding_level=UNKNOWN if bleeding is None else dict(FACT_BY_KEY["bleeding_level"].choices)[bleeding],
        bleeding_sites=tuple(dict(FACT_BY_KEY["bleeding_sites"].choices)[site] for site in sites),
        risks=tuple(risks),
        bleeding_evidence=_bleeding_evidence(proposal),
        ivig_since=_ivig_since(proposal),
        not_known=_not_known(
            proposal, is_emergency=is_emergency, evidence=BLEEDING_EVIDENCE if bleeding in BLEEDS else ()
        ),
        rule_id=rule.key,
        rule_text=rule.text,
    )


def _ivig_since(proposal: Proposal) -> str:
    """Immunoglobulin that came on record after the assessment, and what the rules count with it."""
    if not proposal.untold:
        return ""
    zone = timezone.get_default_timezone()
    starts = " and ".join(format_datetime(dose.started_at, zone) for dose in proposal.untold)
    total = proposal.facts.ivig_last_7_days_g_per_kg
    amount = "an amount not known" if isinstance(total, Unknown) else f"{number(str(total))} g per kg"
    return f"begun {starts}, noted after the assessment; the rules count it: {amount} in 7 days before this"


def _bleeding_evidence(proposal: Proposal) -> str:
    """When the bleeding was seen, by whom, and who instructed; what is missing stands under Not known."""
    assessment, stored = proposal.assessment, proposal.assessment.facts
    words = []
    if "who_bleeding_grade" in stored:
        words.append(f"WHO grade {stored['who_bleeding_grade']}")
    if stored.get("bleeding_findings"):
        words.append(fact_words("bleeding_findings", stored["bleeding_findings"]))
    if hours := stored.get("bleeding_seen_age_hours"):
        seen_at = assessment.made_at - timedelta(minutes=int(Decimal(hours) * 60))
        words.append(f"seen {format_datetime(seen_at, timezone.get_default_timezone())}")
    if name := stored.get("bleeding_seen_by"):
        words.append(f"by {name}")
    if name := stored.get("bleeding_instructed_by"):
        words.append(f"treatment instructed by {name}")
    return "; ".join(words)


def _protocol(proposal: Proposal, choices: Choices) -> SheetProtocol:
    version = proposal.assessment.protocol_version
    keys: list[str] = list(proposal.recommendation.rule.basis.cites)
    for code in choices.codes:
        keys += [citation.key for citation in proposal.cards_by_code[code].citations]
    by_key = {citation.key: citation.reference for citation in proposal.protocol.citations}
    return SheetProtocol(
        name=proposal.protocol.title,
        version=str(version.number),
        seal=version.seal,
        approved_by=version.approver.full_name if version.approver else "",
        approved_on=timezone.localdate(version.approved_at),
        review_status=proposal.protocol.source_status,
        limits_of_use=proposal.protocol.disclaimer,
        references=tuple(by_key[key] for key in dict.fromkeys(keys) if key in by_key),
        review_overdue_since=review_overdue_since(version, on=timezone.localdate(choices.starts_at)),
    )


def _order(
    position: int, card: OrderCard, proposal: Proposal, choices: Choices, plan: RatePlan | None
) -> SheetOrder:
    order = next(row for row in proposal.outcome["orders"] if row["code"] == card.code)
    dose = order["dose"]
    regimen = proposal.orders[card.code].dose
    product = getattr(regimen, "product", None)
    return SheetOrder(
        number=position,
        group=OrderGroup(card.timing),
        kind=str(card.kind),
        name=card.drug or card.text,
        short_name="IVIG" if card.kind == "ivig" else "",
        brand=product.name if product else "",
        strength=_strength(product),
        condition=card.text if card.role == "standby" and card.drug else "",
        dose=_dose(card, dose) if dose else None,
        route=card.route,
        rate=_rate(regimen, plan),
        duration=", ".join(part for part in (card.frequency, card.duration) if part),
        start_at=starts_at_of(card.code, proposal, choices) if card.timing in ("now", "concurrent") else None,
        maximum=_maximum(regimen),
        instructions=(*(change.call for change in card.changes if change.call), *_instructions(regimen)),
    )


def _strength(product: Product | None) -> str:
    return f"{number(str(product.concentration_percent))} percent" if product else ""


def _dose(card: OrderCard, dose: Mapping[str, Any]) -> SheetDose:
    is_rounded = dose["deviation_percent"] != "0"
    return SheetDose(
        amount=Decimal(dose["rounded"]),
        unit=card.dose.partition(" ")[2],
        basis=card.basis,
        rounded_from=_to_hundredths(dose["exact"]) if is_rounded and not dose["capped"] else None,
        deviation_percent=Decimal(dose["deviation_percent"]) if is_rounded and not dose["capped"] else None,
        capped_at=Decimal(dose["rounded"]) if dose["capped"] else None,
        volume_ml=_to_hundredths(dose["volume_ml"]) if dose["volume_ml"] and dose["vials"] else None,
        vials=tuple(Vial(size=Decimal(vial["size_g"]), count=vial["count"]) for vial in dose["vials"]),
    )


def _rate(dose: Any, plan: RatePlan | None) -> str:
    if plan is not None:
        first, last = (number(str(rate)) for rate in (plan.steps[0].ml_per_h, plan.maximum_ml_per_h))
        return f"start at {first} mL per hour, see rate plan; maximum {last} mL per hour"
    minutes = getattr(getattr(dose, "regimen", None), "infuse_over_minutes", None)
    return f"over {minutes} minutes" if minutes else ""


def _maximum(dose: Any) -> str:
    regimen = getattr(dose, "regimen", None)
    if regimen is None or regimen.cap is None:
        return ""
    return f"{number(str(regimen.cap))} {unit_beside(regimen.cap, regimen.unit)}"


def _instructions(dose: Any) -> tuple[str, ...]:
    regimen = getattr(dose, "regimen", None)
    if regimen is None:
        return ()
    return tuple(text for text in (regimen.instructions, regimen.taper) if text)


def _not_ordered(proposal: Proposal, choices: Choices) -> Iterator[NotOrdered]:
    labels = dict(DeclineReason.choices)
    for declined in choices.declined:
        reason = labels[declined.reason]
        yield NotOrdered(
            item=proposal.cards_by_code[declined.code].text,
            reason=f"{reason}: {declined.comment}" if declined.comment else reason,
        )


def _overrides(proposal: Proposal, choices: Choices) -> Iterator[SheetOverride]:
    findings = {finding.rule: finding for finding in proposal.recommendation.findings}
    texts = {card.rule: card.text for card in proposal.findings}
    for override in choices.overrides:
        finding, text = findings[override.rule], texts[override.rule]
        yield SheetOverride(
            rule_id=override.rule,
            text=text,
            reason=reason_words(override, proposal.protocol),
            by=names_words(override, finding),
        )


def _finding(card: FindingCard) -> SheetFinding:
    return SheetFinding(
        severity=Severity(card.level), text=f"{card.text} {card.action}".strip(), citation=card.rule
    )


def _issue_facts(proposal: Proposal, plans: Mapping[str, object]) -> Iterator[SheetFact]:
    """The product's own IgA first, then what is known of the patient; what nobody told is not known."""
    stored = proposal.assessment.facts
    if plans:
        product = of(proposal.protocol).products[proposal.outcome_product]
        yield SheetFact(label=f"{product.name}, IgA content", answer=product.iga_text)
        yield SheetFact(label="IgA-depleted product", answer="Yes" if product.iga_depleted else "No")
    for key in ISSUE_FACTS:
        answer: Any = fact_words(key, stored[key]) if key in stored else UNKNOWN
        yield SheetFact(label=FACT_BY_KEY[key].label, answer=answer)


def _trend(proposal: Proposal) -> tuple[SheetCount, ...]:
    """The last counts up to the assessment; what comes after it is in the next one's."""
    assessment = proposal.assessment
    known = [
        count for count in counts_of(assessment.encounter) if moment_of(count.minute) <= assessment.made_at
    ]
    if len(known) < 2:
        return ()
    return tuple(
        SheetCount(at=moment_of(count.minute), platelets_per_ul=count.per_ul)
        for count in known[-TREND_POINTS:]
    )


def _trend_bands(proposal: Proposal) -> tuple[TrendBand, ...]:
    rising = sorted(proposal.protocol.grade_bands, key=lambda band: band.lower_per_ul)
    return tuple(
        TrendBand(
            label=f"Grade {band.grade}" if band.grade else "Normal",
            lower_per_ul=band.lower_per_ul,
            upper_per_ul=band.upper_per_ul,
        )
        for band in rising
    )


def _chart_references(proposal: Proposal) -> tuple[str, ...]:
    """What the limits and reactions on the nurse chart rest on, each with the key they name it by."""
    texts = [
        text for text in proposal.recommendation.texts if text.topic in (Topic.VITAL_SIGNS, Topic.REACTION)
    ]
    cited = {key for text in texts for key in text.basis.cites}
    return tuple(f"{row.key}: {row.reference}" for row in proposal.protocol.citations if row.key in cited)


def _actions(proposal: Proposal, topic: Topic) -> Iterator[SheetAction]:
    for text in proposal.recommendation.texts:
        if text.topic is topic:
            yield SheetAction(sign=text.title, action=text.body, citation=", ".join(text.basis.cites))


def _monitoring(
    proposal: Proposal, choices: Choices, plans: Mapping[str, RatePlan]
) -> Iterator[MonitoringRow]:
    """One row an item while the order set is fresh."""
    anchors = _anchors(proposal, choices, plans)
    for item in proposal.recommendation.monitoring:
        if _is_later(item, proposal):
            continue
        anchor = anchors.get(item.anchor)
        has_one_time = anchor is not None and item.due_minutes and not item.is_repeated
        minutes, tolerance = item.due_minutes, _tolerance(item.window_minutes)
        if has_one_time and minutes < 0:
            # What may be done from days before the start on is read as late when that day is printed.
            minutes, tolerance = minutes + item.window_minutes, "at the latest"
        yield MonitoringRow(
            item=item.title,
            due_at=anchor + timedelta(minutes=minutes) if anchor and has_one_time else None,
            due_text="" if has_one_time else item.due_text,
            tolerance=tolerance,
        )


def _is_later(item: MonitoringItem, proposal: Proposal) -> bool:
    return item.due_minutes > 60 * of(proposal.protocol).parameters["sheet_monitoring_hours"]


def _anchors(proposal: Proposal, choices: Choices, plans: Mapping[str, RatePlan]) -> dict[str, datetime]:
    """Planned times of the anchors of monitoring; true times replace them once the treatment runs."""
    anchors: dict[str, datetime] = {}
    names = {"ivig": "T0", "corticosteroid": "S0", "platelets": "P0"}
    for code in choices.codes:
        kind = proposal.cards_by_code[code].kind
        if kind in names and proposal.cards_by_code[code].timing in ("now", "concurrent"):
            anchors.setdefault(names[kind], starts_at_of(code, proposal, choices))
        if code in plans:
            end = starts_at_of(code, proposal, choices) + timedelta(minutes=plans[code].total_minutes)
            anchors.setdefault("TE", end)
    return anchors


def _tolerance(minutes: int) -> str:
    if not minutes:
        return ""
    hours, rest = divmod(minutes, 60)
    return f"within {hours} h" if hours and not rest else f"within {minutes} min"


def _to_hundredths(text: str) -> Decimal:
    """As printed: the sheet shows two decimals, the stored ledger keeps them all."""
    return Decimal(text).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
