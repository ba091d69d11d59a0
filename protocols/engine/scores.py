"""Published scores that tell immune thrombocytopenia from what looks like it, item by item.

An item that cannot be told yet still has every number of points it can get, so that a score lies between a
least and a most, and a threshold is reached, excluded or open. The thresholds are the protocol's.

Sources
    PLASMIC     Bendapudi PK et al. Lancet Haematol 2017;4:e157-e164.
    4Ts         Lo GK et al. J Thromb Haemost 2006;4:759-765, as in Cuker A et al. Blood Adv 2018;2:3360-3392.
    ISTH DIC    Taylor FB et al. Thromb Haemost 2001;86:1327-1330: overt DIC.
                Where it gives no points to a value between two groups, the worse group is taken.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Final

from . import formulas
from .facts import UNKNOWN, Unknown

Values = Mapping[str, Any]
Possible = tuple[int, ...]

IMMUNE: Final = ("confirmed", "probable")

_PLASMIC_COUNT_PER_UL = 30_000
_RETICULOCYTES_PERCENT = Decimal("2.5")
_BILIRUBIN_MG_PER_DL = Decimal("2.0")
_UMOL_PER_L_IN_ONE_MG_PER_DL_BILIRUBIN = Decimal("17.1")
_MCV_FL = 90
_INR = Decimal("1.5")
_CREATININE_MG_PER_DL = Decimal("2.0")

_NADIR_2_PER_UL = 20_000
_NADIR_1_PER_UL = 10_000
_FALL = {"over_50_percent": 2, "from_30_to_50_percent": 1, "below_30_percent": 0}
_TIMING = {"typical": 2, "late_or_unclear": 1, "too_early": 0}
_THROMBOSIS = {"new": 2, "progressive_or_suspected": 1, "none": 0}
_OTHER_CAUSE = {"none": 2, "possible": 1, "definite": 0}

_DIC_COUNT_1_PER_UL = 100_000
_DIC_COUNT_2_PER_UL = 50_000
_FIBRIN_MARKER = {"none": 0, "moderate": 2, "strong": 3}
_PT_SECONDS_1 = 3
_PT_SECONDS_2 = 6
_FIBRINOGEN_G_PER_L = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreItem:
    """One line of a score: the points it can still get, and the facts to ask while there are several."""

    label: str
    possible: Possible
    asks: tuple[str, ...]

    @property
    def points(self) -> int | Unknown:
        """The points of this item, once they are sure."""
        return self.possible[0] if len(self.possible) == 1 else UNKNOWN


@cache
def _score_item(label: str, possible: Possible, asks: tuple[str, ...]) -> ScoreItem:
    """An item of a score; there are some sixty of them in all, and every evaluation has fifteen."""
    return ScoreItem(label=label, possible=possible, asks=asks)


SCORE_KEYS: Final = frozenset({"plasmic", "four_ts", "isth_dic"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A score for one patient; `applies` is false where it says nothing, as 4Ts without heparin.

    `asks` are the facts worth asking now: none where the question the score is for has been answered.
    `bands` are its published groups, each with the fewest points in it.
    """

    key: str
    title: str
    applies: bool | Unknown
    items: tuple[ScoreItem, ...]
    asks: tuple[str, ...]
    bands: tuple[tuple[int, str], ...]

    # Every condition on a score asks for them.
    least: int = field(init=False)
    most: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "least", sum([item.possible[0] for item in self.items]))
        object.__setattr__(self, "most", sum([item.possible[-1] for item in self.items]))

    @property
    def group(self) -> str:
        """The published group, or the two between which it lies while items are open."""
        least, most = (
            next(word for from_points, word in reversed(self.bands) if points >= from_points)
            for points in (self.least, self.most)
        )
        return least if least == most else f"{least} to {most}"

    def settles(self, match: Callable[[int], bool]) -> bool | Unknown:
        """Whether the points match, whatever the open items turn out to be; no when it does not apply."""
        if self.applies is False:
            return False
        does_match = match(self.least)
        for points in range(self.least + 1, self.most + 1):
            if match(points) is not does_match:
                return UNKNOWN
        return does_match if self.applies is True or not does_match else UNKNOWN


def scores_of(values: Values) -> dict[str, Score]:
    """Every score by its key, from the facts that are known."""
    return {score.key: score for score in (_plasmic(values), _four_ts(values), _isth_dic(values))}


def _plasmic(values: Values) -> Score:
    """For a thrombotic microangiopathy: where its signs are there, or nothing explains the count."""
    signs = [_get(values, key) for key in ("schistocytes", "haemolysis", "ttp_suspected")]
    cause = _get(values, "immune_cause")
    items = (
        _item(values, "Platelet count below 30,000 per microlitre", "platelets_per_ul", _below_30),
        _haemolysis(values),
        _item(values, "No active cancer in the past year", "active_cancer", _is_absent),
        _item(values, "No solid-organ or stem-cell transplant", "transplant", _is_absent),
        _item(values, "MCV below 90 fL", "mcv_fl", lambda mcv: int(mcv < _MCV_FL)),
        _item(values, "INR below 1.5", "inr", lambda inr: int(inr < _INR)),
        _item(values, "Creatinine below 2.0 mg per dL", "creatinine_umol_per_l", _below_2_mg_per_dl),
    )
    applies: bool | Unknown = UNKNOWN
    if True in signs:
        applies = True
    elif signs[0] is False and signs[1] is False:
        applies = False
    elif cause not in IMMUNE:
        # An explanation that nobody gave is none.
        applies = True
    asks = _open(items)
    if True not in signs and cause is UNKNOWN:
        asks = ("immune_cause",)
    elif applies is not True:
        asks = ()
    return Score(
        key="plasmic",
        title="PLASMIC score for TTP",
        applies=applies,
        items=items,
        asks=asks,
        bands=((0, "low"), (5, "intermediate"), (6, "high")),
    )


def _four_ts(values: Values) -> Score:
    """For heparin-induced thrombocytopenia: only after heparin."""
    items = (
        _fall(values),
        _item(values, "Timing of the fall", "heparin_timing", _TIMING.__getitem__, (0, 1, 2)),
        _item(values, "Thrombosis", "heparin_thrombosis", _THROMBOSIS.__getitem__, (0, 1, 2)),
        _item(values, "Other cause of the fall", "heparin_other_cause", _OTHER_CAUSE.__getitem__, (0, 1, 2)),
    )
    return _after(
        values,
        exposure="heparin_last_100_days",
        statement="hit_suspected",
        key="four_ts",
        title="4Ts score for HIT",
        items=items,
        bands=((0, "low"), (4, "intermediate"), (6, "high")),
    )


def _isth_dic(values: Values) -> Score:
    """For disseminated intravascular coagulation: only with a disorder that can cause it."""
    items = (
        _item(values, "Platelet count", "platelets_per_ul", _dic_count, (0, 1, 2)),
        _item(
            values, "D-dimer or other fibrin marker", "fibrin_marker", _FIBRIN_MARKER.__getitem__, (0, 2, 3)
        ),
        _item(values, "Prolonged prothrombin time", "pt_prolongation_seconds", _dic_pt, (0, 1, 2)),
        _item(values, "Fibrinogen", "fibrinogen_g_per_l", lambda g: int(g <= _FIBRINOGEN_G_PER_L)),
    )
    return _after(
        values,
        exposure="dic_predisposing",
        statement="dic_suspected",
        key="isth_dic",
        title="ISTH score for overt DIC",
        items=items,
        bands=((0, "not overt"), (5, "overt")),
    )


def _after(
    values: Values,
    *,
    exposure: str,
    statement: str,
    key: str,
    title: str,
    items: tuple[ScoreItem, ...],
    bands: tuple[tuple[int, str], ...],
) -> Score:
    """A score that says something only after an exposure, and is asked for until somebody has concluded."""
    applies = _get(values, exposure)
    asks: tuple[str, ...] = ()
    if _get(values, statement) is UNKNOWN:
        asks = (exposure,) if applies is UNKNOWN else _open(items)
    return Score(key=key, title=title, applies=applies, items=items, asks=asks, bands=bands)


def _item(
    values: Values,
    label: str,
    fact: str,
    points: Callable[[Any], int],
    possible: Possible = (0, 1),
) -> ScoreItem:
    value = _get(values, fact)
    if value is UNKNOWN:
        return _score_item(label, possible, (fact,))
    return _score_item(label, (points(value),), ())


def _haemolysis(values: Values) -> ScoreItem:
    """Any one sign of three is enough, and only all three exclude it."""
    label = "Haemolysis: reticulocytes above 2.5 %, no haptoglobin, or indirect bilirubin above 2.0 mg per dL"
    signs: dict[str, Callable[[Any], bool]] = {
        "reticulocytes_percent": lambda percent: bool(percent > _RETICULOCYTES_PERCENT),
        "haptoglobin_undetectable": bool,
        "indirect_bilirubin_umol_per_l": lambda umol_per_l: bool(
            umol_per_l > _BILIRUBIN_MG_PER_DL * _UMOL_PER_L_IN_ONE_MG_PER_DL_BILIRUBIN
        ),
    }
    missing = tuple(fact for fact in signs if _get(values, fact) is UNKNOWN)
    is_shown = any(sign(values[fact]) for fact, sign in signs.items() if fact not in missing)
    if is_shown or _get(values, "haemolysis") is True:
        return _score_item(label, (1,), ())
    return _score_item(label, (0, 1) if missing else (0,), missing)


def _fall(values: Values) -> ScoreItem:
    """The lower of two: how far the count fell, and how low; the count of now stands for the lowest one."""
    label = "Fall of the count, and the lowest count"
    fall, count = _get(values, "heparin_platelet_fall"), _get(values, "platelets_per_ul")
    falls = (0, 1, 2) if fall is UNKNOWN else (_FALL[fall],)
    nadirs = (0, 1, 2) if count is UNKNOWN else (_nadir(count),)
    possible = tuple(sorted({min(one, other) for one in falls for other in nadirs}))
    asked = {"heparin_platelet_fall": fall, "platelets_per_ul": count}
    asks = tuple(fact for fact, value in asked.items() if value is UNKNOWN)
    return _score_item(label, possible, asks if len(possible) > 1 else ())


def _nadir(platelets_per_ul: int) -> int:
    if platelets_per_ul >= _NADIR_2_PER_UL:
        return 2
    return 1 if platelets_per_ul >= _NADIR_1_PER_UL else 0


def _below_30(platelets_per_ul: int) -> int:
    return int(platelets_per_ul < _PLASMIC_COUNT_PER_UL)


def _is_absent(is_present: bool) -> int:
    return int(not is_present)


def _below_2_mg_per_dl(umol_per_l: Decimal) -> int:
    return int(formulas.creatinine_mg_per_dl(umol_per_l=umol_per_l) < _CREATININE_MG_PER_DL)


def _dic_count(platelets_per_ul: int) -> int:
    if platelets_per_ul < _DIC_COUNT_2_PER_UL:
        return 2
    return 1 if platelets_per_ul <= _DIC_COUNT_1_PER_UL else 0


def _dic_pt(seconds: Decimal) -> int:
    if seconds > _PT_SECONDS_2:
        return 2
    return 1 if seconds >= _PT_SECONDS_1 else 0


def _open(items: Iterable[ScoreItem]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(fact for item in items for fact in item.asks))


def _get(values: Values, fact: str) -> Any:
    return values.get(fact, UNKNOWN)
