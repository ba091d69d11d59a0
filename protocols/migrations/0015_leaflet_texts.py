from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("protocols", "0014_response_points"),
    ]

    operations = [
        migrations.AlterField(
            model_name="text",
            name="topic",
            field=models.CharField(
                choices=[
                    ("conflict", "conflict"),
                    ("expect", "expect"),
                    ("watch", "watch"),
                    ("both", "both"),
                    ("consult", "consult"),
                    ("limits", "limits"),
                    ("pitfall", "pitfall"),
                    ("call", "call"),
                    ("vital_signs", "vital signs"),
                    ("reaction", "reaction"),
                    ("leaflet", "leaflet"),
                ],
                max_length=40,
            ),
        ),
    ]
