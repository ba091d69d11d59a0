"""What the reading pages show of a version: its life, its decision grid, and what waits for a reviewer."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from protocols.engine.facts import BLEEDING_LEVELS
from protocols.engine.lookup import cells_of
from protocols.engine.protocol import Branch, DecisionRule, GradeBand, Protocol
from protocols.engine.review import uncertain_rows
from protocols.lifecycle import ENDED, State
from protocols.models import ProtocolVersion
from protocols.reading import authors_of

# Urgent surgery and rapid rise, in the order of the grid's columns.
COLUMNS: Final = ((False, False), (False, True), (True, False), (True, True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a version's life: who took it and when, or that it is still to come."""

    label: str
    by: Any
    at: datetime | None
    note: str = ""
    is_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What the decision table says in one place; without a branch the rule says why not."""

    rule: DecisionRule | None
    branch: Branch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    level: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradeGrid:
    """The part of the decision grid for one grade: bleeding levels down, surgery and rapid rise across."""

    band: GradeBand
    rows: tuple[LevelRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One version, ready to be read from top to bottom."""

    version: ProtocolVersion
    protocol: Protocol
    steps: tuple[Step, ...]
    grids: tuple[GradeGrid, ...]
    uncertain: tuple[tuple[str, str, str], ...]


def document_of(version: ProtocolVersion, protocol: Protocol) -> Document:
    return Document(
        version=version,
        protocol=protocol,
        steps=life_of(version),
        grids=decision_grids(protocol),
        uncertain=uncertain_rows(protocol),
    )


def life_of(version: ProtocolVersion) -> tuple[Step, ...]:
    """The steps taken so far and, while the version lives, those still to come."""
    steps = [
        Step(
            label="Draft",
            by=version.author,
            at=version.created_at,
            note=_others(version),
            is_now=version.state == State.DRAFT,
        ),
        Step(
            label="Submitted",
            by=version.author if version.submitted_at else None,
            at=version.submitted_at,
            is_now=version.state == State.SUBMITTED,
        ),
        Step(
            label="Under review",
            by=version.reviewer,
            at=version.reviewed_at or version.review_started_at,
            note=version.review_comment,
            is_now=version.state == State.UNDER_REVIEW,
        ),
        Step(
            label="Approved",
            by=version.approver,
            at=version.approved_at,
            is_now=version.state == State.APPROVED,
        ),
    ]
    if version.plan is not None:
        plan = version.plan
        steps[2] = replace(steps[2], is_now=False)
        steps[3] = replace(steps[3], by=plan.approver, at=plan.approved_at, is_now=True)
        steps.append(Step(label="To come into force", by=None, at=plan.in_force_from))
    if version.state not in ENDED:
        return tuple(steps)
    end = Step(
        label=version.get_state_display(),
        by=version.ended_by,
        at=version.ended_at,
        note=version.end_reason,
        is_now=True,
    )
    return (*(step for step in steps if step.at), end)


def _others(version: ProtocolVersion) -> str:
    """Who else has a hand in what the version says."""
    names = [person.get_full_name() for person in authors_of(version) if person != version.author]
    return f"With {', '.join(names)}." if names else ""


def decision_grids(protocol: Protocol) -> tuple[GradeGrid, ...]:
    """One grid a grade, the worst grade first."""
    rules = {cell: rule for rule in protocol.decision_rules for cell in cells_of(rule)}
    branches = {branch.key: branch for branch in protocol.branches}

    def cell(grade: int, level: str, surgery: bool, rise: bool) -> Cell:
        rule = rules.get((grade, level, surgery, rise))
        return Cell(rule=rule, branch=branches.get(rule.branch or "") if rule else None)

    return tuple(
        GradeGrid(
            band=band,
            rows=tuple(
                LevelRow(level=label, cells=tuple(cell(band.grade, key, *column) for column in COLUMNS))
                for key, label in BLEEDING_LEVELS
            ),
        )
        for band in sorted(protocol.grade_bands, key=lambda band: -band.grade)
    )
