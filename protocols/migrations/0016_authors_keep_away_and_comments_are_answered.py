import django.db.models.deletion
from django.db import migrations, models

from protocols.append_only import append_only, lift_append_only
from protocols.draft_only import authors_keep_away

# What makes somebody an author of a version, beside having begun it.
AUTHORING = ["imported", "copied", "edited", "submitted"]


class Migration(migrations.Migration):
    dependencies = [
        ("protocols", "0015_leaflet_texts"),
    ]

    operations = [
        authors_keep_away(AUTHORING),
        lift_append_only("protocols_rowcomment"),
        migrations.AddField(
            model_name="rowcomment",
            name="answers",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="answered_by",
                to="protocols.rowcomment",
            ),
        ),
        migrations.AddField(
            model_name="rowcomment",
            name="idempotency_key",
            field=models.UUIDField(blank=True, null=True, unique=True),
        ),
        append_only("protocols_rowcomment"),
    ]
