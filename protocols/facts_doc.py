"""docs/facts.md, written from the catalogue so that the two cannot drift apart."""

from protocols.engine.facts import CATALOGUE, FactDefinition, Kind, Section

_HEAD = """# Facts

What `python3 manage.py evaluate` reads: one JSON object, or a list of them. Written from the catalogue in
`protocols/engine/facts.py` by `python3 manage.py facts_doc`; do not edit it by hand.

A key that is absent, `null` or `"unknown"` is unknown, and unknown is never read as no. Numbers may be JSON
numbers or text; both are read exactly. An unknown key, a key that stands twice and a bad value are errors.
"""

_KINDS = {
    Kind.WHOLE: "whole number",
    Kind.DECIMAL: "decimal number",
    Kind.YES_NO: "`true` or `false`",
    Kind.CHOICE: "one of",
    Kind.CHOICES: "list of any of",
    Kind.ROW: "key of a row of",
    Kind.TEXT: "name as text",
}


def facts_markdown() -> str:
    parts = [_HEAD]
    for section in Section:
        facts = [_line(definition) for definition in CATALOGUE if definition.section is section]
        parts += [f"## {section.value}", "", "| key | meaning | value |", "|---|---|---|", *facts, ""]
    return "\n".join(parts)


def _line(definition: FactDefinition) -> str:
    label = definition.label if definition.label.endswith("?") else f"{definition.label}."
    meaning = f"{label} {definition.help}".strip()
    return f"| `{definition.key}` | {meaning} | {_value(definition)} |"


def _value(definition: FactDefinition) -> str:
    kind = _KINDS[definition.kind]
    if definition.choices:
        return f"{kind} {', '.join(f'`{key}`' for key in definition.choice_keys)}"
    if definition.kind is Kind.ROW:
        return f"{kind} `{definition.rows}` in the protocol"
    return f"{kind}, {definition.unit}" if definition.unit else kind
