"""The formulary as the choose page shows it: what each product would come to, and what speaks against it."""

from dataclasses import dataclass
from typing import Final

from ivigsite.encounters.advice import LEVEL_OF_SEVERITY, number
from ivigsite.encounters.timeline import lasting_words
from ivigsite.orders.proposal import Proposal
from protocols.engine.facts import FACT_BY_KEY
from protocols.engine.formulary import Formulary, OpenRule, ProductChoice, ProductReason, Standing, formulary
from protocols.engine.protocol import ProductLabel, Protocol, Severity

STANDING_WORDS: Final = {
    Standing.ALLOWED: "Allowed",
    Standing.WARNED: "Allowed, with a warning",
    Standing.BLOCKED: "Blocked",
}
NOT_OFFERED: Final = "Not on this formulary"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownReason:
    """One rule that speaks for this product and patient."""

    rule: str
    level: str
    text: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownProduct:
    """One row of the table; `is_open` says whether it can be chosen here."""

    key: str
    name: str
    standing: str
    standing_word: str
    is_suggested: bool
    is_chosen: bool
    is_open: bool
    label: str
    stabiliser: str
    iga: str
    diluent: str
    volume: str
    vials: str
    time: str
    withdrawn: str
    reasons: tuple[ShownReason, ...]
    unknowns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFormulary:
    """All products, the best first, and why the first one is suggested."""

    jurisdiction: str
    products: tuple[ShownProduct, ...]
    suggestion: str
    reason: str
    is_chosen_suggested: bool


def shown_formulary(proposal: Proposal) -> ShownFormulary | None:
    """The formulary for this patient, or nothing where no immunoglobulin is proposed."""
    found = formulary(proposal.protocol, proposal.recommendation)
    if found is None:
        return None
    suggested = found.suggested
    return ShownFormulary(
        jurisdiction=proposal.protocol.jurisdiction,
        products=tuple(_shown(choice, found) for choice in found.choices),
        suggestion="" if suggested is None else suggested.product.name,
        reason="" if suggested is None else _reason(proposal.protocol, suggested),
        is_chosen_suggested=suggested is not None and suggested.product.key == found.chosen,
    )


def _shown(choice: ProductChoice, found: Formulary) -> ShownProduct:
    product = choice.product
    is_chosen = product.key == found.chosen
    plan = choice.plan
    return ShownProduct(
        key=product.key,
        name=product.name,
        standing=choice.standing.value,
        standing_word=STANDING_WORDS[choice.standing] if product.offered else NOT_OFFERED,
        is_suggested=found.suggested is choice,
        is_chosen=is_chosen,
        is_open=is_chosen or (product.offered and not _is_final(choice)),
        label=_label_words(choice.label),
        stabiliser=product.stabiliser_text,
        iga=product.iga_text,
        diluent=product.diluent,
        volume="" if choice.volume_ml is None else f"{number(str(choice.volume_ml))} mL",
        vials=_vial_words(choice),
        time="" if plan is None else lasting_words(plan.total_minutes),
        withdrawn=product.withdrawn_after,
        reasons=tuple(_reason_of(reason) for reason in choice.reasons),
        unknowns=tuple(_open_words(rule) for rule in choice.open_rules),
    )


def _is_final(choice: ProductChoice) -> bool:
    """Whether a stop stands that no haematologist can pass: such a product cannot be chosen."""
    return any(reason.rule.severity is Severity.HARD for reason in choice.reasons)


def _label_words(label: ProductLabel | None) -> str:
    if label is None:
        return "No label here"
    return f"{'Labelled. ' if label.itp_labelled else ''}{label.dose_text}"


def _vial_words(choice: ProductChoice) -> str:
    plan = choice.vial_plan
    if plan is None:
        return ""
    vials = ", ".join(f"{count} of {number(str(size))} g" for size, count in plan.vials)
    return f"{vials}; {number(str(plan.left_over_g))} g left over" if plan.left_over_g else vials


def _reason_of(reason: ProductReason) -> ShownReason:
    rule = reason.rule
    return ShownReason(
        rule=rule.number, level=LEVEL_OF_SEVERITY[rule.severity], text=reason.text, action=reason.action
    )


def _open_words(open_rule: OpenRule) -> str:
    facts = ", ".join(FACT_BY_KEY[fact].label for fact in open_rule.asks if fact in FACT_BY_KEY)
    return f"Not known: {facts}. What hangs on it: {open_rule.text}"


def _reason(protocol: Protocol, choice: ProductChoice) -> str:
    """What it meets of the protocol's preferences, in their words."""
    texts = {row.key: row.text for row in protocol.product_preferences}
    return ", ".join(texts[key] for key in choice.preferences)
