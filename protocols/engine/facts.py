"""What is known of one patient at one moment, and the catalogue of everything that can be known.

`Facts` refuses, with `ImpossibleFact`, what no patient can have: a negative count, a weight of nothing, a
choice that is not in the list. Whether a value is plausible is for the protocol's input limits to say.
"""

# ruff: noqa: RUF009 - `_fact` only carries the catalogue entry; its default is the one immutable UNKNOWN.

from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import Enum, StrEnum
from operator import attrgetter
from typing import Any, Final


class Unknown(Enum):
    """The value of a fact nobody has told us; neither true nor false, so asking `if fact:` is an error."""

    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        raise TypeError("unknown is neither true nor false: compare with UNKNOWN")

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown.UNKNOWN


class Kind(StrEnum):
    """What sort of value a fact holds; decides how it is read, compared and shown."""

    WHOLE = "whole number"
    DECIMAL = "decimal number"
    YES_NO = "yes or no"
    CHOICE = "one of a list"
    CHOICES = "any of a list"
    ROW = "key of a protocol row"
    TEXT = "a name"


_TYPES: Final[dict[Kind, tuple[type, str]]] = {
    Kind.WHOLE: (int, "a whole number"),
    Kind.DECIMAL: (Decimal, "an exact decimal number"),
    Kind.YES_NO: (bool, "true or false"),
    Kind.CHOICE: (str, "one key as text"),
    Kind.CHOICES: (tuple, "a tuple of keys"),
    Kind.ROW: (str, "one key as text"),
    Kind.TEXT: (str, "a name as text"),
}
# Far beyond any patient; a number within them can never overflow an equation.
_MOST_DIGITS: Final = 8
_MOST_DECIMALS: Final = 30
_LONGEST_NAME: Final = 100


class Section(StrEnum):
    """The parts of the clinical note in which the form asks for facts."""

    BLEEDING = "Count and bleeding"
    CAUSE = "Is this immune?"
    SCORES = "Scores for TTP, HIT and DIC"
    WEIGHT = "Weight"
    IMMUNOGLOBULIN = "Before immunoglobulin"
    STEROID_PLATELETS = "Steroid and platelet cautions"
    PRODUCT = "Product"


class ImpossibleFact(ValueError):
    """A value that this fact can have in no patient: `key` names the fact, `message` says why."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class FactDefinition:
    """One entry of the catalogue: how a fact is named, measured and asked."""

    key: str
    label: str
    kind: Kind
    section: Section
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    rows: str = ""
    help: str = ""
    is_above_zero: bool = False

    # Every answer that is read asks for them.
    choice_keys: tuple[str, ...] = field(init=False)
    value_type: type = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "choice_keys", tuple(key for key, _ in self.choices))
        object.__setattr__(self, "value_type", _TYPES[self.kind][0])

    def require_possible(self, value: Any) -> None:
        """Raise `ImpossibleFact` when the value is of the wrong type or beyond any patient."""
        expected: Any = self.value_type
        if expected is bool and (value is True or value is False):
            return
        # True is an int to Python, and no count.
        if not isinstance(value, expected) or isinstance(value, bool):
            raise ImpossibleFact(self.key, f"Give {_TYPES[self.kind][1]}.")
        if expected is int or expected is Decimal:
            self._require_possible_number(Decimal(value))
        elif self.kind is Kind.TEXT:
            if not value.strip() or len(value) > _LONGEST_NAME:
                raise ImpossibleFact(self.key, f"Give 1 to {_LONGEST_NAME} characters.")
        elif self.choices:
            given = value if expected is tuple else (value,)
            if not set(given) <= set(self.choice_keys):
                raise ImpossibleFact(self.key, f"Choose from: {', '.join(self.choice_keys)}.")

    def _require_possible_number(self, value: Decimal) -> None:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or exponent < -_MOST_DECIMALS or value.adjusted() >= _MOST_DIGITS:
            raise ImpossibleFact(self.key, "Give a number that a patient can have.")
        if value < 0:
            raise ImpossibleFact(self.key, "This cannot be below zero.")
        if self.is_above_zero and value == 0:
            raise ImpossibleFact(self.key, "This must be above zero.")


def _fact(
    label: str,
    kind: Kind,
    section: Section,
    *,
    unit: str = "",
    choices: tuple[tuple[str, str], ...] = (),
    rows: str = "",
    help: str = "",
    is_above_zero: bool = False,
) -> Any:
    definition = {
        "label": label,
        "kind": kind,
        "section": section,
        "unit": unit,
        "choices": choices,
        "rows": rows,
        "help": help,
        "is_above_zero": is_above_zero,
    }
    return field(default=UNKNOWN, metadata={"definition": definition})


BLEEDING_LEVELS: Final = (
    ("none", "No bleeding, no risk factor"),
    ("risk_factors", "Risk factors or skin bleeding only"),
    ("active", "Active bleeding, not life-threatening"),
    ("active_cns_gi_gu", "Active CNS, GI or GU bleeding"),
    ("life_threatening", "Life-threatening bleeding"),
)

LEVELS: Final = tuple(key for key, _ in BLEEDING_LEVELS)
"""From no bleeding to life-threatening, so that an index compares two levels."""

BLEEDING_SITES: Final = (
    ("cns", "Brain or spine (CNS)"),
    ("gi", "Gastrointestinal"),
    ("gu", "Urinary tract or genital"),
    ("other", "Other site"),
)

BLEEDING_FINDINGS: Final = (
    ("skin_only", "Petechiae, purpura or bruises only"),
    ("wet_purpura", "Blood blisters in the mouth (wet purpura)"),
    (
        "epistaxis_over_30_min",
        "Nose or throat bleeding over 30 minutes in 24 h, or packed",
    ),
    ("haemoptysis", "Coughing up blood"),
    ("puncture_site_over_1_h", "Puncture site bleeding over 1 hour"),
    ("joint_or_deep_tissue", "Joint or deep tissue haematoma"),
    ("retinal_without_visual_loss", "Retinal bleed without loss of vision"),
    ("menstrual_more_than_spotting", "Menstrual bleeding more than spotting"),
    ("haematemesis", "Vomiting blood"),
    ("melaena", "Melaena"),
    ("haematochezia", "Fresh blood from the bowel"),
    ("visible_haematuria", "Visible blood in the urine"),
    ("vaginal_flooding", "Vaginal flooding or clots"),
    ("suspected_cns", "Suspected brain or spine bleed, imaging awaited"),
    ("red_cells_needed_stable", "Red cell transfusion needed, haemodynamically stable"),
    ("intracranial", "Confirmed intracranial bleed"),
    ("intraspinal", "Confirmed intraspinal bleed"),
    ("intraocular", "Intraocular bleed with visual loss"),
    ("retroperitoneal", "Retroperitoneal bleed"),
    ("pericardial", "Pericardial bleed"),
    ("compartment_syndrome", "Muscle bleed with compartment syndrome"),
    ("haemodynamic_instability", "Ongoing bleed with haemodynamic instability"),
    ("respiratory_compromise", "Ongoing bleed with respiratory compromise"),
    ("uncontrolled", "Bleeding cannot be controlled"),
)

BLEEDING_RISK_FACTORS: Final = (
    ("antithrombotic_or_nsaid", "Anticoagulant, antiplatelet or NSAID"),
    ("previous_severe_bleed", "Previous severe bleed"),
    ("uncontrolled_hypertension", "Uncontrolled hypertension"),
    ("uraemia", "eGFR below 30 or uraemia"),
    ("fever_or_sepsis", "Fever or sepsis"),
    ("coagulopathy", "INR above 1.5 or fibrinogen below 1.5 g per L"),
    ("surgery_or_trauma_14_days", "Surgery or trauma in the last 14 days"),
    ("known_lesion_or_varices", "Known bleeding lesion or varices"),
    ("falls_risk", "Falls risk"),
    ("labour_or_postpartum", "In labour, or delivered in the last 24 h"),
)

AETIOLOGIES: Final = (
    ("primary_itp", "Primary ITP"),
    ("secondary_itp", "Secondary ITP"),
    ("checkpoint_inhibitor", "Checkpoint inhibitor"),
)

IMMUNE_CAUSES: Final = (
    ("confirmed", "Confirmed"),
    ("probable", "Probable"),
    ("unexplained", "Unexplained, or another cause likely"),
)

RENAL_RISK_FACTORS: Final = (
    ("renal_insufficiency", "Known kidney disease"),
    ("diabetes", "Diabetes"),
    ("volume_depletion", "Volume depletion"),
    ("sepsis", "Sepsis"),
    ("paraproteinaemia", "Paraproteinaemia"),
    ("nephrotoxic_drugs", "Nephrotoxic drugs"),
)

BASELINE_SAMPLES: Final = (
    ("smear", "Blood smear"),
    ("coagulation", "PT, aPTT and fibrinogen"),
    ("haemolysis", "LDH, bilirubin, haptoglobin, reticulocytes"),
    ("electrolytes", "Urea and electrolytes"),
    ("glucose", "Glucose"),
    ("liver", "Liver tests"),
    ("pregnancy_test", "Pregnancy test"),
    ("viscosity", "Serum protein or viscosity"),
)

THROMBOSIS_RISK_FACTORS: Final = (
    ("previous_thrombosis", "Previous venous or arterial thrombosis"),
    ("immobilisation", "Prolonged immobilisation"),
    ("hypercoagulable", "Hypercoagulable condition"),
    ("oestrogens", "Oestrogens"),
    ("central_catheter", "Central venous catheter"),
    ("hyperviscosity", "Hyperviscosity"),
    ("cardiovascular", "Cardiovascular risk factors"),
)

OVERLOAD_RISK_FACTORS: Final = (
    ("heart_failure", "Heart failure or ejection fraction below 40 %"),
    ("chronic_kidney_disease", "Chronic kidney disease"),
    ("positive_balance", "Positive fluid balance"),
    ("low_albumin", "Albumin below 30 g per L"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The engine's input: one attribute a fact, each `UNKNOWN` until somebody says otherwise.

    Raises `ImpossibleFact`.
    """

    platelets_per_ul: int | Unknown = _fact(
        "Platelet count", Kind.WHOLE, Section.BLEEDING, unit="per microlitre"
    )
    sample_age_hours: Decimal | Unknown = _fact(
        "Age of the sample", Kind.DECIMAL, Section.BLEEDING, unit="hours"
    )
    usual_platelets_per_ul: int | Unknown = _fact(
        "Usual platelet count",
        Kind.WHOLE,
        Section.BLEEDING,
        unit="per microlitre",
        help="Where this patient lives when nothing new happens, if known.",
    )
    who_bleeding_grade: int | Unknown = _fact(
        "WHO bleeding grade", Kind.WHOLE, Section.BLEEDING, unit="grade 0 to 4"
    )
    bleeding_sites: tuple[str, ...] | Unknown = _fact(
        "Bleeding sites", Kind.CHOICES, Section.BLEEDING, choices=BLEEDING_SITES
    )
    bleeding_findings: tuple[str, ...] | Unknown = _fact(
        "Bleeding findings", Kind.CHOICES, Section.BLEEDING, choices=BLEEDING_FINDINGS
    )
    bleeding_risk_factors: tuple[str, ...] | Unknown = _fact(
        "Bleeding risk factors",
        Kind.CHOICES,
        Section.BLEEDING,
        choices=BLEEDING_RISK_FACTORS,
    )
    bleeding_level: str | Unknown = _fact(
        "Bleeding level",
        Kind.CHOICE,
        Section.BLEEDING,
        choices=BLEEDING_LEVELS,
        help="The clinician's own judgement; where it is left open the level is computed from the findings.",
    )
    bleeding_seen_age_hours: Decimal | Unknown = _fact(
        "Time since the bleeding was seen", Kind.DECIMAL, Section.BLEEDING, unit="hours"
    )
    bleeding_seen_by: str | Unknown = _fact(
        "Bleeding seen by", Kind.TEXT, Section.BLEEDING, help="Name of the person who saw it."
    )
    bleeding_instructed_by: str | Unknown = _fact(
        "Treatment instructed by",
        Kind.TEXT,
        Section.BLEEDING,
        help="Name of the physician who asked for the treatment of the bleeding.",
    )
    urgent_surgery: bool | Unknown = _fact(
        "Urgent surgery or procedure",
        Kind.YES_NO,
        Section.BLEEDING,
        help="Cannot wait 48 hours.",
    )
    procedure: str | Unknown = _fact("Procedure", Kind.ROW, Section.BLEEDING, rows="procedure_targets")
    hours_to_procedure: Decimal | Unknown = _fact(
        "Time to the procedure", Kind.DECIMAL, Section.BLEEDING, unit="hours"
    )
    rapid_rise: bool | Unknown = _fact(
        "Rapid rise required",
        Kind.YES_NO,
        Section.BLEEDING,
        help="A rise is needed within 24 to 48 hours.",
    )

    immune_cause: str | Unknown = _fact(
        "Is the cause immune?",
        Kind.CHOICE,
        Section.CAUSE,
        choices=IMMUNE_CAUSES,
        help="The clinician's own judgement. Left open, it counts as unexplained.",
    )
    ttp_suspected: bool | Unknown = _fact(
        "TTP or other thrombotic microangiopathy suspected",
        Kind.YES_NO,
        Section.CAUSE,
        help="No means excluded. Not known is never read as excluded.",
    )
    hit_suspected: bool | Unknown = _fact(
        "HIT or VITT suspected",
        Kind.YES_NO,
        Section.CAUSE,
        help="No means excluded: no heparin in the last 100 days, or tested or scored and ruled out.",
    )
    clumps: bool | Unknown = _fact("Platelet clumps or giant platelets reported", Kind.YES_NO, Section.CAUSE)
    low_count_confirmed: bool | Unknown = _fact(
        "Low count confirmed on smear or citrate sample", Kind.YES_NO, Section.CAUSE
    )
    aetiology: str | Unknown = _fact("Cause", Kind.CHOICE, Section.CAUSE, choices=AETIOLOGIES)
    schistocytes: bool | Unknown = _fact("Schistocytes on the smear", Kind.YES_NO, Section.CAUSE)
    haemolysis: bool | Unknown = _fact("Haemolysis without another cause", Kind.YES_NO, Section.CAUSE)
    dat_positive: bool | Unknown = _fact(
        "Direct antiglobulin test positive before immunoglobulin",
        Kind.YES_NO,
        Section.CAUSE,
    )
    dic_suspected: bool | Unknown = _fact("DIC suspected (ISTH score 5 or more)", Kind.YES_NO, Section.CAUSE)
    marrow_failure: bool | Unknown = _fact(
        "Chemotherapy, marrow failure or leukaemia", Kind.YES_NO, Section.CAUSE
    )
    obstetric_tma: bool | Unknown = _fact(
        "HELLP, acute fatty liver or pre-eclampsia", Kind.YES_NO, Section.CAUSE
    )
    causative_drug: bool | Unknown = _fact(
        "Drug known to lower platelets in the last 14 days", Kind.YES_NO, Section.CAUSE
    )

    reticulocytes_percent: Decimal | Unknown = _fact(
        "Reticulocytes", Kind.DECIMAL, Section.SCORES, unit="percent"
    )
    haptoglobin_undetectable: bool | Unknown = _fact("Haptoglobin undetectable", Kind.YES_NO, Section.SCORES)
    indirect_bilirubin_umol_per_l: Decimal | Unknown = _fact(
        "Indirect bilirubin", Kind.DECIMAL, Section.SCORES, unit="micromol per L"
    )
    active_cancer: bool | Unknown = _fact("Active cancer in the past year", Kind.YES_NO, Section.SCORES)
    transplant: bool | Unknown = _fact(
        "Solid-organ or stem-cell transplant ever", Kind.YES_NO, Section.SCORES
    )
    mcv_fl: Decimal | Unknown = _fact("Mean red cell volume (MCV)", Kind.DECIMAL, Section.SCORES, unit="fL")
    inr: Decimal | Unknown = _fact("INR", Kind.DECIMAL, Section.SCORES, unit="ratio")
    heparin_last_100_days: bool | Unknown = _fact(
        "Heparin in the last 100 days", Kind.YES_NO, Section.SCORES, help="Flushes count too."
    )
    vitt_picture: bool | Unknown = _fact(
        "VITT picture",
        Kind.YES_NO,
        Section.SCORES,
        help="A clot or very high D-dimer in the weeks after an adenovirus-vector vaccine.",
    )
    heparin_platelet_fall: str | Unknown = _fact(
        "Fall of the count on heparin",
        Kind.CHOICE,
        Section.SCORES,
        choices=(
            ("over_50_percent", "More than 50 %"),
            ("from_30_to_50_percent", "30 to 50 %"),
            ("below_30_percent", "Less than 30 %"),
        ),
    )
    heparin_timing: str | Unknown = _fact(
        "When it fell",
        Kind.CHOICE,
        Section.SCORES,
        choices=(
            ("typical", "Day 5 to 10, or within a day after heparin in the last 30 days"),
            ("late_or_unclear", "After day 10, or unclear"),
            ("too_early", "Before day 4 without recent heparin"),
        ),
    )
    heparin_thrombosis: str | Unknown = _fact(
        "Thrombosis on heparin",
        Kind.CHOICE,
        Section.SCORES,
        choices=(
            ("new", "New clot, skin necrosis or systemic reaction"),
            ("progressive_or_suspected", "Progressive or suspected"),
            ("none", "None"),
        ),
    )
    heparin_other_cause: str | Unknown = _fact(
        "Other cause of the fall",
        Kind.CHOICE,
        Section.SCORES,
        choices=(("none", "None"), ("possible", "Possible"), ("definite", "Definite")),
    )
    dic_predisposing: bool | Unknown = _fact(
        "Disorder that can cause DIC",
        Kind.YES_NO,
        Section.SCORES,
        help="Such as sepsis, major trauma, cancer or an obstetric emergency.",
    )
    fibrin_marker: str | Unknown = _fact(
        "D-dimer or other fibrin marker",
        Kind.CHOICE,
        Section.SCORES,
        choices=(
            ("none", "No rise"),
            ("moderate", "Moderate rise"),
            ("strong", "Strong rise"),
        ),
    )
    pt_prolongation_seconds: Decimal | Unknown = _fact(
        "Prothrombin time above the upper limit", Kind.DECIMAL, Section.SCORES, unit="seconds"
    )
    fibrinogen_g_per_l: Decimal | Unknown = _fact("Fibrinogen", Kind.DECIMAL, Section.SCORES, unit="g per L")

    age_years: int | Unknown = _fact("Age", Kind.WHOLE, Section.WEIGHT, unit="years")
    sex: str | Unknown = _fact(
        "Sex",
        Kind.CHOICE,
        Section.WEIGHT,
        choices=(("female", "Female"), ("male", "Male")),
        help="Recorded for the ideal body weight and kidney equations.",
    )
    pregnant: bool | Unknown = _fact("Pregnant", Kind.YES_NO, Section.WEIGHT)
    weight_kg: Decimal | Unknown = _fact(
        "Weight", Kind.DECIMAL, Section.WEIGHT, unit="kg", is_above_zero=True
    )
    weight_method: str | Unknown = _fact(
        "How the weight was obtained",
        Kind.CHOICE,
        Section.WEIGHT,
        choices=(("measured", "Measured"), ("estimated", "Estimated")),
    )
    weight_age_days: Decimal | Unknown = _fact("Age of the weight", Kind.DECIMAL, Section.WEIGHT, unit="days")
    height_cm: Decimal | Unknown = _fact(
        "Height", Kind.DECIMAL, Section.WEIGHT, unit="cm", is_above_zero=True
    )
    pre_pregnancy_weight_kg: Decimal | Unknown = _fact(
        "Weight before pregnancy", Kind.DECIMAL, Section.WEIGHT, unit="kg", is_above_zero=True
    )

    first_ivig: bool | Unknown = _fact("First immunoglobulin ever", Kind.YES_NO, Section.IMMUNOGLOBULIN)
    hours_since_last_ivig: Decimal | Unknown = _fact(
        "Time since the last IVIG dose started",
        Kind.DECIMAL,
        Section.IMMUNOGLOBULIN,
        unit="hours",
    )
    ivig_last_7_days_g_per_kg: Decimal | Unknown = _fact(
        "IVIG prescribed in the last 7 days",
        Kind.DECIMAL,
        Section.IMMUNOGLOBULIN,
        unit="g per kg dosing weight",
    )
    iga_g_per_l: Decimal | Unknown = _fact("Serum IgA", Kind.DECIMAL, Section.IMMUNOGLOBULIN, unit="g per L")
    iga_sample_taken: bool | Unknown = _fact("IgA sample taken", Kind.YES_NO, Section.IMMUNOGLOBULIN)
    anti_iga: bool | Unknown = _fact("Antibodies against IgA", Kind.YES_NO, Section.IMMUNOGLOBULIN)
    immunoglobulin_reaction: bool | Unknown = _fact(
        "Anaphylaxis or severe reaction to human immunoglobulin",
        Kind.YES_NO,
        Section.IMMUNOGLOBULIN,
    )
    ivig_refused: bool | Unknown = _fact(
        "Immunoglobulin refused or contraindicated", Kind.YES_NO, Section.IMMUNOGLOBULIN
    )
    creatinine_umol_per_l: Decimal | Unknown = _fact(
        "Serum creatinine",
        Kind.DECIMAL,
        Section.IMMUNOGLOBULIN,
        unit="micromol per L",
        is_above_zero=True,
    )
    creatinine_age_hours: Decimal | Unknown = _fact(
        "Age of the creatinine", Kind.DECIMAL, Section.IMMUNOGLOBULIN, unit="hours"
    )
    renal_risk_factors: tuple[str, ...] | Unknown = _fact(
        "Kidney risk factors",
        Kind.CHOICES,
        Section.IMMUNOGLOBULIN,
        choices=RENAL_RISK_FACTORS,
    )
    thrombosis_risk_factors: tuple[str, ...] | Unknown = _fact(
        "Thrombosis risk factors",
        Kind.CHOICES,
        Section.IMMUNOGLOBULIN,
        choices=THROMBOSIS_RISK_FACTORS,
    )
    recent_thrombosis: bool | Unknown = _fact(
        "Stroke, heart attack or venous clot in the last 3 months",
        Kind.YES_NO,
        Section.IMMUNOGLOBULIN,
    )
    overload_risk_factors: tuple[str, ...] | Unknown = _fact(
        "Fluid overload risk factors",
        Kind.CHOICES,
        Section.IMMUNOGLOBULIN,
        choices=OVERLOAD_RISK_FACTORS,
    )
    blood_group: str | Unknown = _fact(
        "ABO group",
        Kind.CHOICE,
        Section.IMMUNOGLOBULIN,
        choices=(("o", "O"), ("a", "A"), ("b", "B"), ("ab", "AB")),
    )
    serology_sample_taken: bool | Unknown = _fact(
        "Hepatitis B, C and HIV sample taken", Kind.YES_NO, Section.IMMUNOGLOBULIN
    )
    group_and_screen_taken: bool | Unknown = _fact(
        "Group, antibody screen and DAT sample taken",
        Kind.YES_NO,
        Section.IMMUNOGLOBULIN,
    )
    baseline_samples: tuple[str, ...] | Unknown = _fact(
        "Other samples taken before immunoglobulin",
        Kind.CHOICES,
        Section.IMMUNOGLOBULIN,
        choices=BASELINE_SAMPLES,
    )
    consent: str | Unknown = _fact(
        "Consent for blood products",
        Kind.CHOICE,
        Section.IMMUNOGLOBULIN,
        choices=(
            ("recorded", "Recorded"),
            ("emergency", "Emergency treatment"),
            ("refused", "Refused"),
        ),
    )
    live_vaccine_planned: bool | Unknown = _fact(
        "Live vaccine planned in the coming year", Kind.YES_NO, Section.IMMUNOGLOBULIN
    )
    migraine_or_aseptic_meningitis: bool | Unknown = _fact(
        "Migraine or previous aseptic meningitis", Kind.YES_NO, Section.IMMUNOGLOBULIN
    )

    steroid_contraindicated: bool | Unknown = _fact(
        "Serious infection, psychosis or uncontrolled diabetes",
        Kind.YES_NO,
        Section.STEROID_PLATELETS,
    )
    hepatitis_b_positive: bool | Unknown = _fact(
        "HBsAg or anti-HBc positive", Kind.YES_NO, Section.STEROID_PLATELETS
    )
    antithrombotic: str | Unknown = _fact(
        "Active antithrombotic treatment",
        Kind.CHOICE,
        Section.STEROID_PLATELETS,
        choices=(
            ("none", "None"),
            ("single", "One drug"),
            ("dual", "Two or more drugs"),
        ),
    )
    nil_by_mouth: bool | Unknown = _fact("Nil by mouth", Kind.YES_NO, Section.STEROID_PLATELETS)
    platelets_refused: bool | Unknown = _fact(
        "Platelet transfusion refused", Kind.YES_NO, Section.STEROID_PLATELETS
    )
    irradiated_needed: bool | Unknown = _fact(
        "Irradiated blood components needed", Kind.YES_NO, Section.STEROID_PLATELETS
    )
    irradiated_available: bool | Unknown = _fact(
        "Irradiated platelets can be had in time", Kind.YES_NO, Section.STEROID_PLATELETS
    )
    rhd_negative_childbearing: bool | Unknown = _fact(
        "RhD-negative and of childbearing potential",
        Kind.YES_NO,
        Section.STEROID_PLATELETS,
    )
    venous_lines: int | Unknown = _fact(
        "Separate venous lines", Kind.WHOLE, Section.STEROID_PLATELETS, unit="lines"
    )

    product: str | Unknown = _fact("Immunoglobulin product", Kind.ROW, Section.PRODUCT, rows="products")
    last_product: str | Unknown = _fact(
        "Product of the last IVIG",
        Kind.ROW,
        Section.PRODUCT,
        rows="products",
        help="Another brand begins at its own first rate and is watched for longer.",
    )
    policy: str | Unknown = _fact("Dosing weight policy", Kind.ROW, Section.PRODUCT, rows="weight_policies")
    hyperprolinaemia: bool | Unknown = _fact("Hyperprolinaemia", Kind.YES_NO, Section.PRODUCT)
    fructose_intolerance: bool | Unknown = _fact(
        "Hereditary fructose intolerance", Kind.YES_NO, Section.PRODUCT
    )
    corn_allergy: bool | Unknown = _fact("Corn allergy", Kind.YES_NO, Section.PRODUCT)
    glucose_monitored: bool | Unknown = _fact(
        "Glucose monitored or insulin given", Kind.YES_NO, Section.PRODUCT
    )
    glucose_specific_meter: bool | Unknown = _fact(
        "Glucose-specific meter or laboratory method used", Kind.YES_NO, Section.PRODUCT
    )

    def __post_init__(self) -> None:
        for key, value in known(self).items():
            FACT_BY_KEY[key].require_possible(value)


CATALOGUE: Final[tuple[FactDefinition, ...]] = tuple(
    FactDefinition(key=f.name, **f.metadata["definition"]) for f in fields(Facts)
)
FACT_BY_KEY: Final[dict[str, FactDefinition]] = {definition.key: definition for definition in CATALOGUE}
# All attributes in one call: every evaluation reads them all.
_answers: Final = attrgetter(*FACT_BY_KEY)


def known(facts: Facts) -> dict[str, Any]:
    """The facts that somebody has told us, by key."""
    return {
        key: value for key, value in zip(FACT_BY_KEY, _answers(facts), strict=True) if value is not UNKNOWN
    }
