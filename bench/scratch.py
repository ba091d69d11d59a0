"""A site that lives as long as the run: its own folder, an approved protocol, fictional patients."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from bench.server import Server, serving

if TYPE_CHECKING:
    from ivigsite.accounts.models import User, Ward
    from ivigsite.encounters.models import Assessment, Encounter
    from tests.scenario import Site


# Put together they make names that are not alike, as most names on a ward are not.
FIRST_PARTS = ("Demo", "Exa", "Ficti", "Imagi", "Made", "Plai", "Sampl", "Speci", "Test", "Whim")
LAST_PARTS = (
    *("bury", "croft", "dale", "field", "gate", "holm", "kirk", "land", "mead", "ness"),
    *("port", "quay", "ridge", "shaw", "thorpe", "vale", "wick", "yard", "beck", "cliffe"),
)


def family_name(number: int) -> str:
    return FIRST_PARTS[number % len(FIRST_PARTS)] + LAST_PARTS[number // len(FIRST_PARTS) % len(LAST_PARTS)]


@contextmanager
def own_folder() -> Iterator[Path]:
    """Say where the run lives before Django reads its settings."""
    with tempfile.TemporaryDirectory(prefix="ivigsite-bench-") as name:
        os.environ.update(
            IVIGSITE_VAR=name, IVIGSITE_DEMO="1", DJANGO_SETTINGS_MODULE="bench.settings", DATABASE_URL=""
        )
        os.environ.pop("IVIGSITE_HOSTS", None)
        # Playwright keeps an event loop in this thread; Django would take each query for one made inside it.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        yield Path(name)


@dataclass
class Scratch:
    """What the figures share, made when the first of them needs it."""

    folder: Path
    _open: ExitStack = field(default_factory=ExitStack)
    _numbers: Iterator[int] = field(default_factory=count)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    @cached_property
    def site(self) -> "Site":
        from django.core.management import call_command
        from django.utils import timezone

        from ivigsite.demo import collect_static_files
        from tests.scenario import build_site

        call_command("migrate", verbosity=0, interactive=False)
        collect_static_files(self.folder / "static.stamp")
        return build_site(at=timezone.now())

    @cached_property
    def server(self) -> Server:
        """The site as the demonstration serves it."""
        self._prepare()
        return self._open.enter_context(serving("bench.settings", log=self.folder / "site.log"))

    @cached_property
    def bare_server(self) -> Server:
        """The same server with nothing but one view behind it."""
        self._prepare()
        return self._open.enter_context(serving("bench.bare", log=self.folder / "bare.log"))

    def _prepare(self) -> None:
        """Make the database and its people, which everything else needs."""
        _ = self.site

    def new_encounter(self, number: int, *, user: "User", ward: "Ward") -> "Encounter":
        from django.utils import timezone

        from ivigsite.encounters.actions import PatientDetails, Place, admit_patient

        return admit_patient(
            details=PatientDetails(
                record_number=f"99{next(self._numbers):08}",
                family_name=family_name(number),
                given_name="Example",
                title="",
                birth_date=date(1950 + number % 50, 1 + number % 12, 1 + number % 28),
                sex="female" if number % 2 else "male",
                allergies_known="none_known",
                allergies="",
            ),
            place=Place(ward=ward, bed=str(number), protocol_version=self.site.version),
            idempotency_key=uuid4(),
            entered={},
            by=user,
            at=timezone.now(),
        )

    def new_assessment(self, encounter: "Encounter", *, user: "User", platelets: int = 18000) -> "Assessment":
        from tests.scenario import assess

        site = replace(self.site, encounter=encounter, physician=user)
        return assess(site, platelets_per_ul=platelets, sex=encounter.patient.sex, pregnant=False)

    def full_ward(self, encounters: int) -> "User":
        """A physician whose one ward has this many open encounters, most of them assessed twice."""
        from django.db import transaction

        from ivigsite.accounts.models import Ward
        from tests.scenario import person

        self._prepare()
        ward = Ward.objects.create(code=f"FULL{encounters}", name=f"Ward with {encounters} patients")
        user = person(f"physician-{encounters}", "physician", ward)
        # In one go: storing is not what is measured here.
        with transaction.atomic():
            for number in range(encounters):
                encounter = self.new_encounter(number, user=user, ward=ward)
                for turn in range(min(number % 10, 2)):
                    platelets = 3000 + 997 * number % 150_000 + 2000 * turn
                    self.new_assessment(encounter, user=user, platelets=platelets)
        return user
