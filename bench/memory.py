"""How much memory the processes of the running site have held at most, after the other figures used it."""

from bench.report import Figure
from bench.scratch import Scratch
from bench.server import peak_memory

VISITS = 20


def measure_memory(scratch: Scratch) -> list[Figure]:
    from django.urls import reverse
    from django.utils import timezone

    from bench.case import posted_case
    from bench.sheets import check_page, press_print, wait_for_file
    from bench.visitor import OverHttp

    site = scratch.site
    person = OverHttp.signed_in(scratch.server.port, site.physician)
    encounter = scratch.new_encounter(3, user=site.physician, ward=site.ward)
    assess, case = reverse("assess", args=[encounter.pk]), posted_case(timezone.localtime())
    for _ in range(VISITS):
        person.get(assess).expect(200)
        person.post(assess, case, fragment=True).expect(200)
        person.get(reverse("board")).expect(200)
    check = check_page(person, scratch.new_assessment(encounter, user=site.physician))
    location = check.sign(person)
    wait_for_file(check.assessment)
    press_print(person, location)
    person.close()
    peak = peak_memory(scratch.server.process_id)
    return [
        Figure(
            what="Peak memory of a web process", value=peak.web_mib, unit="MiB", note="as the kernel counts"
        ),
        Figure(
            what="Peak memory of a render process",
            value=peak.render_mib,
            unit="MiB",
            note="limited to 512 MiB of address space by itself",
        ),
    ]
