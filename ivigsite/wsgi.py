"""What a web server imports; it refuses to serve from a database that could lose what it acknowledged."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ivigsite.settings")

application = get_wsgi_application()
