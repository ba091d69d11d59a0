"""Deny by default: a URL whose view names no permission stops the start."""

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error
from django.urls import URLPattern, URLResolver, get_resolver

from ivigsite.accounts.permissions import need_of


def every_view_declares_its_need(**_kwargs: object) -> list[CheckMessage]:
    return [
        Error(
            f"The view at '/{route}' does not say who may use it.",
            hint="Decorate it with @allow(Permission.X), @allow_signed_in or @allow_anyone.",
            obj=pattern.callback,
            id="accounts.E001",
        )
        for route, namespace, pattern in _patterns(get_resolver())
        if need_of(pattern.callback, namespace) is None
    ]


def _patterns(
    resolver: URLResolver, prefix: str = "", namespace: str = ""
) -> Iterator[tuple[str, str, URLPattern]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route, namespace, pattern
        else:
            yield from _patterns(pattern, route, namespace or pattern.app_name or "")
