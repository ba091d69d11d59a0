"""Trying a protocol on stored assessments, in this process or in several beside it. Knows no database."""

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import orjson

from protocols.engine.answers import Answer, NotAnOutcome, Tally, answer_from_plain, answer_of
from protocols.engine.behaviour import answer_to
from protocols.engine.facts_json import FactErrors, facts_from_plain
from protocols.engine.plain import from_plain, to_plain
from protocols.engine.protocol import Protocol

# All the cores that this process may use.
PROCESSES: Final = len(os.sched_getaffinity(0))
# Whoever waits for a page goes first.
NICER_BY: Final = 10
# So many parts are under way at once, so that no process waits for the one that reads and stores.
AHEAD: Final = 2 * PROCESSES


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One stored assessment: where it is, what was known, and what was said of it then.

    All is the JSON that is stored: read by the process that tries it, and not by the one that hands it out,
    which would write it again to pass it on. Where the answer was not kept in the format of today, its whole
    outcome is here instead.
    """

    id: str
    facts: str
    answer: str | None = None
    outcome: str = ""


Part = tuple[str, Tally]
"""The id of the last assessment of a part, and what the part would change."""
Replay = Callable[[Protocol, Iterable[Sequence[Stored]]], Iterator[Part]]
"""Tries a protocol on parts of what is stored, and tells of each in its order."""


def replayed(protocol: Protocol, stored: Sequence[Stored]) -> Tally:
    """What a protocol would have said of these, against what was said."""
    tally = Tally()
    for one in stored:
        example = {"assessment": one.id}
        try:
            facts, before = facts_from_plain(orjson.loads(one.facts)), _said(one)
        except NotAnOutcome as refusal:
            tally.add_unreadable(str(refusal), example)
        except FactErrors as refusal:
            # Such as an answer that the catalogue of facts no longer offers.
            keys = ", ".join(sorted(refusal.errors))
            tally.add_unreadable(f"The stored facts are no longer valid: {keys}.", example)
        else:
            tally.add(before, answer_to(protocol, facts), example)
    return tally


def _said(one: Stored) -> Answer:
    if one.answer is None:
        return answer_of(orjson.loads(one.outcome))
    return answer_from_plain(orjson.loads(one.answer))


def in_this_process(protocol: Protocol, parts: Iterable[Sequence[Stored]]) -> Iterator[Part]:
    """One part after the other: right where there is little to try."""
    for part in parts:
        yield part[-1].id, replayed(protocol, part)


def beside_this_process(protocol: Protocol, parts: Iterable[Sequence[Stored]]) -> Iterator[Part]:
    """Parts side by side, on all the cores there are for it."""
    # Spawned, because a fork would share the connection to the database.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        PROCESSES, mp_context=context, initializer=_learn, initargs=(to_plain(protocol),)
    ) as pool:
        under_way: deque[tuple[str, Future[Tally]]] = deque()
        for part in parts:
            under_way.append((part[-1].id, pool.submit(_replayed_here, part)))
            if len(under_way) >= AHEAD:
                last, tried = under_way.popleft()
                yield last, tried.result()
        for last, tried in under_way:
            yield last, tried.result()


# The protocol that a process beside this one was started for.
_learnt: list[Protocol] = []


def _learn(plain: Any) -> None:
    os.nice(NICER_BY)
    _learnt[:] = [from_plain(Protocol, plain)]
    # Nothing that is read or worked out here holds itself, and looking for it took three parsings in four.
    gc.disable()


def _replayed_here(part: Sequence[Stored]) -> Tally:
    return replayed(_learnt[0], part)
