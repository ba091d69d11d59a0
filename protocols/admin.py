"""Versions and their rows in the admin, to be looked at; they are written in the workspace, nowhere else."""

from typing import Any, Final

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from protocols.mapping import ROWS
from protocols.models import ContentRow, OrderTemplate, ProtocolVersion
from protocols.steps import steps_for

CONTENT: Final[tuple[type[ContentRow], ...]] = (*ROWS.values(), OrderTemplate)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Lists and pages without a way to add, change or remove."""

    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ProtocolVersion)
class ProtocolVersionAdmin(ReadOnlyAdmin):
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


class RowAdmin(ReadOnlyAdmin):
    list_filter = ("protocol_version",)
    list_select_related = ("protocol_version",)
    list_display = ("__str__", "protocol_version", "position")


for _model in CONTENT:
    admin.site.register(_model, RowAdmin)


def _listing(model: type[ContentRow], version: ProtocolVersion) -> tuple[str, int, str]:
    """The name of a table of content, how many rows this version has there, and where they are listed."""
    url = reverse(f"admin:protocols_{model._meta.model_name}_changelist")
    rows = model._default_manager.filter(protocol_version=version)
    return (
        str(model._meta.verbose_name_plural),
        rows.count(),
        f"{url}?protocol_version__id__exact={version.pk}",
    )
