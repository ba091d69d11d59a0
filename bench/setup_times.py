"""How long `manage.py demo` takes to its first page, cold and repeated; to be run on a bare machine.

On one made with `debootstrap --variant=minbase bookworm` that has python3 and python3-pip and nothing else,
in a fresh checkout: `python3 -m bench.setup_times`. It writes bench/setup-times.json, which `manage.py bench`
shows with the other figures. Standard library only.
"""

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench.report import Figure
from bench.server import free_port

ROOT = Path(__file__).resolve().parent.parent
MEASURED = Path(__file__).parent / "setup-times.json"
GIVE_UP_S = 600
STOP_S = 20


class NotCold(Exception):
    """Something was set up here before, so a cold start cannot be timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupTimes:
    measured_on: date
    cold_s: float
    repeated_s: float


def setup_figures(times: SetupTimes | None) -> list[Figure]:
    when = f"on {times.measured_on}, in a bare Debian 12" if times else "run: python3 -m bench.setup_times"
    return [
        Figure(
            what="`manage.py demo` to the first page, empty cache",
            value=times.cold_s if times else None,
            unit="s",
            limit=60,
            note=when,
        ),
        Figure(
            what="`manage.py demo` to the first page, repeated",
            value=times.repeated_s if times else None,
            unit="s",
            limit=5,
            note=when,
        ),
    ]


def read_times(path: Path = MEASURED) -> SetupTimes | None:
    """What was measured elsewhere; None where nobody has."""
    if not path.exists():
        return None
    plain = json.loads(path.read_text())
    return SetupTimes(
        measured_on=date.fromisoformat(plain["measured_on"]),
        cold_s=float(plain["cold_s"]),
        repeated_s=float(plain["repeated_s"]),
    )


def write_times(times: SetupTimes, path: Path = MEASURED) -> None:
    plain = asdict(times) | {"measured_on": times.measured_on.isoformat()}
    path.write_text(json.dumps(plain, indent=2) + "\n")


def main() -> None:
    if (ROOT / ".venv").exists():
        raise NotCold("There is a .venv already. Take a fresh checkout on a machine without this project.")
    cold_s = seconds_to_first_page()
    times = SetupTimes(
        measured_on=datetime.now(UTC).date(),  # noqa: TID251  # runs where there is no Django
        cold_s=round(cold_s, 1),
        repeated_s=round(seconds_to_first_page(), 1),
    )
    write_times(times)
    print(f"cold {times.cold_s} s, repeated {times.repeated_s} s")


def seconds_to_first_page() -> float:
    port = free_port()
    start = time.monotonic()
    demo = subprocess.Popen([sys.executable, "manage.py", "demo", "--port", str(port)], cwd=ROOT)
    try:
        while not answers(port):
            if demo.poll() is not None or time.monotonic() - start > GIVE_UP_S:
                raise TimeoutError("The demonstration did not start.")
            time.sleep(0.02)
        return time.monotonic() - start
    finally:
        demo.terminate()
        demo.wait(STOP_S)


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/login/", timeout=GIVE_UP_S) as page:
            return bool(page.status == 200)
    except URLError:
        return False


if __name__ == "__main__":
    main()
