from django.apps import AppConfig
from django.core.checks import register


class AccountsConfig(AppConfig):
    name = "ivigsite.accounts"
    label = "accounts"

    def ready(self) -> None:
        from ivigsite.accounts import checks, sessions

        register(checks.every_view_declares_its_need)
        sessions.connect()
