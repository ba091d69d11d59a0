"""The page behind the code on a printed sheet, for people who have not signed in."""

from typing import Final

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from ivigsite.accounts.models import User
from ivigsite.accounts.permissions import allow_anyone
from ivigsite.orders.models import OrderSet
from ivigsite.orders.status import find_status_of

# Codes that nobody has, from one address: a person mistypes a few, a program tries thousands.
WRONG_CODES: Final = 30
WRONG_CODES_WITHIN_S: Final = 60


@allow_anyone
@require_GET
def find_status(request: HttpRequest) -> HttpResponse:
    """Where a code is typed; a typed code is answered here too."""
    code = request.GET.get("code", "")
    return _answer(request, code) if code else render(request, "orders/find_status.html")


@allow_anyone
@require_GET
def status(request: HttpRequest, code: str) -> HttpResponse:
    return _answer(request, code)


def _answer(request: HttpRequest, code: str) -> HttpResponse:
    now = timezone.now()
    counter = f"wrong-codes:{request.META.get('REMOTE_ADDR')}"
    if cache.get(counter, 0) >= WRONG_CODES:
        return render(request, "429.html", status=429)
    found = find_status_of(code, at=now)
    if found is None:
        cache.add(counter, 0, WRONG_CODES_WITHIN_S)
        cache.incr(counter)
        # The same whether the code is not one, nobody has it, or its digest is another's.
        return render(request, "orders/status_unknown.html", status=404)
    user = request.user
    may_open = (
        isinstance(user, User) and OrderSet.objects.for_user(user).filter(pk=found.order_set.pk).exists()
    )
    return render(request, "orders/status.html", {"status": found, "at": now, "may_open": may_open})
