import logging
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.db import DatabaseError
from django.http import Http404, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from ivigsite.accounts.actions import confirm_password
from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.models import User
from ivigsite.accounts.passwords import WrongPassword
from ivigsite.accounts.permissions import Permission, allow, never_extends_session
from ivigsite.audit.actions import record
from ivigsite.encounters.advice import order_cards
from ivigsite.encounters.emergency import running_clock
from ivigsite.encounters.models import Assessment
from ivigsite.encounters.selectors import assessment_for, banner_of, withdrawn_because
from ivigsite.orders.actions import (
    IN_FORCE,
    AlreadyEnded,
    ContentChanged,
    NotNewest,
    NotPrintable,
    begin_first_prints,
    begin_print,
    draft_content,
    hand_out,
    is_out_of_date,
    refuse_older,
    refuse_version,
    render_ahead,
    render_print,
    sheet_state,
    sign_order_set,
    state_name,
    void_order_set,
)
from ivigsite.orders.emergency import all_calls, emergency_parts
from ivigsite.orders.forms import ChooseForm, SignForm, VoidForm
from ivigsite.orders.models import OrderSet, SheetFile, SheetPrint
from ivigsite.orders.presentation import alerts_of, is_blocked, signed_sections, signed_timeline, summarise
from ivigsite.orders.products import shown_formulary
from ivigsite.orders.proposal import CannotOrder, Proposal, propose
from ivigsite.orders.reactions import refusal_for, warnings_for
from ivigsite.orders.sheet.content import SheetContent, digest
from ivigsite.orders.sheet.documents import DOCUMENTS, LABELS, ROLE_SHEETS, Document, DocumentKind
from ivigsite.orders.sheet.jobs import SheetFailed, SheetQueueFull
from ivigsite.orders.sheet.labels import additive_labels
from ivigsite.orders.sheet.page import values_of
from ivigsite.orders.sheet.states import Copy, Paper, PrintEvent, Signed
from protocols.mapping import load_protocol_value
from protocols.reading import withdrawn_since

HANDLED = {"csrfmiddlewaretoken", "password", "digest", "check", "update", "change", "sign"}
LABEL_PAPERS = (("label", "labels"),)
PAPERS = ((Paper.A4.value, "A4"), (Paper.LETTER.value, "US Letter"))
BEING_MADE_FOR = timedelta(seconds=20)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One sheet on the page of its order set, with the copies made of it."""

    document: Document
    kind: DocumentKind
    papers: tuple[tuple[str, str], ...]
    has_page: bool
    """Whether the browser can show it where no file can be made."""
    prints: tuple[SheetPrint, ...]
    is_ready: bool


@allow(Permission.SIGN_ORDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: SignedInRequest, assessment_id: UUID) -> HttpResponse:
    """Choose lines; with a valid choice the check page follows, which stores nothing."""
    now = timezone.now()
    assessment = assessment_for(request.user, assessment_id, at=now)
    try:
        refuse_older(assessment)
        refuse_version(assessment)
        proposal = proposal_of(request, assessment, at=now)
    except CannotOrder as refusal:
        return refused(request, assessment, refusal)
    is_check = "check" in request.POST
    form = ChooseForm(request.POST if is_check else None, proposal=proposal, now=now, kept=request.POST)
    if is_check and form.is_valid():
        return check_page(request, proposal, form, SignForm(), status=200)
    context = choose_context(proposal, form)
    if request.htmx:
        # Another product changes every line; another line changes only what stands beside the lines.
        template = "_lines_and_summary" if request.htmx.target == "order-lines" else "_summary_and_plan"
        return render(request, f"orders/{template}.html", context)
    return render(request, "orders/choose.html", context, status=422 if is_check else 200)


@allow(Permission.SIGN_ORDERS)
@sensitive_post_parameters("password")
@require_POST
def sign(request: SignedInRequest, assessment_id: UUID) -> HttpResponse:
    """Sign what the check page showed; the password belongs to this one act."""
    now = timezone.now()
    assessment = assessment_for(request.user, assessment_id, at=now)
    try:
        proposal = proposal_of(request, assessment, at=now)
    except CannotOrder as refusal:
        return refused(request, assessment, refusal)
    form, signing = ChooseForm(request.POST, proposal=proposal, now=now), SignForm(request.POST)
    if unknown := set(request.POST) - HANDLED - set(form.fields) - form.answered_before:
        record(action="order_set.strange_fields", by=request.user, at=now, object_id=assessment.pk)
        return HttpResponseBadRequest(f"Unknown fields: {len(unknown)}. Nothing was signed.")
    if not form.is_valid():
        return render(request, "orders/choose.html", choose_context(proposal, form), status=422)
    if not signing.is_valid():
        return check_page(request, proposal, form, signing, status=403)
    try:
        confirm_password(user=request.user, password=signing.cleaned_data["password"], at=now)
    except WrongPassword as refusal:
        signing.add_error("password", _password_words(refusal, "Nothing was signed."))
        return check_page(request, proposal, form, signing, status=403)
    try:
        signed = sign_order_set(
            assessment=assessment,
            choices=form.to_choices(),
            shown_digest=signing.cleaned_data["digest"],
            key=form.cleaned_data["idempotency_key"],
            by=request.user,
            at=now,
        )
    except ContentChanged:
        context = {**choose_context(proposal, form), "changed": True}
        return render(request, "orders/choose.html", context, status=409)
    except CannotOrder as refusal:
        return refused(request, assessment, refusal)
    _make_first_copies(signed, request.user)
    return redirect(signed)


@allow(Permission.VIEW_PATIENTS)
@require_GET
def order_set(request: SignedInRequest, order_set_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = order_set_for(request.user, order_set_id)
    record(action="order_set.viewed", by=request.user, at=now, object_id=found.pk)
    content, state = found.sheet_content, state_name(found, at=now)
    cards = order_cards(
        load_protocol_value(found.protocol_version), [line.proposal for line in found.lines.all()]
    )
    context = {
        "order_set": found,
        "content": content,
        "encounter": found.encounter,
        "banner": banner_of(found.encounter, found.assessment, at=now),
        "state": state,
        "sections": signed_sections(content, cards, starts_at=found.starts_at),
        "starts_at": found.starts_at,
        "timeline": signed_timeline(content),
        "is_in_force": state in IN_FORCE,
        "papers": PAPERS,
        **_sheets_context(found),
        "version": found.protocol_version,
    }
    return render(request, "orders/order_set.html", context)


@allow(Permission.VIEW_PATIENTS)
@require_GET
@never_extends_session
def order_sheets(request: SignedInRequest, order_set_id: UUID) -> HttpResponse:
    """The sheets of an order set and whether each is ready, asked for again until all are."""
    found = order_set_for(request.user, order_set_id)
    return render(request, "orders/_sheets.html", {"order_set": found, **_sheets_context(found)})


@allow(Permission.PRINT_ORDERS)
@require_POST
def print_sheet(request: SignedInRequest, order_set_id: UUID) -> HttpResponse:
    """Make the next copy, or take the first one that was made at signing, and go to its file."""
    now = timezone.now()
    found = order_set_for(request.user, order_set_id)
    paper = Paper.LETTER if request.POST.get("paper") == Paper.LETTER else Paper.A4
    try:
        document = Document(request.POST.get("document", Document.ORDER_SET))
    except ValueError:
        return HttpResponseBadRequest("There is no such sheet. Nothing was printed.")
    ready = _first_copy_waiting(found, document, paper, at=now)
    try:
        print_ = ready or begin_print(
            order_set=found, document=document, paper=paper, by=request.user, at=now
        )
    except NotPrintable as refusal:
        messages.error(request, str(refusal))
        return redirect(found)
    return redirect("sheet_file", print_.pk)


@allow(Permission.PRINT_ORDERS)
@require_GET
def html_sheet(request: SignedInRequest, order_set_id: UUID, document: str) -> HttpResponse:
    """A sheet as a page of the browser, marked as what it is, for when no file can be made."""
    now = timezone.now()
    found = order_set_for(request.user, order_set_id)
    if document not in set(ROLE_SHEETS):
        raise Http404
    state = sheet_state(found, at=now, document=Document(document))
    if isinstance(state, Copy):
        # It has no copy number, and says so itself.
        state = Signed()
    event = PrintEvent(
        printed_at=now,
        printed_by=request.user.full_name,
        copy_number=0,
        is_protocol_withdrawn=withdrawn_since(found.protocol_version, at=now) is not None,
    )
    content = found.sheet_content
    record(
        action="order_set.printed_as_page",
        by=request.user,
        at=now,
        object_id=found.pk,
        details={"code": found.code, "document": document},
    )
    context = {
        **values_of(Document(document), content, state, event),
        "order_set": found,
        "state": state_name(found, at=now),
        "is_in_force": state_name(found, at=now) in IN_FORCE,
        "encounter": found.encounter,
        "withdrawn": withdrawn_because(found.encounter),
    }
    return render(request, "orders/html_sheet.html", context)


@allow(Permission.PRINT_ORDERS)
@require_GET
def sheet_file(request: SignedInRequest, print_id: UUID) -> HttpResponse:
    now = timezone.now()
    print_ = (
        SheetPrint.objects.filter(pk=print_id, order_set__encounter__ward__users=request.user)
        .select_related(
            "order_set__ending__by",
            "order_set__ending__superseded_by",
            "order_set__protocol_version",
            "printed_by",
        )
        .first()
    )
    if print_ is None:
        record(action="sheet.denied", by=request.user, at=now, object_id=print_id)
        raise Http404
    if is_out_of_date(print_, at=now):
        messages.error(
            request, "That copy is out of date and is not handed out. Print again to get a marked one."
        )
        return redirect(print_.order_set)
    try:
        made = render_print(print_=print_, at=now)
    except SheetFailed as failure:
        context = {
            "reason": str(failure),
            "order_set": print_.order_set,
            "print": print_,
            "has_page": print_.document in ROLE_SHEETS,
        }
        status = 429 if isinstance(failure, SheetQueueFull) else 503
        return render(request, "orders/sheet_failed.html", context, status=status)
    hand_out(print_=print_, to=request.user, at=now)
    response = HttpResponse(bytes(made.data), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{print_.kind.file_name}"'
    return response


@allow(Permission.SIGN_ORDERS)
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def void(request: SignedInRequest, order_set_id: UUID) -> HttpResponse:
    now = timezone.now()
    found = order_set_for(request.user, order_set_id)
    form = VoidForm(request.POST or None)
    if form.is_valid():
        try:
            confirm_password(user=request.user, password=form.cleaned_data["password"], at=now)
            void_order_set(order_set=found, reason=form.cleaned_data["reason"], by=request.user, at=now)
        except WrongPassword as refusal:
            form.add_error("password", _password_words(refusal, "Nothing was voided."))
        except AlreadyEnded:
            return render(request, "409.html", status=409)
        else:
            return redirect(found)
    context = {
        "form": form,
        "order_set": found,
        "content": found.sheet_content,
        "encounter": found.encounter,
        "banner": banner_of(found.encounter, found.assessment, at=now),
    }
    return render(request, "orders/void.html", context, status=_void_status(form))


def order_set_for(user: User, order_set_id: UUID) -> OrderSet:
    """The order set, or 404 and an audit entry where it is on no ward of theirs."""
    found = (
        OrderSet.objects.for_user(user)
        .select_related(
            "encounter__patient",
            "encounter__ward",
            "assessment",
            "signed_by",
            "protocol_version",
            "ending__by",
            "ending__superseded_by",
        )
        .filter(pk=order_set_id)
        .first()
    )
    if found is None:
        record(action="order_set.denied", by=user, at=timezone.now(), object_id=order_set_id)
        raise Http404
    return found


def proposal_of(request: SignedInRequest, assessment: Assessment, *, at: datetime) -> Proposal:
    """The proposal with the product and the dosing-weight policy that the form says; raises `CannotOrder`."""
    return propose(
        assessment=assessment,
        product=request.POST.get("product") or None,
        policy=request.POST.get("policy") or None,
        at=at,
    )


def refused(request: SignedInRequest, assessment: Assessment, refusal: CannotOrder) -> HttpResponse:
    now = timezone.now()
    clock = running_clock(assessment.encounter, at=now)
    context = {
        "reason": str(refusal),
        "newest": refusal.newest if isinstance(refusal, NotNewest) else None,
        "assessment": assessment,
        "encounter": assessment.encounter,
        "banner": banner_of(assessment.encounter, assessment, at=now),
        "clock": clock,
        "calls": all_calls(load_protocol_value(assessment.protocol_version)) if clock else (),
    }
    template = "orders/emergency_stopped.html" if clock else "orders/cannot_order.html"
    return render(request, template, context, status=409)


def choose_context(proposal: Proposal, form: ChooseForm) -> dict[str, Any]:
    return {
        "form": form,
        "proposal": proposal,
        "assessment": proposal.assessment,
        "encounter": proposal.assessment.encounter,
        "banner": banner_of(proposal.assessment.encounter, proposal.assessment, at=timezone.now()),
        "alerts": alerts_of(proposal),
        "is_blocked": is_blocked(proposal),
        "reaction_refusal": partial(refusal_for, proposal.assessment),
        "reaction_warnings": partial(warnings_for, proposal.assessment, proposal.outcome_product),
        # Asked for by the whole page alone: a changed line changes nothing in it.
        "formulary": partial(shown_formulary, proposal),
        "summary": summarise(
            proposal, chosen=form.chosen_cards, missing=form.missing_cards, starts_at=form.start
        ),
        "version": proposal.assessment.protocol_version,
        "clock": running_clock(proposal.assessment.encounter, at=timezone.now()),
    }


def check_page(
    request: SignedInRequest, proposal: Proposal, form: ChooseForm, signing: SignForm, *, status: int
) -> HttpResponse:
    choices = form.to_choices()
    try:
        content: SheetContent = draft_content(
            proposal=proposal, choices=choices, key=form.cleaned_data["idempotency_key"]
        )
    except CannotOrder as refusal:
        return refused(request, proposal.assessment, refusal)
    context = {
        **choose_context(proposal, form),
        "content": content,
        "sections": signed_sections(
            content, [proposal.cards_by_code[code] for code in choices.codes], starts_at=choices.starts_at
        ),
        "starts_at": choices.starts_at,
        "timeline": signed_timeline(content),
        "digest": digest(content),
        "signing": signing,
        "carried": [
            (name, value) for name in form.fields for value in cast(QueryDict, form.data).getlist(name)
        ],
    }
    if context["clock"] is not None:
        return render(
            request, "orders/emergency_check.html", context | emergency_parts(context), status=status
        )
    return render(request, "orders/check.html", context, status=status)


def _make_first_copies(signed: OrderSet, user: User) -> None:
    """The files are begun once the order set is stored; whoever presses Print finds them ready."""
    paper = Paper(settings.SHEET_PAPER)
    try:
        prints = begin_first_prints(order_set=signed, paper=paper, by=user, at=signed.signed_at)
    except DatabaseError:
        # Signed it is all the same, and that must be shown; whoever presses Print begins the file.
        logger.exception("the first copies could not be begun")
        return
    if prints:
        render_ahead(prints=prints)


def _first_copy_waiting(
    found: OrderSet, document: Document, paper: Paper, *, at: datetime
) -> SheetPrint | None:
    waiting = found.prints.filter(document=document, copy_number=1, paper=paper, handed_out=None).first()
    return None if waiting is None or is_out_of_date(waiting, at=at) else waiting


def _sheets_context(found: OrderSet) -> dict[str, Any]:
    now = timezone.now()
    prints = found.prints.select_related("printed_by").prefetch_related("handed_out__to")
    ready = set(SheetFile.objects.filter(print__order_set=found).values_list("print_id", flat=True))
    documents = [*ROLE_SHEETS] if found.is_active else [Document.CANCEL_NOTICE, *ROLE_SHEETS]
    state = state_name(found, at=now)
    if state in IN_FORCE:
        documents += _labels_of(found)
    return {
        "sheets": [_sheet_row(document, prints, ready) for document in documents],
        # A copy that is not ready by then is made when somebody asks for it.
        "is_being_made": any(
            print_.pk not in ready and now - print_.printed_at < BEING_MADE_FOR for print_ in prints
        ),
        "sheets_before": _sheets_before(prints, at=now),
        "is_in_force": state in IN_FORCE,
        "state": state,
        "papers": PAPERS,
        "paper_orders": found.encounter.paper_orders.select_related("entered_by", "correction"),
    }


def _sheets_before(prints: Iterable[SheetPrint], *, at: datetime) -> int:
    """How many sheets of the whole site are made before the one of these that was asked for last."""
    being_made = SheetPrint.objects.filter(file=None, printed_at__gt=at - BEING_MADE_FOR)
    last = being_made.filter(pk__in=[print_.pk for print_ in prints]).order_by("printed_at").last()
    return being_made.filter(printed_at__lt=last.printed_at).count() if last else 0


def _labels_of(found: OrderSet) -> list[Document]:
    if additive_labels(found.sheet_content):
        return [*LABELS]
    return [Document.PATIENT_LABEL]


def _sheet_row(document: Document, prints: Iterable[SheetPrint], ready: Container[UUID]) -> SheetRow:
    own = tuple(print_ for print_ in prints if print_.document == document)
    return SheetRow(
        document=document,
        kind=DOCUMENTS[document],
        papers=LABEL_PAPERS if document in LABELS else PAPERS,
        has_page=document in ROLE_SHEETS,
        prints=own,
        is_ready=bool(own) and own[-1].pk in ready,
    )


def _password_words(refusal: WrongPassword, outcome: str) -> str:
    """The refusal where only the password was asked for again, and what became of the act."""
    return f"{refusal.message.replace('user name or password', 'password')} {outcome}"


def _void_status(form: VoidForm) -> int:
    if "password" in form.errors and form.is_bound and "reason" not in form.errors:
        return 403
    return 422 if form.errors else 200
