from django.db import migrations

from protocols.draft_only import draft_content


class Migration(migrations.Migration):
    dependencies = [("protocols", "0004_plausible_ranges_and_cases")]

    operations = [draft_content(["protocols_plausiblerange", "protocols_workedcase"])]
