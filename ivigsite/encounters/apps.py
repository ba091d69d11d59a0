from django.apps import AppConfig


class EncountersConfig(AppConfig):
    name = "ivigsite.encounters"
    label = "encounters"
