from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "ivigsite.audit"
    label = "audit"
