from django import forms
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)

from ivigsite.accounts.models import User
from ivigsite.accounts.passwords import MAXIMUM_LENGTH
from ivigsite.accounts.roles import RoleView, Theme


class SignInForm(forms.Form):
    username = forms.CharField(
        label="User name",
        max_length=64,
        error_messages={"required": "Enter your user name."},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "username",
                "autocapitalize": "none",
                "spellcheck": "false",
            }
        ),
    )
    password = forms.CharField(
        label="Password",
        max_length=MAXIMUM_LENGTH,
        strip=False,
        error_messages={"required": "Enter your password."},
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "current-password"}),
    )


class PasswordChangeForm(forms.Form):
    current_password = forms.CharField(
        label="Current password",
        max_length=MAXIMUM_LENGTH,
        strip=False,
        error_messages={"required": "Enter your current password."},
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "current-password"}),
    )
    new_password = forms.CharField(
        label="New password",
        strip=False,
        error_messages={"required": "Enter a new password."},
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "new-password"}),
    )
    new_password_again = forms.CharField(
        label="New password, once more",
        strip=False,
        error_messages={"required": "Enter the new password once more."},
        widget=forms.PasswordInput(attrs={"class": "form-control", "autocomplete": "new-password"}),
    )

    def __init__(self, *args: object, user: User, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.user = user
        self.fields["new_password"].help_text = " ".join(password_validators_help_texts())

    def clean_new_password(self) -> str:
        new_password: str = self.cleaned_data["new_password"]
        validate_password(new_password, self.user)
        return new_password

    def clean_new_password_again(self) -> str:
        again: str = self.cleaned_data["new_password_again"]
        if "new_password" in self.cleaned_data and again != self.cleaned_data["new_password"]:
            raise forms.ValidationError("The two new passwords are not the same.")
        return again


class PersonaliseForm(forms.Form):
    role_view = forms.TypedChoiceField(
        label="Personal view",
        help_text="Changes wording and the order of panels. It never changes what you may do.",
        choices=RoleView.choices,
        coerce=RoleView,
        widget=forms.RadioSelect,
    )
    theme = forms.TypedChoiceField(
        label="Theme", choices=Theme.choices, coerce=Theme, widget=forms.RadioSelect
    )
