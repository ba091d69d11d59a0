from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "ivigsite.orders"
    label = "orders"

    def ready(self) -> None:
        from ivigsite.orders import discrepancies, doses_on_record, given_handed_over, reactions

        reactions.listen()
        doses_on_record.listen()
        discrepancies.listen()
        given_handed_over.listen()
