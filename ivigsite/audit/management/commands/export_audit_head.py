from django.core.management.base import BaseCommand

from ivigsite.audit.models import AuditHead


class Command(BaseCommand):
    help = "Print where the audit chain ends, to be appended to a file that this server cannot change."

    def handle(self, **_options: object) -> None:
        head = AuditHead.objects.first()
        if head:
            self.stdout.write(f"{head.sequence} {head.digest}")
