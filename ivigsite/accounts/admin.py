"""Accounts and wards, for administrators; no clinical record is ever registered here."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from ivigsite.accounts.actions import confirm_password, save_user
from ivigsite.accounts.models import User, Ward
from ivigsite.accounts.passwords import MAXIMUM_LENGTH, WrongPassword

REFUSAL = "ivigsite.password_refusal"


class UserForm(forms.ModelForm):
    """An account, and the administrator's own password again, as a change of role needs."""

    new_password = forms.CharField(
        required=False,
        strip=False,
        max_length=MAXIMUM_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave empty to keep the present one.",
    )
    your_password = forms.CharField(
        strip=False,
        max_length=MAXIMUM_LENGTH,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="Your own password, for this change.",
    )
    refusal = ""

    class Meta:
        model = User
        fields = ["username", "full_name", "registration_number", "role", "wards", "is_active"]

    def clean_username(self) -> str:
        username: str = self.cleaned_data["username"]
        return username.lower()

    def clean_new_password(self) -> str:
        new_password: str = self.cleaned_data["new_password"]
        if new_password:
            validate_password(new_password, self.instance)
        elif not self.instance.password:
            raise forms.ValidationError("A new account needs a password.")
        return new_password

    def clean_your_password(self) -> str:
        if self.refusal:
            raise forms.ValidationError(self.refusal)
        return ""


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    form = UserForm
    list_display = ["full_name", "username", "role", "is_active"]
    list_filter = ["role", "is_active", "wards"]
    search_fields = ["full_name", "username"]
    filter_horizontal = ["wards"]
    actions = None

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Before the admin opens its transaction, which would take the count of wrong passwords back with it.
        request.META[REFUSAL] = refusal_of(request) if request.method == "POST" else ""
        response: HttpResponse = super().changeform_view(request, *args, **kwargs)
        return response

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> type[forms.ModelForm]:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"refusal": request.META[REFUSAL]})

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        new_password = form.cleaned_data["new_password"]
        if new_password:
            obj.set_password(new_password)
        changed = [name for name in form.changed_data if name != "your_password"]
        save_user(user=obj, changed=changed, by=administrator_of(request), at=timezone.now())


def refusal_of(request: HttpRequest) -> str:
    """Return why the administrator's own password was refused, or nothing."""
    password = request.POST.get("your_password", "")
    try:
        confirm_password(user=administrator_of(request), password=password, at=timezone.now())
    except WrongPassword as refusal:
        return refusal.message
    return ""


def administrator_of(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


@admin.register(Ward)
class WardAdmin(admin.ModelAdmin):
    list_display = ["name", "code"]


# What a person may do follows from the role alone.
admin.site.unregister(Group)
