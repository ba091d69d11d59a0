"""The site's own settings; two empty views to compare with are added, and only warnings are said."""

from ivigsite.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
LOGGING_CONFIG = None
