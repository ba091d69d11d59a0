"""How the fields of content rows are called, in which unit they are, and what to know to fill them in."""

from typing import Final

# The longest first: a rate ends like a weight and a time.
_UNITS: Final = (
    ("_ml_per_kg_per_h", "mL per kg per h"),
    ("_ml_per_unit", "mL per unit of the dose"),
    ("_ml_per_h", "mL per h"),
    ("_per_ul", "per microlitre"),
    ("_minutes", "minutes"),
    ("_hours", "hours"),
    ("_days", "days"),
    ("_weight_kg", "kg"),
    ("_height_cm", "cm"),
    ("_percent", "%"),
    ("_years", "years"),
    ("_g", "g"),
)
_OTHER_UNITS: Final = {
    "day": "days after the start",
    "minimum_weight_kg_female": "kg",
    "minimum_weight_kg_male": "kg",
    "bmi_threshold": "kg per m²",
    "minutes": "minutes",
}
_LABELS: Final = {
    "asks": "Values to enter",
    "needs": "Values without which nothing is stored",
    "cites": "Sources",
    "uncertain": "Uncertain: a clinical reviewer must ratify it",
    "note": "Note for the clinical reviewer",
    "when": "When",
    "done_when": "In order when",
    "waits_when": "Treatment waits when",
    "alert": "Alert when",
    "critical": "Critical when",
    "key": "Key",
    "lower_per_ul": "Lower border",
    "upper_per_ul": "Upper border",
    "unit": "Unit",
    "doses": "Number of doses",
    "per": "The amount is for each",
    "cap": "Cap of one dose",
    "weight": "Weight it is multiplied by",
    "override": "What lifts it",
    "named": "Whom to name first",
    "second": "Whom to name second",
    "basis": "Why it says so",
    "iga_text": "IgA content",
    "kinds": "For whoever gets",
    "decision": "Where the decision comes from",
    "consult_at_least": "Haematology is called at least",
    "consult": "Haematology is called",
    "bmi_threshold": "Body mass index from which it adjusts",
    "ctcae_version": "CTCAE version",
    "vials_g": "Vial sizes",
    "ml_per_kg_per_h": "Rate",
    "starts_from": "Starts from the facts of the case",
    "maximum_ml_per_h": "Highest rate",
    "platelets_per_ul": "Count to reach",
    "anchor": "Counted from",
    "until_anchor": "Until",
    "until_minutes": "Minutes after that",
    "from_minutes": "First repeat, minutes from the anchor",
    "every_minutes": "Comes again every",
    "sentence": "What the case shows, as a sentence",
    "facts": "What is known of the patient",
    "held": "Lines on hold",
    "lines": "Required lines",
    "no_lines": "Lines that must not be required",
    "findings": "Findings that must be there",
    "no_findings": "Findings that must not be there",
    "gates": "Gates that must hold",
    "no_gates": "Gates that must not hold",
    "monitoring": "Checks that must be there",
}
HELP: Final = {
    "key": "Other rows name it by this key; cases and signed orders remember it.",
    "due_minutes": "Minutes after the anchor; before it with a hyphen, such as -60.",
    "early_minutes": "A result counts from so long before it is due.",
    "window_minutes": "So long after it is due the check is overdue.",
    "upper_per_ul": "Of a grade: the first count that belongs to the next milder one; empty for the highest.",
    "amount": "In the unit of this row, for each kilogram or for the patient as said below.",
    "cap": "In the unit of this row. A rounded dose never passes it.",
    "summary": "One sentence of at most 140 characters, shown as the headline.",
    "text": "One sentence; for a finding it is the reason, under 140 characters.",
    "action": "The consequence, and what to do.",
    "vials_g": "In grams, with a blank between them: 2.5 5 10",
    "family": "The first regimen of a family whose conditions hold is used.",
    "when": "All conditions of one group must hold; any group is enough. No group means always.",
    "body": "Shown to clinicians as it stands here.",
    "subject": "The drug or parameter; empty for all that have no range of their own.",
    "note": "Needed where the row is uncertain or a house value.",
    "not_covered": "Where no branch is named: why the protocol says nothing for these patients.",
    "change_note": "What is different in this version, for those who will use it.",
}


def label_of(name: str) -> str:
    """The name of a field in words, without its unit."""
    if name in _LABELS:
        return _LABELS[name]
    return _without_unit(name).replace("_", " ").capitalize().replace("Ivig", "IVIG").replace("Iga", "IgA")


def unit_of(name: str) -> str:
    """The unit of a field, or nothing."""
    if name in _OTHER_UNITS:
        return _OTHER_UNITS[name]
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")


def _without_unit(name: str) -> str:
    ending = next((ending for ending, _ in _UNITS if name.endswith(ending)), "")
    # The weight and the height are part of the name, and only kg and cm are the unit.
    kept = ending.removesuffix("_kg").removesuffix("_cm") if ending in ("_weight_kg", "_height_cm") else ""
    return name.removesuffix(ending) + kept
