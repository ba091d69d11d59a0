"""What a web server imports; it refuses to serve from a database that could lose what it acknowledged."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connection

from ivigsite.durability import refuse_unsafe_database

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivigsite.settings")

application = get_wsgi_application()
refuse_unsafe_database(connection)
