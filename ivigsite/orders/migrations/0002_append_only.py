from django.db import migrations

from protocols.append_only import append_only

# What was signed, declined, overridden, ended and printed is a record of the past: corrections are new rows.
TABLES = (
    "orders_orderset",
    "orders_orderline",
    "orders_declinedline",
    "orders_overriddenrule",
    "orders_ordersetending",
    "orders_sheetprint",
    "orders_sheetfile",
    "orders_sheethandedout",
)


class Migration(migrations.Migration):
    dependencies = [("orders", "0001_initial")]

    operations = [append_only(table) for table in TABLES]
