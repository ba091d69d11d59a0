"""What each role reads first: the order of the panels of a recommendation, and their headings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from ivigsite.accounts.roles import RoleView
from ivigsite.encounters.advice import Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One part of the recommendation, under the heading this reader knows it by."""

    key: str
    title: str
    is_open: bool = False

    @property
    def template(self) -> str:
        return f"encounters/_panel_{self.key}.html"


HAS_SOMETHING: Final[Mapping[str, Callable[[Advice], bool]]] = {
    "orders": lambda advice: bool(advice.groups),
    "both": lambda advice: bool(advice.both),
    "plan": lambda advice: advice.timeline is not None,
    "rates": lambda advice: advice.rate_table is not None,
    "targets": lambda advice: bool(advice.targets or advice.stop_rule or advice.repeat),
    "findings": lambda advice: bool(advice.findings),
    "unknown": lambda advice: bool(advice.questions),
    "scores": lambda advice: bool(advice.scores),
    "watch": lambda advice: bool(advice.expect or advice.watch),
    "screening": lambda advice: bool(advice.screening),
    "monitoring": lambda advice: bool(advice.monitoring),
    "policies": lambda advice: bool(advice.policies),
    "why": lambda advice: True,
    "conflicts": lambda advice: bool(advice.conflicts),
}

# All that the template of a panel is handed of an advice; the panel is drawn anew when one of these changes.
SHOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("groups", "is_provisional"),
    "both": ("both", "both_here", "stop_gates", "withheld_from_both"),
    "plan": ("timeline",),
    "rates": ("rate_table",),
    "targets": ("targets", "stop_rule", "repeat"),
    "findings": ("criticals", "first_warnings", "other_warnings", "informations"),
    "unknown": ("first_questions", "other_questions"),
    "scores": ("scores",),
    "watch": ("expect", "watch"),
    "screening": ("screening",),
    "monitoring": ("monitoring",),
    "policies": ("policies",),
    "why": (
        "decision_text",
        "decision_class",
        "decision_word",
        "bleeding",
        "bleeding_rules",
        "dosing_weight",
        "weight_ledger",
        "notes",
        "sources",
    ),
    "conflicts": ("conflicts",),
}

PANELS_OF: Final[Mapping[RoleView, tuple[Panel, ...]]] = {
    RoleView.PHYSICIAN: (
        Panel(key="orders", title="What to give"),
        Panel(key="plan", title="All arms in time"),
        Panel(key="both", title="Can both be given?"),
        Panel(key="rates", title="Infusion rate"),
        Panel(key="targets", title="Target and when to stop"),
        Panel(key="findings", title="Before you sign"),
        Panel(key="screening", title="Samples and checks before treatment"),
        Panel(key="scores", title="Scores, item by item"),
        Panel(key="unknown", title="Still unknown, and what it would change"),
        Panel(key="watch", title="What to expect and watch for"),
        Panel(key="monitoring", title="Checks that follow"),
        Panel(key="why", title="Why"),
        Panel(key="policies", title="Other dosing-weight policies"),
        Panel(key="conflicts", title="Where guidance differs"),
    ),
    RoleView.NURSE: (
        Panel(key="rates", title="Rate and volume at the pump"),
        Panel(key="plan", title="What starts when, and in which line"),
        Panel(key="watch", title="What to watch for at the bedside", is_open=True),
        Panel(key="monitoring", title="Observations and samples, and when", is_open=True),
        Panel(key="findings", title="Before it is hung"),
        Panel(key="screening", title="Samples and checks before treatment"),
        Panel(key="orders", title="What is proposed"),
        Panel(key="both", title="Can both run together?"),
        Panel(key="targets", title="Target and when to stop"),
        Panel(key="scores", title="Scores, item by item"),
        Panel(key="unknown", title="Still unknown, and what it would change"),
        Panel(key="why", title="Why"),
        Panel(key="policies", title="Other dosing-weight policies"),
        Panel(key="conflicts", title="Where guidance differs"),
    ),
    RoleView.PHARMACIST: (
        Panel(key="orders", title="Grams, volume, vials and how they were computed", is_open=True),
        Panel(key="policies", title="What each dosing-weight policy would give", is_open=True),
        Panel(key="findings", title="Before it is released"),
        Panel(key="screening", title="Samples and checks before treatment"),
        Panel(key="rates", title="Infusion rate"),
        Panel(key="plan", title="All arms in time"),
        Panel(key="targets", title="Target, stop rule and repeat dose"),
        Panel(key="scores", title="Scores, item by item"),
        Panel(key="unknown", title="Still unknown, and what it would change"),
        Panel(key="both", title="Can both be given?"),
        Panel(key="watch", title="What to expect and watch for"),
        Panel(key="monitoring", title="Checks that follow"),
        Panel(key="why", title="Why"),
        Panel(key="conflicts", title="Where guidance differs"),
    ),
    RoleView.HAEMATOLOGIST: (
        Panel(key="why", title="Why this branch", is_open=True),
        Panel(key="findings", title="Findings"),
        Panel(key="screening", title="Samples and checks before treatment"),
        Panel(key="scores", title="Scores, item by item"),
        Panel(key="unknown", title="Open differentials and facts"),
        Panel(key="orders", title="Proposed treatment"),
        Panel(key="plan", title="All arms in time"),
        Panel(key="conflicts", title="Where the source and guidelines differ", is_open=True),
        Panel(key="targets", title="Target, stop rule and repeat dose"),
        Panel(key="both", title="Can both be given?"),
        Panel(key="policies", title="Dosing-weight policies compared"),
        Panel(key="rates", title="Infusion rate"),
        Panel(key="watch", title="Expected response and harms"),
        Panel(key="monitoring", title="Checks that follow"),
    ),
}


def panels_for(role_view: RoleView, advice: Advice) -> tuple[Panel, ...]:
    """The panels this reader sees of this advice, in their order; what is empty is left out."""
    return tuple(panel for panel in PANELS_OF[role_view] if HAS_SOMETHING[panel.key](advice))
