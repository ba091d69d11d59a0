"""Rules that no tool knows, held over every file."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
from django.template.loader import get_template

from ivigsite.apps import OwnStaticFilesConfig

ROOT = Path(__file__).resolve().parents[2]
# The sheet is not for a browser and has a template engine of its own; its tests look after it.
TEMPLATES = sorted(
    path for path in (ROOT / "templates").rglob("*.html") if path.parent != ROOT / "templates/sheet"
)
SOURCES = sorted(
    path for folder in ("ivigsite", "protocols", "tests", "bench") for path in (ROOT / folder).rglob("*.py")
)

FORBIDDEN_IN_TEMPLATES = {
    "inline style": r"<style[\s>]|\sstyle\s*=",
    "inline script": r"<script(?![^>]*\ssrc=)[^>]*>(?!\s*</script>)",
    "event attribute": r"\son[a-z]+\s*=",
    "unescaped text": r"\|\s*safe\b|autoescape\s+off|\|\s*safeseq\b",
    "script in htmx": r"hx-on|hx-vals\s*=\s*[\"']js:|hx-headers\s*=\s*[\"']js:|hx-boost|hx-push-url",
    "verb that puts fields in the address": r"hx-(?:delete|put|patch)",
    "other host": r"(?:src|href|action)\s*=\s*[\"'](?:https?:)?//",
    "later Django": r"\{%\s*partial",
}
FORBIDDEN_IN_PYTHON = {
    "unfinished work": r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b|NotImplemented" + r"Error",
    "test that does not run": r"mark\.(?:skip|skipif|xfail)\b|pytest\.(?:skip|xfail|importorskip)\b",
    "unescaped text": r"\bmark_" + r"safe\b",
    "raw query": r"objects\.raw\(|\.extra\(",
}


def found(patterns: dict[str, str], path: Path) -> Iterator[str]:
    text = path.read_text()
    for name, pattern in patterns.items():
        for match in re.finditer(pattern, text, re.IGNORECASE):
            number = text.count("\n", 0, match.start()) + 1
            yield f"{path.relative_to(ROOT)}:{number}: {name}: {match.group().strip()}"


def test_there_are_templates_and_sources_to_look_at():
    assert len(TEMPLATES) >= 5
    assert len(SOURCES) >= 50


def test_no_template_has_what_the_policy_forbids():
    paths = sorted((ROOT / "templates").rglob("*.html"))

    assert [line for path in paths for line in found(FORBIDDEN_IN_TEMPLATES, path)] == []


def test_no_source_has_what_the_house_forbids():
    own = Path(__file__).resolve()

    assert [line for path in SOURCES if path != own for line in found(FORBIDDEN_IN_PYTHON, path)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("inline style", '<p style="color: red">'),
        ("inline script", "<script>alert(1)</script>"),
        ("event attribute", '<a onclick="go()">'),
        ("unescaped text", "{{ note|safe }}"),
        ("script in htmx", '<a hx-boost="true">'),
        ("verb that puts fields in the address", '<a hx-delete="/x">'),
        ("other host", '<script src="//cdn.example/x.js"></script>'),
    ],
)
def test_rule_finds_what_it_forbids(name: str, text: str):
    assert re.search(FORBIDDEN_IN_TEMPLATES[name], text)


def test_script_from_our_own_host_is_allowed():
    script = "<script src=\"{% static 'js/site.js' %}\" defer></script>"

    assert not any(re.search(pattern, script) for pattern in FORBIDDEN_IN_TEMPLATES.values())


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_template_compiles(path: Path):
    get_template(str(path.relative_to(ROOT / "templates")))


def test_no_template_needs_a_static_file_that_is_left_out():
    names = {
        name
        for path in TEMPLATES
        for name in re.findall(r"\{%\s*static\s+[\"']([^\"']+)[\"']", path.read_text())
    }

    left_out = {
        name
        for name in names
        for part in name.split("/")
        if any(fnmatch(part, pattern) for pattern in OwnStaticFilesConfig.ignore_patterns)
    }

    assert left_out == set()
