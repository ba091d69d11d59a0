"""The one settings file: what differs between sites comes from the environment (see environment.py)."""

import os
from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from ivigsite.environment import (
    BadEnvironment,
    is_demo,
    read_database,
    read_days,
    read_fallback_secrets,
    read_hosts,
    read_label_mm,
    read_list,
    read_secret,
    read_status_address,
)

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("IVIGSITE_VAR") or BASE_DIR / "var")
# Where the paper for hours without the site is written: a folder that other machines can read.
# Papers of versions to read; whatever is missing is made again.
PAPERS_DIR = VAR_DIR / "papers"
DOWNTIME_DIR = Path(os.environ.get("IVIGSITE_DOWNTIME") or VAR_DIR / "downtime")

try:
    DEMO = is_demo(os.environ)
    SECRET_KEY = read_secret(os.environ, "IVIGSITE_SECRET_KEY")
    SECRET_KEY_FALLBACKS = read_fallback_secrets(os.environ)
    AUDIT_KEY = read_secret(os.environ, "IVIGSITE_AUDIT_KEY")
    ALLOWED_HOSTS = read_hosts(os.environ)
    DATABASES = {"default": read_database(os.environ, var=VAR_DIR)}
    # Where the code on a printed sheet leads; empty: the code says what it is and no more.
    STATUS_ADDRESS = read_status_address(os.environ)
    LABEL_MM = {
        "additive_label": read_label_mm(os.environ, "IVIGSITE_ADDITIVE_LABEL", "100x50"),
        "patient_label": read_label_mm(os.environ, "IVIGSITE_PATIENT_LABEL", "70x37"),
    }
    # How long a printed downtime pack may be used; the review date of its version may end it sooner.
    DOWNTIME_DAYS = read_days(os.environ, "IVIGSITE_DOWNTIME_DAYS", "7")
except BadEnvironment as error:
    raise ImproperlyConfigured(str(error)) from error

DEBUG = False

INSTALLED_APPS = [
    # Before ours, which take from the admin what these put there.
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "ivigsite.accounts",
    "ivigsite.audit",
    "ivigsite.downtime",
    "ivigsite.encounters",
    "ivigsite.monitoring",
    "ivigsite.orders",
    "ivigsite.revisions",
    "protocols",
    "django.contrib.admin",
    "django.contrib.sessions",
    "django.contrib.messages",
    "ivigsite.apps.OwnStaticFilesConfig",
    "django.forms",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_htmx",
    "django_include_bootstrap",
    "csp",
]

# Those that set headers come first, so that redirects, errors and static files carry them too.
MIDDLEWARE = [
    "ivigsite.middleware.SecurityHeadersMiddleware",
    "ivigsite.middleware.RequestOriginMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "ivigsite.middleware.BodyLimitMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "ivigsite.accounts.middleware.SessionRulesMiddleware",
    "ivigsite.accounts.middleware.PermissionMiddleware",
    "ivigsite.middleware.ProtocolOutOfUseMiddleware",
]

ROOT_URLCONF = "ivigsite.urls"
WSGI_APPLICATION = "ivigsite.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Ours first: django-include-bootstrap brings a base.html of its own.
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ivigsite.context.site",
            ],
            # For the pages that show a sheet; the sheet's own engine loads them by the same name.
            "libraries": {"wording": "ivigsite.orders.sheet.filters"},
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# People and sessions

AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "login"
CSRF_FAILURE_VIEW = "ivigsite.accounts.views.csrf_failure"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"

# Memory-hard and in the standard library.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "ivigsite.accounts.passwords.MaximumLengthValidator", "OPTIONS": {"max_length": 128}},
    {"NAME": "ivigsite.accounts.passwords.ContextWordsValidator"},
]

# In the database, not in each process's cache: a session that is ended must end in every process at once.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"

# The demonstration runs on plain http on loopback. Not every browser sends a Secure cookie there, and none
# accepts the __Host- names without Secure; so there, and only there, the cookies have plain names.
# Elsewhere `manage.py run_jobs` makes the proofs of a protocol version; here nobody starts it.
PROOFS_IN_PROCESS = DEMO

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEMO
SESSION_COOKIE_NAME = "sessionid" if DEMO else "__Host-sessionid"
CSRF_COOKIE_NAME = "csrftoken" if DEMO else "__Host-csrftoken"

# What a browser is told

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_SSL_REDIRECT = not DEMO
SECURE_HSTS_SECONDS = 0 if DEMO else 365 * 24 * 60 * 60
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
CSRF_TRUSTED_ORIGINS = read_list(os.environ, "IVIGSITE_ORIGINS")
if os.environ.get("IVIGSITE_BEHIND_PROXY") == "1":
    # Only where the proxy is the one way in and sets this header itself; else anybody could claim TLS.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# What a browser may send

# What a form of this site can have; `takes_long_bodies` names the one view that takes a whole content file.
BODY_LIMIT_BYTES = 256 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2304 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 0

# Static files

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Words and times: stored in UTC, shown in the wards' zone

LANGUAGE_CODE = os.environ.get("IVIGSITE_LANGUAGE") or "en-gb"
TIME_ZONE = os.environ.get("IVIGSITE_TIME_ZONE") or "Europe/London"
USE_TZ = True
USE_I18N = True
# The paper of the sheet that is made ahead at signing: A4 or letter.
SHEET_PAPER = os.environ.get("IVIGSITE_PAPER") or "A4"

# To stderr: stdout belongs to the commands that answer in JSON.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "ivigsite.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Django's own set-up would print the same lines again as plain text, or mail them.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # Reports every font it subsets.
        "fontTools": {"level": "WARNING"},
    },
}
