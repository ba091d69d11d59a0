"""From the emergency screen straight to the page where orders are checked and signed."""

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.encounters.selectors import assessment_for
from ivigsite.orders.actions import refuse_older, refuse_version
from ivigsite.orders.emergency import ready_choices
from ivigsite.orders.forms import ChooseForm, SignForm
from ivigsite.orders.proposal import CannotOrder
from ivigsite.orders.views import check_page, choose_context, proposal_of, refused


@allow(Permission.SIGN_ORDERS)
@require_http_methods(["GET", "HEAD", "POST"])
def emergency_orders(request: SignedInRequest, assessment_id: UUID) -> HttpResponse:
    """The check page at once, T0 now; posted to, the same with the held lines a haematologist agreed to."""
    now = timezone.now()
    assessment = assessment_for(request.user, assessment_id, at=now)
    try:
        refuse_older(assessment)
        refuse_version(assessment)
        proposal = proposal_of(request, assessment, at=now)
    except CannotOrder as refusal:
        return refused(request, assessment, refusal)
    data = request.POST if "starts_at" in request.POST else ready_choices(proposal, now=now)
    form = ChooseForm(data, proposal=proposal, now=now)
    if form.is_valid():
        return check_page(request, proposal, form, SignForm(), status=200)
    return render(request, "orders/choose.html", choose_context(proposal, form), status=422)
