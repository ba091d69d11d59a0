"""A site where somebody forgot to say who may see a page."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from ivigsite.accounts.permissions import allow_signed_in


def declared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("declared")


def undeclared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("undeclared")


urlpatterns = [
    path("", include("ivigsite.accounts.urls")),
    path("admin/", admin.site.urls),
    path("declared/", allow_signed_in(declared)),
    path("deep/", include([path("undeclared/", undeclared)])),
]
