"""The decision table as a grid: every cell that a patient can be in, and the rules that speak for it."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ivigsite.revisions.sections import SECTIONS, ids_of_section
from protocols.engine.facts import BLEEDING_LEVELS
from protocols.engine.lookup import Cell, cells_of
from protocols.engine.protocol import Branch, DecisionRule, GradeBand, Protocol
from protocols.models import ProtocolVersion

COLUMNS: Final = ((False, False), (False, True), (True, False), (True, True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaking:
    """One rule that speaks for a cell, with where it is stored and the branch it leads to."""

    id: UUID
    rule: DecisionRule
    branch: Branch | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridCell:
    """None speaks: a gap. More than one: an overlap."""

    rules: tuple[Speaking, ...]

    @property
    def is_gap(self) -> bool:
        return not self.rules

    @property
    def is_overlap(self) -> bool:
        return len(self.rules) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    level: str
    cells: tuple[GridCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BandGrid:
    band: GradeBand
    rows: tuple[GridRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    bands: tuple[BandGrid, ...]

    @property
    def cells(self) -> tuple[GridCell, ...]:
        return tuple(cell for band in self.bands for row in band.rows for cell in row.cells)

    @property
    def gaps(self) -> int:
        return sum(cell.is_gap for cell in self.cells)

    @property
    def overlaps(self) -> int:
        return sum(cell.is_overlap for cell in self.cells)


def grid_of(version: ProtocolVersion, protocol: Protocol) -> Grid:
    """Every cell, the worst grade first."""
    branches = {branch.key: branch for branch in protocol.branches}
    spoken: defaultdict[Cell, list[Speaking]] = defaultdict(list)
    ids = ids_of_section(SECTIONS["decision_rules"], version)
    for row_id, rule in zip(ids, protocol.decision_rules, strict=True):
        speaking = Speaking(id=row_id, rule=rule, branch=branches.get(rule.branch or ""))
        for cell in cells_of(rule):
            spoken[cell].append(speaking)
    return Grid(
        bands=tuple(
            BandGrid(
                band=band,
                rows=tuple(
                    GridRow(
                        level=label,
                        cells=tuple(
                            GridCell(rules=tuple(spoken[band.grade, key, *column])) for column in COLUMNS
                        ),
                    )
                    for key, label in BLEEDING_LEVELS
                ),
            )
            for band in sorted(protocol.grade_bands, key=lambda band: -band.grade)
        )
    )
