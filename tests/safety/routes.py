"""Every address of the site: found in the URL conf, named, and filled in for a world."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver

from protocols.models import GradeBand
from tests.safety.world import World

MODEL = re.compile(r"admin/(?P<app>\w+)/(?P<model>\w+)/<path:object_id>/")
# What the addresses of the site point at, by the name it has in the URL conf.
TARGETS = {
    "patient_id": lambda world: world.site.encounter.patient_id,
    "encounter_id": lambda world: world.site.encounter.pk,
    "assessment_id": lambda world: world.assessment.pk,
    "order_set_id": lambda world: world.order_set.pk,
    "print_id": lambda world: world.print.pk,
    "task_id": lambda world: world.site.encounter.tasks.filter(item="REN-05").get().pk,
    "observation_id": lambda world: world.observation.pk,
    "entry_id": lambda world: world.paper_order.pk,
    "event_id": lambda world: world.event.pk,
    "given_id": lambda world: world.given.pk,
    "version_id": lambda world: world.book.pk,
    "ward_id": lambda world: world.site.ward.pk,
    "sign_in_id": lambda world: world.sign_in.pk,
    "pk": lambda world: world.book.pk,
    "row_id": lambda world: GradeBand.objects.filter(protocol_version=world.book)[0].pk,
    "code": lambda world: world.order_set.code,
}
WORDS = {
    "<slug:name>": "copy",
    "<slug:paper>": "leaflet",
    "<str:document>": "nurse_chart",
    "<slug:kind>": "comparison",
    "<slug:section>": "grade_bands",
    "<slug:rule>": "COUNT",
    "<path:content_type_id>": "1",
    "^(?P<app_label>accounts|audit|protocols)/$": "protocols/",
    "(?P<url>.*)$": "no-such-page",
}


@dataclass(frozen=True, slots=True)
class Route:
    """One pattern of the URL conf."""

    pattern: str
    name: str

    @property
    def is_admin(self) -> bool:
        return self.pattern.startswith("admin/")

    @property
    def targets(self) -> list[str]:
        """The names of the records in the address."""
        return re.findall(r"<uuid:(\w+)>", self.pattern)

    def path(self, world: World) -> str:
        """The address of something that is there."""
        return self._fill(lambda name: TARGETS[name](world))

    def path_to_nothing(self) -> str:
        """The address of something that nobody has."""
        return self._fill(lambda _name: uuid4())

    def _fill(self, find: Callable[[str], UUID | str]) -> str:
        filled = re.sub(r"<(?:uuid:(\w+)|str:(code))>", lambda it: str(find(it[1] or it[2])), self.pattern)
        for pattern, word in WORDS.items():
            filled = filled.replace(pattern, word)
        return f"/{filled}".replace("<path:object_id>", str(self._first_row()))

    def _first_row(self) -> object:
        match = MODEL.match(self.pattern)
        row = match and apps.get_model(match["app"], match["model"])._default_manager.first()
        return row.pk if row else uuid4()


def all_routes() -> tuple[Route, ...]:
    """Each pattern once; of two that are equal only the first is ever reached."""
    first: dict[str, Route] = {}
    for route in _walk(get_resolver(), "", ""):
        first.setdefault(route.pattern, route)
    return tuple(first.values())


def _walk(resolver: URLResolver, prefix: str, namespace: str) -> Iterator[Route]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            own = pattern.name or route
            yield Route(route, f"{namespace}:{own}" if namespace else own)
        else:
            yield from _walk(pattern, route, str(pattern.namespace or namespace))
