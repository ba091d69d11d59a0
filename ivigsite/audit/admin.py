"""The trail, to be read by those who may; the table of roles gives nobody more than that."""

from django.contrib import admin

from ivigsite.audit.models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(admin.ModelAdmin):
    list_display = ["sequence", "at", "action", "actor", "actor_role", "object_id", "address"]
    list_select_related = ["actor"]
    list_filter = ["action", "actor_role"]
    search_fields = ["=object_id", "=request_id", "actor__full_name"]
    ordering = ["-sequence"]
    actions = None
