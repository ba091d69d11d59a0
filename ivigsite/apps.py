from django.contrib.staticfiles.apps import StaticFilesConfig


class OwnStaticFilesConfig(StaticFilesConfig):
    """Leaves out what packages bring and no page loads; compressing it would take most of the first start."""

    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        "bootstrap-*",
        "bootstrap.css*",
        "bootstrap.bundle.js*",
        "bootstrap.esm*",
        "bootstrap.js*",
        "bootstrap.min.js*",
        "*.rtl.*",
        "ext",
        "htmax-*",
        "htmx-2.js",
        "htmx-4*",
    ]
