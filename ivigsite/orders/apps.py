from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "ivigsite.orders"
    label = "orders"

    def ready(self) -> None:
        from ivigsite.orders import discrepancies, given_handed_over, reactions

        reactions.listen()
        discrepancies.listen()
        given_handed_over.listen()
