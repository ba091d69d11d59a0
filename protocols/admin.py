"""Authoring in the admin: a draft is edited by its author; a later version is read and moved by steps."""

from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from protocols.actions import remove_row, save_draft, save_row
from protocols.engine.plain import PlainError, from_plain, to_plain
from protocols.lifecycle import Refused, State
from protocols.mapping import ROWS, SCALARS, engine_class, plain_row, row_columns
from protocols.models import Branch, ContentRow, OrderTemplate, ProtocolVersion
from protocols.steps import read_seen, steps_for

CONTENT: Final[tuple[type[ContentRow], ...]] = (*ROWS.values(), OrderTemplate)
EDITABLE = ("change_note", *(name for name in SCALARS if name != "slug"))


class SeenForm(forms.ModelForm):
    """Carries the count of changes that the page was made from, so that a later change is noticed."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=10, required=False)

    def clean_seen(self) -> int | None:
        text = self.cleaned_data["seen"]
        return read_seen(text) if text else None


class VersionForm(SeenForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].initial = self.instance.version


class RowForm(SeenForm):
    """One content row; refuses what the engine could not read, and keeps the rest in its one spelling."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "protocol_version" in self.fields:
            self._offer("protocol_version", ProtocolVersion.objects.filter(state=State.DRAFT))
        else:
            self.fields["seen"].initial = self.instance.protocol_version.version
            self._offer("branch", Branch.objects.filter(protocol_version=self.instance.protocol_version))

    def clean(self) -> dict[str, Any]:
        answers: dict[str, Any] = super().clean() or self.cleaned_data
        model: type[ContentRow] = self._meta.model
        columns = row_columns(model)
        if self.errors or not set(columns) <= set(answers):
            return answers
        version = answers.get("protocol_version") or self.instance.protocol_version
        branch = answers.get("branch")
        if isinstance(branch, Branch) and branch.protocol_version_id != version.pk:
            raise forms.ValidationError("The branch belongs to another version.")
        return answers | self._as_read({name: answers[name] for name in columns})

    def _as_read(self, row: dict[str, Any]) -> dict[str, Any]:
        model = self._meta.model
        plain = plain_row(model, row)
        if model is Branch:
            # Its orders are rows of their own.
            plain["orders"] = []
        try:
            plain = to_plain(from_plain(engine_class(model), plain))
        except PlainError as error:
            raise forms.ValidationError(str(error)) from error
        return {
            name: value for name, value in plain.items() if isinstance(value, list | dict) and name in row
        }

    def _offer(self, name: str, queryset: Any) -> None:
        field = self.fields.get(name)
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = queryset


class RefusingAdmin(admin.ModelAdmin):
    """Shows a refused step as a message instead of an error page."""

    actions = None

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(request.path)


@admin.register(ProtocolVersion)
class ProtocolVersionAdmin(RefusingAdmin):
    form = VersionForm
    change_form_template = "protocols/admin/version.html"
    list_display = (
        "slug",
        "number",
        "state",
        "author",
        "reviewer",
        "approver",
        "approved_at",
        "review_due_on",
    )
    list_filter = ("state", "slug")
    list_select_related = ("author", "reviewer", "approver")

    def get_fields(self, request: HttpRequest, obj: ProtocolVersion | None = None) -> list[Any]:
        seen = ["seen"] if obj is not None and self.has_change_permission(request, obj) else []
        return [field.name for field in ProtocolVersion._meta.fields if field.name != "id"] + seen

    def get_readonly_fields(self, request: HttpRequest, obj: ProtocolVersion | None = None) -> list[str]:
        return [field.name for field in ProtocolVersion._meta.fields if field.name not in EDITABLE]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A version begins as a copy of another, or is loaded from content files."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ProtocolVersion | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ProtocolVersion | None = None) -> bool:
        is_open = obj is None or obj.is_draft
        return is_open and super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.version = form.cleaned_data["seen"]
        save_draft(version=obj, by=request.user, at=timezone.now())

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        version = self.get_object(request, object_id)
        if version is not None:
            extra_context = {
                **(extra_context or {}),
                "steps": steps_for(version, request.user),
                "content": [_listing(model, version) for model in CONTENT],
                "events": version.events.select_related("by"),
            }
        return super().change_view(request, object_id, form_url, extra_context)


class RowAdmin(RefusingAdmin):
    form = RowForm
    list_filter = ("protocol_version",)
    list_select_related = ("protocol_version",)
    list_display = ("__str__", "protocol_version", "position")

    def get_readonly_fields(self, request: HttpRequest, obj: ContentRow | None = None) -> tuple[str, ...]:
        return ("protocol_version",) if obj else ()

    def has_change_permission(self, request: HttpRequest, obj: ContentRow | None = None) -> bool:
        return _is_open(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: ContentRow | None = None) -> bool:
        return _is_open(obj) and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        seen = form.cleaned_data["seen"] or obj.protocol_version.version
        save_row(row=obj, seen=seen, by=request.user, at=timezone.now())

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        remove_row(row=obj, seen=obj.protocol_version.version, by=request.user, at=timezone.now())

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
            return HttpResponseRedirect(request.path)


for _model in CONTENT:
    admin.site.register(_model, RowAdmin)


def _is_open(row: ContentRow | None) -> bool:
    return row is None or row.protocol_version.is_draft


def _listing(model: type[ContentRow], version: ProtocolVersion) -> tuple[str, int, str]:
    """The name of a table of content, how many rows this version has there, and where they are listed."""
    url = reverse(f"admin:protocols_{model._meta.model_name}_changelist")
    rows = model._default_manager.filter(protocol_version=version)
    return (
        str(model._meta.verbose_name_plural),
        rows.count(),
        f"{url}?protocol_version__id__exact={version.pk}",
    )
