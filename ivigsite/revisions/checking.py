"""What the review says of a version as it stands: its problems, and its own cases once there are none."""

from dataclasses import dataclass
from functools import lru_cache

from protocols.engine.protocol import Protocol
from protocols.engine.review import Problem, find_problems
from protocols.engine.worked_cases import CaseResult, run_cases


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    problems: tuple[Problem, ...]
    # Cases are tried on a protocol that answers everybody, and on no other.
    results: tuple[CaseResult, ...]

    @property
    def failing(self) -> tuple[CaseResult, ...]:
        return tuple(result for result in self.results if not result.passes)

    @property
    def can_be_submitted(self) -> bool:
        return not self.problems and not self.failing

    def problems_in(self, section: str) -> int:
        return sum(problem.section == section for problem in self.problems)


@lru_cache(maxsize=8)
def checked(protocol: Protocol) -> Checked:
    """Look through a protocol; kept for equal ones, because every page of the workspace asks."""
    problems = find_problems(protocol)
    return Checked(problems=problems, results=() if problems else run_cases(protocol))
