"""What a request carries on this site, for the type checker and for readers."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from ivigsite.accounts.models import SignIn, User


class SiteRequest(HttpRequest):
    sign_in: SignIn | None
    session_ending: SignIn.Ending | None
    htmx: HtmxDetails


class SignedInRequest(SiteRequest):
    """What a view receives that asks for a permission: nobody gets there without an account."""

    user: User
    sign_in: SignIn
