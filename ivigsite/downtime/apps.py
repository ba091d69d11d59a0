from django.apps import AppConfig


class DowntimeConfig(AppConfig):
    """What a ward works with while the site is away, and how that comes back into it."""

    name = "ivigsite.downtime"

    def ready(self) -> None:
        from ivigsite.downtime import given, recall

        given.listen()
        recall.listen()
