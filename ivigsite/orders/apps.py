from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "ivigsite.orders"
    label = "orders"

    def ready(self) -> None:
        from ivigsite.orders import discrepancies, reactions, units_handed_over

        reactions.listen()
        discrepancies.listen()
        units_handed_over.listen()
