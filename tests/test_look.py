"""Every text on every ground it is set on, in both themes: at least 4.5 to 1; edges at least 3 to 1."""

import re
from itertools import product
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[1] / "static/css"
TOKENS = (CSS / "tokens.css").read_text()

GROUNDS = ["paper", "surface", "surface-raised"]
TEXTS = [
    *product(["ink", "ink-soft", "accent", "accent-strong", "critical", "warning", "information"], GROUNDS),
    *product(["ink", "critical"], ["critical-soft"]),
    *product(["ink", "warning"], ["warning-soft"]),
    *product(["ink", "information"], ["information-soft"]),
    *product(["ink", "accent-strong"], ["accent-soft"]),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("surface", "ink"),
    ("on-bar", "bar"),
    ("on-bar-soft", "bar"),
    ("on-demo", "demo"),
    ("on-demo", "demo-stripe"),
]
MARKS = list(product(["line-strong", "critical-edge", "information-edge", "accent"], GROUNDS))


def colours() -> dict[str, tuple[str, str]]:
    """Return each colour token as it is in the light and in the dark theme."""
    both = re.findall(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", TOKENS)
    one = re.findall(r"--([\w-]+): (#[0-9a-f]{6});", TOKENS)
    return {name: (light, dark) for name, light, dark in both} | {name: (hue, hue) for name, hue in one}


def luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4 for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted([luminance(first), luminance(second)])
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_is_measured_as_the_guideline_says():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXTS)
def test_text_can_be_read(text: str, ground: str, theme: int):
    assert contrast(colours()[text][theme], colours()[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("mark", "ground"), MARKS)
def test_edge_can_be_seen(mark: str, ground: str, theme: int):
    assert contrast(colours()[mark][theme], colours()[ground][theme]) >= 3


def test_colours_stand_in_the_tokens_alone():
    # The few that are left are the header's own, the same in both themes.
    allowed = {"page.css": {"#7fdbe0", "#58c7cd", "#8ba0a3", "#ffffff14", "#ffffff2e", "#0a1011b3"}}

    for sheet in ("page.css", "parts.css"):
        found = set(re.findall(r"#[0-9a-f]{3,8}\b(?=[;\s])", (CSS / sheet).read_text()))
        assert found <= allowed.get(sheet, set())


def test_nothing_comes_from_another_host():
    for sheet in CSS.glob("*.css"):
        assert not re.search(r"https?:|@import|//[a-z]", sheet.read_text())
