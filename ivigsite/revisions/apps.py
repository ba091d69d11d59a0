from django.apps import AppConfig


class RevisionsConfig(AppConfig):
    """How the hospital changes its protocol: proofs, steps with a password, recall."""

    name = "ivigsite.revisions"
