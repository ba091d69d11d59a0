from django.apps import AppConfig


class MonitoringConfig(AppConfig):
    name = "ivigsite.monitoring"
    label = "monitoring"

    def ready(self) -> None:
        from ivigsite.monitoring import listeners

        listeners.listen()
