from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F, Value
from django.db.models.functions import Replace


def leave_out_apostrophes_and_hyphens(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """What is stored for search has one kind of each already; new rows are stored without either."""
    patients = apps.get_model("encounters", "Patient").objects.using(schema_editor.connection.alias)
    plain = Replace(Replace(F("search_text"), Value("'"), Value("")), Value("-"), Value(" "))
    patients.update(search_text=plain)


class Migration(migrations.Migration):
    dependencies = [
        ("encounters", "0003_emergency"),
    ]

    operations = [
        migrations.RunPython(leave_out_apostrophes_and_hyphens, migrations.RunPython.noop),
    ]
