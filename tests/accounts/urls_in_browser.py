"""A page with a button for each way in which an answer can go wrong."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import RequestContext, Template
from django.urls import path

from ivigsite.accounts.permissions import allow_anyone, allow_signed_in
from tests.accounts.urls import urlpatterns as accounts_urls

STATUSES = [400, 403, 404, 409, 413, 429, 500, 503]

TRY = Template(
    """{% extends "base.html" %}
    {% block main %}
      <h1>Try</h1>
      <div id="target">as it was</div>
      {% for status in statuses %}
        <button class="btn" hx-get="/answer/{{ status }}/" hx-target="#target">{{ status }}</button>
      {% endfor %}
      <button class="btn" hx-get="/answer/422/" hx-select="#problem" hx-target="#target">422</button>
      <button class="btn" hx-get="/empty/502/" hx-target="#target">502</button>
      <button class="btn" hx-get="/page/" hx-target="#target">page</button>
      {% include "includes/live_lost.html" with id="lost" words="This list has stopped refreshing." only %}
      <div id="list" data-live-seconds="30" data-live-banner="lost">list</div>
    {% endblock %}"""
)


@allow_signed_in
def try_out(request: HttpRequest) -> HttpResponse:
    return HttpResponse(TRY.render(RequestContext(request, {"statuses": STATUSES})))


@allow_anyone
def answer(request: HttpRequest, status: int) -> HttpResponse:
    return render(request, f"{status}.html", status=status)


@allow_anyone
def empty(request: HttpRequest, status: int) -> HttpResponse:
    return HttpResponse(status=status)


urlpatterns = [
    *accounts_urls,
    path("try/", try_out),
    path("answer/<int:status>/", answer),
    path("empty/<int:status>/", empty),
]
