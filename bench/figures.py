"""The figures by name, in the order of the page; memory last, when the server has done everything else."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.browser import measure_keys
from bench.checks import measure_checks
from bench.engine import measure_evaluate, measure_loading
from bench.memory import measure_memory
from bench.pages import measure_board, measure_form, measure_preview
from bench.report import Figure
from bench.revisions import measure_recall, measure_replay
from bench.scratch import Scratch
from bench.setup_times import read_times, setup_figures
from bench.sheets import measure_ready, measure_render


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    title: str
    measure: Callable[[Scratch], list[Figure]]


FIGURES = {
    "preview": Group(title="Live preview", measure=measure_preview),
    "keys": Group(title="Typing in the browser", measure=measure_keys),
    "evaluate": Group(title="Engine", measure=measure_evaluate),
    "loading": Group(title="Loading a protocol version", measure=measure_loading),
    "form": Group(title="Form page", measure=measure_form),
    "board": Group(title="Board", measure=measure_board),
    "checks": Group(title="Board with checks", measure=measure_checks),
    "render": Group(title="Making a sheet", measure=measure_render),
    "ready": Group(title="A sheet that is there when it is wanted", measure=measure_ready),
    "replay": Group(title="A draft on everybody assessed before", measure=measure_replay),
    "recall": Group(title="Everybody treated by one version", measure=measure_recall),
    "setup": Group(title="Set-up on a bare machine", measure=lambda _scratch: setup_figures(read_times())),
    "memory": Group(title="Memory", measure=measure_memory),
}
