from collections.abc import Mapping
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from ivigsite.accounts import sessions
from ivigsite.accounts.actions import (
    change_password,
    check_credentials,
    confirm_password,
    personalise,
)
from ivigsite.accounts.forms import PasswordChangeForm, PersonaliseForm, SignInForm
from ivigsite.accounts.http import SignedInRequest
from ivigsite.accounts.models import SignIn
from ivigsite.accounts.passwords import WrongPassword
from ivigsite.accounts.permissions import allow_anyone, allow_signed_in

WHY_SIGN_IN_AGAIN: Mapping[str, str] = {
    SignIn.Ending.IDLE: "You were signed out after 10 minutes without activity.",
    SignIn.Ending.SHIFT_OVER: "You were signed out after 12 hours. Sign in again to go on.",
    SignIn.Ending.PASSWORD_CHANGED: "Your password was changed. Sign in with the new one.",
    SignIn.Ending.SIGNED_OUT: "You are signed out, on every device.",
}


@allow_anyone
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    form = SignInForm(request.POST or None)
    if form.is_valid():
        try:
            user = check_credentials(**form.cleaned_data, at=timezone.now())
        except WrongPassword as refusal:
            form.add_error(None, refusal.message)
        else:
            login(request, user)
            wanted = _wanted(request)
            # Whoever typed the address of the site alone wanted no page of it.
            return redirect(user.home if wanted in ("", "/") else wanted)
    context = {
        "form": form,
        "next": _wanted(request),
        "notice": WHY_SIGN_IN_AGAIN.get(request.GET.get("because", "")),
    }
    return render(request, "accounts/sign_in.html", context, status=422 if form.errors else 200)


@allow_signed_in
@require_POST
def sign_out(request: SignedInRequest) -> HttpResponse:
    user = request.user
    sessions.end_all(user=user, ending=SignIn.Ending.SIGNED_OUT, by=user, at=timezone.now())
    return _signed_out(request, SignIn.Ending.SIGNED_OUT)


@allow_signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def me(request: SignedInRequest) -> HttpResponse:
    user = request.user
    form = PersonaliseForm(request.POST or None, initial={"role_view": user.role_view, "theme": user.theme})
    if form.is_valid():
        personalise(user=user, **form.cleaned_data, at=timezone.now())
        messages.success(request, "Saved.")
        return redirect("me")
    open_sign_ins = user.sign_ins.filter(ended_at=None)
    context = {"form": form, "sign_ins": open_sign_ins, "this_sign_in": request.sign_in}
    return render(request, "accounts/me.html", context, status=422 if form.errors else 200)


@allow_signed_in
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def change_own_password(request: SignedInRequest) -> HttpResponse:
    user, now = request.user, timezone.now()
    form = PasswordChangeForm(request.POST or None, user=user)
    if form.is_valid():
        try:
            confirm_password(user=user, password=form.cleaned_data["current_password"], at=now)
        except WrongPassword as refusal:
            form.add_error("current_password", refusal.message)
        else:
            change_password(
                user=user,
                new_password=form.cleaned_data["new_password"],
                by=user,
                at=now,
            )
            return _signed_out(request, SignIn.Ending.PASSWORD_CHANGED)
    return render(
        request,
        "accounts/password.html",
        {"form": form},
        status=422 if form.errors else 200,
    )


@allow_signed_in
@require_POST
def end_session(request: SignedInRequest, sign_in_id: UUID) -> HttpResponse:
    sign_in = get_object_or_404(request.user.sign_ins, id=sign_in_id)
    sessions.end(
        sign_in=sign_in,
        ending=SignIn.Ending.ENDED_BY_USER,
        by=request.user,
        at=timezone.now(),
    )
    messages.success(request, "That session has ended.")
    return redirect("me")


@allow_signed_in
@require_POST
def stay_signed_in(request: SignedInRequest) -> HttpResponse:
    """Answer the warning that the session is about to end; that it was asked is what counts."""
    return HttpResponse(status=204)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Explain a form that came too late or from elsewhere, and keep what was typed on screen."""
    typed = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if value and "password" not in name and name != "csrfmiddlewaretoken"
    ]
    return render(request, "403_csrf.html", {"typed": typed}, status=403)


def _signed_out(request: HttpRequest, because: SignIn.Ending) -> HttpResponse:
    logout(request)
    response = redirect(f"{resolve_url(settings.LOGIN_URL)}?because={because}")
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _wanted(request: HttpRequest) -> str:
    """Return where the person wanted to go, when that is a page of ours."""
    wanted = request.POST.get("next") or request.GET.get("next", "")
    return (
        wanted
        if wanted.startswith("/") and url_has_allowed_host_and_scheme(wanted, allowed_hosts=None)
        else ""
    )
