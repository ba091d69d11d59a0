"""Plainly fictional order sets: a typical one and the extremes it must survive."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ivigsite.orders.sheet.content import (
    MonitoringRow,
    NotOrdered,
    OrderGroup,
    RateStep,
    Severity,
    SheetAction,
    SheetBasis,
    SheetContent,
    SheetDose,
    SheetFact,
    SheetFinding,
    SheetOrder,
    SheetOverride,
    SheetPatient,
    SheetProtocol,
    SheetRatePlan,
    SheetSignature,
    SheetWeight,
    Vial,
)
from ivigsite.orders.sheet.states import (
    Copy,
    Draft,
    Expired,
    PrintEvent,
    SheetState,
    Signed,
    Superseded,
    Void,
)
from protocols.engine.facts import UNKNOWN

T0 = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
SIGNED_AT = datetime(2026, 11, 22, 14, 5, 10, tzinfo=UTC)
ORDER_ID = "3f2a9c1e-7b1d-4c0a-9e55-0123456789ab"
NEXT_ORDER_ID = "8d1b6f40-52aa-4f0e-8c33-ba9876543210"
TALL_MAN_NAMES = ("predniSONE", "prednisoLONE", "methylPREDNISolone")

IVIG = SheetOrder(
    number=1,
    group=OrderGroup.NOW,
    kind="ivig",
    name="immune globulin intravenous (human)",
    short_name="IVIG",
    brand="Privigen 10%",
    strength="100 mg in 1 mL",
    dose=SheetDose(
        amount=Decimal(80),
        unit="g",
        basis="1 g per kg for 82.3 kg",
        rounded_from=Decimal("82.3"),
        deviation_percent=Decimal("-2.8"),
        volume_ml=Decimal(800),
        vials=(Vial(size=Decimal(40), count=2),),
    ),
    route="intravenous, own line",
    rate="start 24.7 mL per hour, then by the infusion table. Maximum 197 mL per hour",
    duration="one dose",
    start_at=T0,
    maximum="1 g per kg in one day",
    instructions=("Do not mix with platelets or any other medicine. Record each lot number.",),
)
PREDNISONE = SheetOrder(
    number=2,
    group=OrderGroup.NOW,
    kind="corticosteroid",
    name="predniSONE",
    dose=SheetDose(
        amount=Decimal(80),
        unit="mg",
        basis="1 mg per kg for 82.3 kg",
        capped_at=Decimal(80),
    ),
    route="by mouth",
    duration="daily for 4 weeks, then taper",
    start_at=T0,
    maximum="80 mg in one day",
    instructions=("Give with food in the morning from the second day.",),
)
PLATELETS = SheetOrder(
    number=3,
    group=OrderGroup.CONCURRENT,
    kind="platelets",
    name="platelets, apheresis",
    dose=SheetDose(amount=Decimal(1), unit="adult dose", basis="1 adult dose, not by weight"),
    route="intravenous, second line",
    rate="over 30 to 60 minutes",
    duration="one dose",
    start_at=T0,
    maximum="1 adult dose before the next count",
    instructions=("Two people check the pack against the wristband at the bedside.",),
)
TRANEXAMIC = SheetOrder(
    number=4,
    group=OrderGroup.STANDBY,
    kind="medicine",
    name="tranexamic acid",
    condition="bleeding goes on after the platelets, and there is no blood in the urine",
    dose=SheetDose(amount=Decimal(1000), unit="mg", basis="fixed dose"),
    route="intravenous",
    rate="over 10 minutes",
    duration="every 8 hours, at most 3 doses",
    maximum="3,000 mg in one day",
)
COUNT_AGAIN = SheetOrder(
    number=5,
    group=OrderGroup.MONITORING,
    name="Platelet count",
    duration="once",
    start_text="10 to 60 minutes after the platelets end",
)
CALL = SheetOrder(
    number=6,
    group=OrderGroup.CONSULT,
    name="Call haematology on call",
    start_text="now, by telephone",
    instructions=("Say: grade 4, gastrointestinal bleeding, immunoglobulin and platelets started.",),
)

MONITORING = (
    MonitoringRow(item="Temperature, pulse, blood pressure", due_at=T0, tolerance="before the start"),
    MonitoringRow(
        item="Temperature, pulse, blood pressure", due_at=T0 + timedelta(minutes=15), tolerance="5 minutes"
    ),
    MonitoringRow(
        item="Temperature, pulse, blood pressure", due_at=T0 + timedelta(minutes=30), tolerance="5 minutes"
    ),
    MonitoringRow(
        item="Headache, neck stiffness, rash", due_at=T0 + timedelta(hours=1), tolerance="15 minutes"
    ),
    MonitoringRow(item="Platelet count", due_text="10 to 60 minutes after the platelets end"),
    MonitoringRow(item="Platelet count", due_at=T0 + timedelta(hours=24), tolerance="2 hours"),
    MonitoringRow(item="Creatinine and urine output", due_at=T0 + timedelta(hours=24), tolerance="4 hours"),
    MonitoringRow(item="Haemoglobin, bilirubin", due_at=T0 + timedelta(hours=48), tolerance="12 hours"),
    MonitoringRow(item="Glucose", due_at=T0 + timedelta(hours=6), tolerance="1 hour"),
)

ISSUE_FACTS = (
    SheetFact(label="ABO group", answer="O"),
    SheetFact(label="Group, antibody screen and DAT sample taken", answer="Yes"),
    SheetFact(label="Irradiated blood components needed", answer="Yes"),
    SheetFact(label="RhD-negative and of childbearing potential", answer="No"),
    SheetFact(label="Serum IgA", answer=UNKNOWN),
    SheetFact(label="Antibodies against IgA", answer=UNKNOWN),
    SheetFact(label="Hepatitis B, C and HIV sample taken", answer="Yes"),
    SheetFact(label="Consent for blood products", answer="Recorded"),
)
VITAL_SIGNS = (
    SheetAction(
        sign="May step up",
        action="temperature 36.5 to 37.5, pulse 60 to 100, no new complaint: demonstration values",
    ),
    SheetAction(sign="Hold the rate", action="one value outside: check again after 15 minutes"),
    SheetAction(sign="Stop and call", action="two values outside, or rigors: demonstration values"),
)
REACTIONS = (
    SheetAction(
        sign="Grade 1: mild, passes", action="Back to the step before. Vital signs every 15 minutes."
    ),
    SheetAction(sign="Grade 2: answers to treatment", action="Stop. Treat. Go on at half the rate."),
    SheetAction(sign="Grade 3: goes on or comes back", action="Stop for today. Call haematology."),
    SheetAction(sign="Grade 4: threatens life", action="Stop, keep the line. Adrenaline. Call for help."),
)

WEIGHT = SheetWeight(
    weight_kg=Decimal("82.3"),
    is_estimated=False,
    weighed_on=date(2026, 11, 22),
    dosing_weight_kg=Decimal("82.3"),
    dosing_weight_basis="actual weight",
)
SIGNATURE = SheetSignature(
    name="Dr Ada Demo-Physician",
    role="physician",
    registration_number="0000001",
    signed_at=SIGNED_AT,
    signature_id="6f1d2c3b",
)

TYPICAL = SheetContent(
    order_id=ORDER_ID,
    version=1,
    title="Low platelets with bleeding: immunoglobulin, corticosteroid, platelets",
    population="Adults, 18 years and over, with suspected or known immune thrombocytopenia",
    time_zone="Europe/London",
    is_demo=False,
    valid_until=T0 + timedelta(hours=24),
    patient=SheetPatient(
        family_name="Testperson",
        given_name="Ottilie",
        title="Mrs",
        born_on=date(1945, 7, 14),
        age_years=81,
        gender="Female",
        record_number_label="NHS number",
        record_number="9990001112",
        ward="Larch",
        bed="12",
        allergies=("Penicillin (rash)", "Latex"),
    ),
    weight=WEIGHT,
    basis=SheetBasis(
        platelets_per_ul=18_000,
        sampled_at=datetime(2026, 11, 22, 13, 10, tzinfo=UTC),
        grade=4,
        ctcae_version="5.0",
        bleeding_level="Active, gastrointestinal",
        bleeding_sites=("gastrointestinal",),
        risks=("age 60 or over",),
        not_known=("immunoglobulin A", "blood group", "previous immunoglobulin"),
        rule_id="G4_TRIPLE",
        rule_text="Grade 4 with active bleeding: immunoglobulin, corticosteroid and platelets together.",
    ),
    protocol=SheetProtocol(
        name="Immune thrombocytopenia",
        version="3",
        seal="9f3c21aa" * 8,
        approved_by="Dr Dora Demo-Approver",
        approved_on=date(2026, 10, 1),
        review_status="Pending human clinical review.",
        limits_of_use="Decision support. The prescriber decides. Adults only.",
        references=(
            "Neunert C and others. Guidelines of 2019. Blood Adv 2019;3:3829–3866.",
            "Provan D and others. Updated international consensus report. Blood Adv 2019;3:3780–3817.",
            "Privigen 10% prescribing information.",
        ),
    ),
    orders=(IVIG, PREDNISONE, PLATELETS, TRANEXAMIC, COUNT_AGAIN, CALL),
    rate_plan=SheetRatePlan(
        order_number=1,
        product="Privigen 10%",
        steps=(
            RateStep(ml_per_h=Decimal("24.7"), ml_per_kg_per_h=Decimal("0.3"), minutes=30, starts_at=T0),
            RateStep(
                ml_per_h=Decimal("49.4"),
                ml_per_kg_per_h=Decimal("0.6"),
                minutes=30,
                starts_at=T0 + timedelta(minutes=30),
            ),
            RateStep(
                ml_per_h=Decimal("98.8"),
                ml_per_kg_per_h=Decimal("1.2"),
                minutes=30,
                starts_at=T0 + timedelta(minutes=60),
            ),
            RateStep(
                ml_per_h=Decimal(197),
                ml_per_kg_per_h=Decimal("2.4"),
                minutes=None,
                starts_at=T0 + timedelta(minutes=90),
            ),
        ),
        volume_ml=Decimal(800),
        total_minutes=307,
        maximum_ml_per_h=Decimal(197),
        notes=("Step up only when the checks are normal.",),
    ),
    not_ordered=(NotOrdered(item="dexamethasone", reason="predniSONE chosen instead"),),
    overrides=(
        SheetOverride(
            rule_id="HS-09",
            text="An immunoglobulin A result is needed before a first dose unless bleeding is critical.",
            reason="Bleeding is critical, sample sent",
            by="Dr Ada Demo-Physician",
        ),
    ),
    findings=(
        SheetFinding(
            severity=Severity.WARNING,
            text="Thrombosis risk from age: hydrate, lowest rate, watch to day 14.",
            citation="Privigen label",
        ),
        SheetFinding(
            severity=Severity.INFORMATION,
            text="Response within 24 hours in many, typically in 2 to 4 days; gone in 2 to 4 weeks.",
        ),
    ),
    monitoring=MONITORING,
    issue_facts=ISSUE_FACTS,
    vital_signs=VITAL_SIGNS,
    reactions=REACTIONS,
    countersignatures=("Nurse 1", "Nurse 2 (independent check)", "Pharmacist"),
    tall_man_names=TALL_MAN_NAMES,
    signature=SIGNATURE,
)

FIRST_PRINT = PrintEvent(printed_at=SIGNED_AT, printed_by="Dr Ada Demo-Physician", copy_number=1)
SECOND_PRINT = PrintEvent(printed_at=T0, printed_by="Nurse Nils Demo-Nurse", copy_number=2)

STATES: dict[str, SheetState] = {
    "draft": Draft(),
    "signed": Signed(),
    "copy": Copy(first_printed_at=SIGNED_AT),
    "superseded": Superseded(by_order=NEXT_ORDER_ID, by="Dr Bo Demo-Physician", at=T0),
    "void": Void(reason="Wrong weight", by="Dr Ada Demo-Physician", at=T0),
    "expired": Expired(at=T0 + timedelta(hours=24)),
}

LONGEST_NAME = replace(
    TYPICAL,
    title="Very low platelet count with active bleeding in the central nervous system, gut or urinary tract",
    patient=replace(
        TYPICAL.patient,
        family_name="Featherstonehaugh-Cholmondeley-Wolfeschlegelsteinhausenbergerdorff" + "-Demo" * 8,
        given_name="Maximiliana Aurelia Theodora Evangelina Wilhelmina Philippa Constantia",
        title="Professor Dame",
        ward="Intensive Therapy and High Dependency Unit of the Old North Wing",
        allergies=tuple(f"Demonstration allergen number {number} (urticaria)" for number in range(1, 9)),
    ),
    signature=replace(SIGNATURE, name="Dr " + "Bartholomew-" * 6 + "Demo"),
)
FORTY_ORDERS = replace(
    TYPICAL,
    orders=tuple(
        replace(order, number=number, group=OrderGroup.NOW)
        for number, order in enumerate((IVIG, PREDNISONE, PLATELETS, CALL) * 10, start=1)
    ),
)
NO_ALLERGIES = replace(TYPICAL, patient=replace(TYPICAL.patient, allergies=()))
ALL_UNKNOWN = replace(
    TYPICAL,
    patient=replace(TYPICAL.patient, allergies=UNKNOWN),
    weight=UNKNOWN,
    basis=replace(
        TYPICAL.basis,
        platelets_per_ul=UNKNOWN,
        sampled_at=UNKNOWN,
        grade=UNKNOWN,
        bleeding_level=UNKNOWN,
        bleeding_sites=(),
        risks=(),
        not_known=tuple(f"finding number {number}" for number in range(1, 25)),
    ),
    orders=(PLATELETS, CALL),
    rate_plan=None,
    monitoring=(),
    findings=(),
    not_ordered=(),
    overrides=(),
    issue_facts=tuple(replace(fact, answer=UNKNOWN) for fact in ISSUE_FACTS),
    vital_signs=(),
    reactions=(),
)
ESTIMATED = replace(
    TYPICAL,
    weight=replace(WEIGHT, is_estimated=True, estimate_reason="cannot stand", weighed_on=UNKNOWN),
)
DEMO = replace(TYPICAL, is_demo=True)
CONTENTS = {
    "typical": TYPICAL,
    "longest name": LONGEST_NAME,
    "forty orders": FORTY_ORDERS,
    "no allergies": NO_ALLERGIES,
    "all unknown": ALL_UNKNOWN,
    "estimated": ESTIMATED,
    "demo": DEMO,
}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src="file:///etc/passwd">',
    '<link rel=attachment href="file:///etc/passwd">',
    "<style>@import url(http://127.0.0.1:9/x.css)</style>",
    "<svg><image href='http://127.0.0.1:9/x'/></svg>",
    "url(file:///etc/hostname)",
    "{% include '/etc/passwd' %}",
    "{{ settings.SECRET_KEY }}",
    "{# gone #} still here",
    "</p></div></body></html>",
    "<!-- open comment",
    "&lt;b&gt; &amp; &#x41;",
    "<a href='javascript:alert(1)'>x</a>",
    "../../../etc/passwd",
    "%s %n %x ${HOME} $(id) `id`",
    "'; DROP TABLE orders; --",
    "]]>  <![CDATA[",
    "sheet:code sheet:watermark",
    "O'Brien-Ñúñez Þórðardóttir Łukasz",
    "a\nb\tc\r\nd",
)
