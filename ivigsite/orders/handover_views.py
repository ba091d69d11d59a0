from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.permissions import Permission, allow
from ivigsite.audit.actions import record
from ivigsite.orders.handover_paper import handover_paper
from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.plain_paper import PlainPaperJob
from ivigsite.orders.sheet.states import Paper
from ivigsite.orders.sheet.worker import render_in_worker


@allow(Permission.VIEW_PATIENTS)
@require_safe
def handover_file(request: SignedInRequest) -> HttpResponse:
    """The handover list of this moment as a file."""
    now = timezone.now()
    ward = request.GET.get("ward", "")
    content = handover_paper(request.user, ward=ward, at=now)
    try:
        data = render_in_worker(PlainPaperJob(content=content, paper=Paper.A4))
    except SheetFailed as failure:
        return render(
            request,
            "orders/paper_failed.html",
            {"reason": str(failure), "back": reverse("handover")},
            status=503,
        )
    record(action="handover.printed", by=request.user, at=now, details={"ward": ward})
    answer = HttpResponse(data, content_type="application/pdf")
    answer["Content-Disposition"] = 'inline; filename="handover.pdf"'
    return answer
