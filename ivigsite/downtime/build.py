"""One approved version as a downtime pack: the decision grid, blank order forms, tables and checklists."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.utils import timezone

from ivigsite.encounters.advice import CONSULT_WORDS, TIMING_WORDS
from ivigsite.orders.content import COUNTERSIGNATURES
from ivigsite.orders.sheet.pack import (
    FormDose,
    FormLine,
    GridCell,
    GridGrade,
    GridRow,
    OrderForm,
    Pack,
    PackVersion,
    Section,
    Table,
    TableKind,
    TableRow,
)
from ivigsite.orders.sheet.wording import format_minutes, format_number
from protocols.document import Cell, decision_grids
from protocols.engine.conditions import compile_when
from protocols.engine.lookup import of
from protocols.engine.numbers import unit_beside
from protocols.engine.protocol import (
    Branch,
    ConsultLevel,
    OrderKind,
    OrderTemplate,
    PerUnit,
    Product,
    Protocol,
    Regimen,
    Role,
    Severity,
    Text,
    Topic,
)
from protocols.models import ProtocolVersion
from protocols.templatetags.protocol_words import alternatives, amount

from . import tables

COLUMNS: Final = (
    "No urgent surgery, no rapid rise",
    "Rapid rise required",
    "Urgent surgery",
    "Urgent surgery and rapid rise",
)
ROLE_WORDS: Final = {
    Role.REQUIRED: "Required",
    Role.ALTERNATIVE: "Alternative: one of these",
    Role.OFFERED: "If wanted",
    Role.STANDBY: "Standby: only if the condition is met",
}
# What a recall, and the judgement of a poor rise, ask for later.
ON_THE_LABEL: Final = {
    OrderKind.IVIG: ("lot no.",),
    OrderKind.PLATELETS: ("unit no.", "ABO", "RhD", "collected on"),
}
SEXES: Final = (("female", "Women"), ("male", "Men"))
# A number that belongs to one patient is left to write.
_PLACEHOLDER: Final = re.compile(r"\{\w+\}")
_BLANK: Final = "\N{NO-BREAK SPACE}______\N{NO-BREAK SPACE}"
HOW_TO_READ_WEIGHTS: Final = """\
“actual” means: use the actual weight. A weight between two rows: use the row above. A height between two \
columns: use the one to the left. In pregnancy: the weight before pregnancy."""
ROW_ABOVE: Final = "A weight between two rows: use the row above, the smaller number."


def build_pack(version: ProtocolVersion, protocol: Protocol, *, at: datetime) -> Pack:
    """Everything of this version that paper can carry, to be used until it expires."""
    return Pack(
        version=_version(version, protocol, at=at),
        columns=COLUMNS,
        grid=tuple(_grid(protocol)),
        forms=tuple(_form(protocol, branch) for branch in reversed(protocol.branches)),
        sections=(
            _gates(protocol),
            _stops(protocol),
            _before(protocol),
            _weights(protocol),
            *(_product(protocol, product) for product in protocol.products if product.offered),
            _corticosteroids(protocol),
            _checklist(protocol),
            _at_the_bedside(protocol),
            _calls(protocol),
        ),
        countersignatures=("Prescriber", *COUNTERSIGNATURES),
        references=tuple(f"{row.key}: {row.reference}" for row in protocol.citations),
    )


def expires_at(version: ProtocolVersion, *, made_at: datetime) -> datetime:
    """When the paper is too old: after the site's days, and never past the version's own review."""
    until = made_at + timedelta(days=settings.DOWNTIME_DAYS)
    if version.review_due_on is None:
        return until
    due = timezone.make_aware(datetime.combine(version.review_due_on, datetime.min.time()))
    return min(until, due)


def _version(version: ProtocolVersion, protocol: Protocol, *, at: datetime) -> PackVersion:
    return PackVersion(
        title=protocol.title,
        population=protocol.target_population,
        number=str(version.number),
        seal=version.seal,
        state=version.get_state_display(),
        approved_by=version.approver.full_name,
        approved_on=timezone.localdate(version.approved_at),
        review_status=protocol.source_status,
        limits_of_use=protocol.disclaimer,
        time_zone=settings.TIME_ZONE,
        made_at=at,
        expires_at=expires_at(version, made_at=at),
        is_demo=settings.DEMO,
    )


def _grid(protocol: Protocol) -> Iterator[GridGrade]:
    for grid in decision_grids(protocol):
        rows = tuple(
            GridRow(level=row.level, cells=tuple(_cell(cell) for cell in row.cells)) for row in grid.rows
        )
        yield GridGrade(label=grid.band.label, rows=rows)


def _cell(cell: Cell) -> GridCell:
    if cell.branch is None:
        words = "Not covered" if cell.rule is not None else "No rule"
        return GridCell(code="", words=f"{words}: call haematology", consult="")
    levels = [cell.branch.consult]
    if cell.rule is not None:
        levels.append(cell.rule.consult_at_least)
    level = max(levels, key=lambda one: one.rank)
    return GridCell(code=cell.branch.code, words=cell.branch.title, consult=_consult(level))


def _consult(level: ConsultLevel) -> str:
    return CONSULT_WORDS[level.value] if level.rank > ConsultLevel.INFO.rank else ""


def _form(protocol: Protocol, branch: Branch) -> OrderForm:
    timings = list(TIMING_WORDS)
    orders = sorted(branch.orders, key=lambda order: timings.index(order.timing.value))
    return OrderForm(
        code=branch.code,
        title=branch.title,
        summary=branch.summary,
        consult=_consult(branch.consult),
        targets=tuple(target.text for target in branch.targets),
        stop_rule=branch.stop_rule,
        lines=tuple(_line(protocol, order) for order in orders),
    )


def _line(protocol: Protocol, order: OrderTemplate) -> FormLine:
    return FormLine(
        role=ROLE_WORDS[order.role],
        text=order.text,
        condition="; or ".join(alternatives(order.when)),
        doses=tuple(_dose(regimen, order.kind) for regimen in adult_regimens(protocol, order.regimen)),
    )


def adult_regimens(protocol: Protocol, family: str) -> tuple[Regimen, ...]:
    """The members of a family that an adult may get; the pack is for the adults the version is for."""
    adult = {"age_years": int(of(protocol).parameters["child_years"])}
    return tuple(
        row
        for row in protocol.regimens
        if row.family == family and compile_when(row.when)(adult) is not False
    )


def _dose(regimen: Regimen, kind: OrderKind) -> FormDose:
    is_per_kg = regimen.per is PerUnit.KG
    return FormDose(
        title=regimen.title,
        drug=f"{regimen.drug} ({regimen.short_name})" if regimen.uses_product else regimen.drug,
        basis=amount(regimen) if is_per_kg else "",
        fixed="" if is_per_kg else _dose_words(regimen.amount, regimen.unit),
        unit=regimen.unit,
        course=", ".join(part for part in (regimen.route, regimen.frequency, regimen.duration) if part),
        rate=_rate(regimen),
        instructions=tuple(text for text in (regimen.instructions, regimen.taper) if text),
        label=ON_THE_LABEL.get(kind, ()),
    )


def _rate(regimen: Regimen) -> str:
    if regimen.infuse_over_minutes is not None:
        return f"over {format_minutes(regimen.infuse_over_minutes)}"
    return "by the rate table of the product" if regimen.uses_product else ""


def _gates(protocol: Protocol) -> Section:
    rows = (
        (f"{gate.code} {gate.title}", "; or ".join(alternatives(gate.when)), gate.text, gate.action)
        for gate in protocol.gates
    )
    return Section(
        title="Before any order: is the count real, is it immune",
        lead=("Ask every question. What is not known is not excluded: call haematology.",),
        tables=(_table("", ("Gate", "When", "What it says", "Do this"), rows),),
    )


def _stops(protocol: Protocol) -> Section:
    def rows(severities: tuple[Severity, ...]) -> Iterator[tuple[str, ...]]:
        for rule in protocol.safety_rules:
            if rule.severity in severities:
                yield rule.key, _open(rule.text), _open(rule.action)

    heads = ("Rule", "What it says", "Do this")
    return Section(
        title="What stops an order, and what to think of",
        lead=("No screen checks these while the site is away: read them against the patient.",),
        tables=(
            _table("These stop an order", heads, rows((Severity.HARD, Severity.HARD_NAMED))),
            _table("Think of these", heads, rows((Severity.WARNING,))),
        ),
    )


def _before(protocol: Protocol) -> Section:
    rows = (
        (
            item.title,
            item.due_text,
            "; ".join(f"{change.result}: {change.change}" for change in item.changes),
            "",
            "",
        )
        for item in protocol.screening_items
    )
    heads = ("Sample or check", "When", "What a result changes", "Result", "Time, initials")
    return Section(title="Samples and checks before treatment", lead=(), tables=(_table("", heads, rows),))


def _weights(protocol: Protocol) -> Section:
    policy = of(protocol).policies[protocol.default_policy]
    tables_of_sexes = []
    for sex, words in SEXES:
        heights, rows = tables.adjusted_rows(protocol, sex)
        if rows:
            heads = ("Weight", *(f"{format_number(cm)} cm" for cm in heights))
            cells = (
                (_kg(row.weight_kg), *("actual" if kg is None else format_number(kg) for kg in row.dosing_kg))
                for row in rows
            )
            tables_of_sexes.append(_figures(f"{words}: dosing weight in kg by height", heads, cells))
    return Section(
        title="Dosing weight for immunoglobulin",
        lead=(
            f"{policy.title}. {policy.text}",
            HOW_TO_READ_WEIGHTS,
        ),
        tables=tuple(tables_of_sexes),
    )


def _product(protocol: Protocol, product: Product) -> Section:
    depleted = "IgA-depleted" if product.iga_depleted else "Not IgA-depleted"
    lead = [
        f"{product.drug}, {format_number(product.concentration_percent)} percent. {product.text}",
        f"Stabiliser: {product.stabiliser_text}. IgA: {product.iga_text}. {depleted}.",
        f"Diluent: {product.diluent}. Flush: {product.flush or 'see the label'}. {product.handling}",
    ]
    if product.withdrawn_after:
        lead.append(f"To be withdrawn after {product.withdrawn_after}.")
    doses = [
        _dose_table(protocol, group, product) for group in tables.dosed_alike(tables.immunoglobulin(protocol))
    ]
    return Section(
        title=product.name,
        lead=tuple(lead),
        tables=(
            *doses,
            _rate_table(protocol, product, is_at_risk=False),
            _rate_table(protocol, product, is_at_risk=True),
        ),
    )


def _dose_table(protocol: Protocol, group: tuple[Regimen, ...], product: Product) -> Table:
    """The doses of regimens that differ in their course alone; a column for one given at an even rate."""
    even = next((row for row in group if row.infuse_over_minutes is not None), None)
    bands = tables.dose_bands(protocol, even or group[0], product)
    heads: tuple[str, ...] = ("Dosing weight", "DOSE", "Volume", "Vials")
    if even is not None and even.infuse_over_minutes is not None:
        heads = (*heads, f"Rate over {format_minutes(even.infuse_over_minutes)}")
    return _figures(
        f"{product.name}: dose and vials, {'; '.join(row.title for row in group)}",
        heads,
        (_dose_cells(band) for band in bands),
        kind=TableKind.DOSES,
    )


def _dose_words(value: Decimal, unit: str) -> str:
    return f"{format_number(value)} {unit_beside(value, unit)}"


def _dose_cells(band: tables.DoseBand) -> tuple[str, ...]:
    dose = band.dose
    plan, volume_ml = dose.vial_plan, dose.volume_ml
    cells = [
        _kg_range(band.from_kg, band.to_kg),
        _dose_words(dose.rounded, dose.unit),
        f"{format_number(volume_ml)} mL" if volume_ml is not None else "",
    ]
    if plan is not None:
        vials = " and ".join(f"{count} of {format_number(size)} g" for size, count in plan.vials)
        left = f", {format_number(plan.left_over_g)} g left over" if plan.left_over_g else ""
        cells.append(f"{vials}{left}")
    if band.even_ml_per_h is not None:
        cells.append(f"{format_number(band.even_ml_per_h)} mL per hour")
    return tuple(cells)


def _rate_table(protocol: Protocol, product: Product, *, is_at_risk: bool) -> Table:
    rows = tables.rate_rows(protocol, product, is_at_risk=is_at_risk)
    by_row = [tables.settings_of(row.plan) for row in rows]
    widest = max(by_row, key=len)
    heads = [
        f"Step {number}, {_minutes(minutes)}" for number, (_, minutes) in enumerate(widest[:-1], start=1)
    ]
    kind = "AT RISK (kidney, thrombosis or overload)" if is_at_risk else "normal"
    per_kg = format_number(rows[0].plan.cap_ml_per_kg_per_h)
    return _figures(
        f"{product.name}: pump rate in mL per hour, {kind}",
        ("Dosing weight", *heads, "Then, to the end"),
        (
            (_kg(row.weight_kg), *(format_number(step.ml_per_h) for step, _ in of_row))
            for row, of_row in zip(rows, by_row, strict=True)
        ),
        lead=f"First exposure is assumed; never faster than {per_kg} mL per kg per hour. {ROW_ABOVE}",
    )


def _corticosteroids(protocol: Protocol) -> Section:
    families = dict.fromkeys(
        order.regimen for branch in protocol.branches for order in branch.orders if order.regimen
    )
    regimens = [
        row
        for family in families
        for row in adult_regimens(protocol, family)
        if row.per is PerUnit.KG and not row.uses_product
    ]
    return Section(
        title="Other doses by actual weight",
        lead=(),
        tables=tuple(
            _figures(
                f"{group[0].drug}, {'; '.join(dict.fromkeys(row.title for row in group))}",
                ("Actual weight", "DOSE"),
                (
                    (
                        _kg_range(band.from_kg, band.to_kg),
                        _dose_words(band.dose.rounded, band.dose.unit),
                    )
                    for band in tables.dose_bands(protocol, group[0])
                ),
            )
            for group in tables.dosed_alike(regimens)
        ),
    )


def _checklist(protocol: Protocol) -> Section:
    rows = (
        (item.title, item.due_text, item.measured, "", "")
        for item in protocol.monitoring_items
        if not item.is_follow_up
    )
    heads = ("Check", "When", "What", "Result", "Time, initials")
    return Section(title="Monitoring checklist", lead=(), tables=(_table("", heads, rows),))


def _at_the_bedside(protocol: Protocol) -> Section:
    parameters = of(protocol).parameters
    adrenaline = ((_kg(kg), f"{format_number(mg)} mg") for kg, mg in tables.adrenaline_rows(protocol))
    most = format_number(parameters["adrenaline_max_mg"])
    again = format_number(parameters["adrenaline_repeat_minutes"])
    return Section(
        title="Reaction card",
        lead=(),
        tables=(
            _table(
                "Before each step of the rate", ("When", "Vital signs"), _texts(protocol, Topic.VITAL_SIGNS)
            ),
            _table("If there is a reaction", ("Reaction", "Do this"), _texts(protocol, Topic.REACTION)),
            _figures(
                "Adrenaline into the outer thigh muscle",
                ("Actual weight", "DOSE"),
                adrenaline,
                lead=f"At most {most} mg. Again every {again} minutes if it does not help. {ROW_ABOVE}",
            ),
        ),
    )


def _calls(protocol: Protocol) -> Section:
    rows = ((text.title, text.body, "") for text in _of_topics(protocol, (Topic.CALL, Topic.PITFALL)))
    return Section(
        title="Whom to call, and pitfalls",
        lead=(),
        tables=(_table("", ("What", "Words", "Called at, by"), rows),),
    )


def _texts(protocol: Protocol, topic: Topic) -> Iterator[tuple[str, str]]:
    return ((text.title, _open(text.body)) for text in _of_topics(protocol, (topic,)))


def _of_topics(protocol: Protocol, topics: tuple[Topic, ...]) -> Iterator[Text]:
    return (text for text in protocol.texts if text.topic in topics)


def _open(text: str) -> str:
    return _PLACEHOLDER.sub(_BLANK, text)


def _table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    return Table(
        title=title,
        lead="",
        heads=heads,
        rows=tuple(TableRow(cells=row) for row in rows),
        kind=TableKind.WORDS,
    )


def _figures(
    title: str,
    heads: tuple[str, ...],
    rows: Iterable[tuple[str, ...]],
    *,
    lead: str = ROW_ABOVE,
    kind: TableKind = TableKind.FIGURES,
) -> Table:
    """A table of numbers; a row that ends before the others, because the dose is in, is filled up."""
    filled = (row + ("–",) * (len(heads) - len(row)) for row in rows)
    return Table(
        title=title,
        lead=lead,
        heads=heads,
        rows=tuple(TableRow(cells=row) for row in filled),
        kind=kind,
    )


def _kg(weight_kg: Decimal) -> str:
    return f"{format_number(weight_kg)} kg"


def _kg_range(from_kg: Decimal, to_kg: Decimal) -> str:
    if from_kg == to_kg:
        return _kg(from_kg)
    return f"{format_number(from_kg)} to {format_number(to_kg)} kg"


def _minutes(minutes: Decimal) -> str:
    return f"{format_number(minutes)} min"
