from django.db import migrations

from protocols.append_only import append_only, frozen_when


class Migration(migrations.Migration):
    dependencies = [("encounters", "0001_initial")]

    operations = [
        append_only("encounters_assessment"),
        frozen_when("encounters_encounter", "OLD.closed_at IS NOT NULL"),
    ]
