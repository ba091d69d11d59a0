from django.db import migrations

from protocols.append_only import append_only, frozen_when

# Results, who saw them and who let a dose go on are records of the past: a correction is a new row. A check
# that is done, declined or ended stays so.
TABLES = ("monitoring_observation", "monitoring_acknowledgement", "monitoring_holdrelease")


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial")]

    operations = [
        *(append_only(table) for table in TABLES),
        frozen_when("monitoring_monitoringtask", "OLD.closed_as <> ''"),
    ]
