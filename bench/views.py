from django.http import HttpRequest, HttpResponse

from ivigsite.accounts.permissions import allow_anyone, allow_signed_in


@allow_anyone
def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@allow_signed_in
def empty(request: HttpRequest) -> HttpResponse:
    """Costs what the middleware costs: session, person, permission, headers."""
    return HttpResponse("ok")
