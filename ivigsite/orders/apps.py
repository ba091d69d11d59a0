from django.apps import AppConfig


class OrdersConfig(AppConfig):
    name = "ivigsite.orders"
    label = "orders"
