from django.db import migrations, models

from protocols.append_only import append_only, lift_append_only


class Migration(migrations.Migration):
    dependencies = [("orders", "0002_append_only")]

    operations = [
        lift_append_only("orders_sheetprint"),
        migrations.RemoveConstraint(model_name="sheetprint", name="print_copy_number_is_unique"),
        migrations.AlterModelOptions(
            name="sheetprint", options={"ordering": ["order_set", "document", "copy_number"]}
        ),
        migrations.AddField(
            model_name="sheetprint",
            name="document",
            field=models.CharField(default="order_set", max_length=20),
        ),
        migrations.AddConstraint(
            model_name="sheetprint",
            constraint=models.UniqueConstraint(
                fields=("order_set", "document", "copy_number"), name="print_copy_number_is_unique"
            ),
        ),
        append_only("orders_sheetprint"),
    ]
