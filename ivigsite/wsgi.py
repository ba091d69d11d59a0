"""What a web server imports; it does not serve from a site or a database that fails its checks."""

import os
from io import StringIO

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection

from ivigsite.durability import refuse_unsafe_database
from ivigsite.garbage import spare_what_stays
from ivigsite.orders.sheet.worker import warm_up

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivigsite.settings")

application = get_wsgi_application()
# Web servers skip these, and one of them is that every view says who may use it.
call_command("check", stdout=StringIO())
refuse_unsafe_database(connection)
# The render process takes a second to start; the first person to sign should not wait for it.
warm_up()
# No collection between two answers has to walk it again.
spare_what_stays()
