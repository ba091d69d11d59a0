"""What manage.py runs before Django is there: it makes .venv from the lock file and starts again inside it.

Standard library only, for a bare Debian 12 that has python3 and pip and nothing else.
"""

import ctypes
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

LOCKS = {"runtime": "requirements.txt", "test": "tests/requirements.txt"}

# Commands that always run in .venv, and the packages that each of them needs there.
LEVELS = {"demo": "runtime", "test": "test", "bench": "test"}

# What must be on the machine -> the Debian package that brings it. Without harfbuzz-subset a sheet still
# renders, but slower and with other bytes each time.
RUNTIME_LIBRARIES = {
    "libpangoft2-1.0.so.0": "libpangoft2-1.0-0",
    "libharfbuzz-subset.so.0": "libharfbuzz-subset0",
}
RUNTIME_FILES = {
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf": "fonts-dejavu-core",
    "/usr/share/zoneinfo/Europe/London": "tzdata",
}
# Playwright's node needs libatomic.
TEST_LIBRARIES = {"libatomic.so.1": "libatomic1"}
# Either serves; the one without windows needs less and takes half the time.
CHROMIUM_PROGRAMS = ("chromium-headless-shell", "chromium")


class SetupStopped(Exception):
    """Set-up cannot go on; the message says what to do."""

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def enter(root: Path, arguments: Sequence[str]) -> None:
    """Return when this process can run the command; else set up and start again in .venv."""
    command = arguments[0] if arguments else "help"
    level = LEVELS.get(command, "runtime")
    # Else each start would compile every module again: three seconds instead of one.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        if command == "lock":
            lock_requirements(root, arguments[1:])
        inside = Path(sys.prefix).resolve() == (root / ".venv").resolve()
        if inside and is_current(root, level):
            return
        # An image that brings its own packages is left as it is.
        if not inside and command not in LEVELS and importlib.util.find_spec("django"):
            return
        set_up(root, level)
    except SetupStopped as stopped:
        say(str(stopped))
        sys.exit(stopped.exit_code)
    python = str(root / ".venv/bin/python")
    os.execv(python, [python, str(root / "manage.py"), *arguments])


def set_up(root: Path, level: str) -> None:
    if is_current(root, level) and not missing_packages(level):
        return
    with only_one(root):
        # Asked again: whoever held the lock before may have done the work.
        install_system_packages(missing_packages(level))
        if not is_current(root, level):
            make_environment(root, widest(root, level))


def missing_packages(
    level: str,
    *,
    has_library: Callable[[str], bool] | None = None,
    has_file: Callable[[str], bool] = os.path.exists,
    has_program: Callable[[str], object] = shutil.which,
) -> list[str]:
    """The Debian packages to install before this level can run."""
    has_library = has_library or can_load
    libraries = RUNTIME_LIBRARIES | (TEST_LIBRARIES if level == "test" else {})
    has_browser = level != "test" or any(map(has_program, CHROMIUM_PROGRAMS))
    return [
        *(package for library, package in libraries.items() if not has_library(library)),
        *(package for path, package in RUNTIME_FILES.items() if not has_file(path)),
        *(() if has_browser else CHROMIUM_PROGRAMS[:1]),
    ]


def chromium_program() -> str | None:
    """The Chromium of this machine that tests and figures are to drive; None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM_PROGRAMS)), None)


def can_load(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_line(packages: Sequence[str]) -> str:
    return f"apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)}"


def install_system_packages(packages: Sequence[str]) -> None:
    if not packages:
        return
    prefix = root_prefix()
    if prefix is None or not shutil.which("apt-get"):
        raise SetupStopped(
            "System packages are missing, and only root can install them. Run as root, then start again:\n"
            f"  {install_line(packages)}",
            exit_code=2,
        )
    say(f"Installing system packages: {' '.join(packages)}")
    apt_get = [
        *prefix,
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "-qq",
        "-o",
        "DPkg::Lock::Timeout=120",
    ]
    run([*apt_get, "update"], "fetch the list of system packages")
    run([*apt_get, "install", "-y", "--no-install-recommends", *packages], "install system packages")


def root_prefix() -> list[str] | None:
    """What to put before a command to run it as root without a question, if that is possible at all."""
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    if (
        shutil.which("sudo")
        and subprocess.run([*sudo, "true"], capture_output=True, check=False).returncode == 0
    ):
        return sudo
    return None


@contextmanager
def only_one(root: Path) -> Iterator[None]:
    """Let one set-up at a time touch .boot and .venv."""
    boot = root / ".boot"
    boot.mkdir(exist_ok=True)
    with (boot / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up to finish")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def stamp_of(root: Path, level: str) -> str:
    """What .venv must have been made from to be right for this level."""
    content = (root / LOCKS[level]).read_bytes() + f"{sys.version_info[:2]}".encode()
    return f"{level} {hashlib.sha256(content).hexdigest()}"


def recorded_stamp(root: Path) -> str:
    # No python there: a .venv that moved, or whose interpreter was removed.
    path = root / ".venv/stamp"
    return path.read_text() if path.exists() and (root / ".venv/bin/python").exists() else ""


def is_current(root: Path, level: str) -> bool:
    # The packages of the tests contain those of the site.
    levels = {level, "test"}
    return recorded_stamp(root) in {stamp_of(root, each) for each in levels}


def widest(root: Path, level: str) -> str:
    """Keep the test packages where they were installed once, so that a demo does not remove them."""
    return "test" if recorded_stamp(root).startswith("test ") else level


def make_environment(root: Path, level: str) -> None:
    venv = root / ".venv"
    stamp = stamp_of(root, level)
    uv = install_uv(root)
    if not usable(venv):
        say("Making .venv")
        run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(venv)], "make .venv")
    say(f"Installing Python packages from {LOCKS[level]}")
    # Gone while packages change: a set-up that is cut short must not look finished.
    (venv / "stamp").unlink(missing_ok=True)
    run(
        [
            *(uv, "pip", "sync", "--quiet", "--require-hashes", "--no-build", "--compile-bytecode"),
            *("--python", str(venv / "bin/python"), str(root / LOCKS[level])),
        ],
        "install the Python packages",
    )
    (venv / "stamp").write_text(stamp)


def usable(venv: Path) -> bool:
    """Does this environment run, and with the Python version that runs now?"""
    python = venv / "bin/python"
    if not python.exists():
        return False
    if Path(sys.prefix).resolve() == venv.resolve():
        return True
    code = "import sys; print(sys.version_info[:2])"
    answer = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return answer.stdout.strip() == str(sys.version_info[:2])


def install_uv(root: Path) -> str:
    pins = root / "ivigsite/bootstrap.txt"
    target = root / ".boot" / hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    uv = target / "bin/uv"
    if uv.exists():
        return str(uv)
    say("Installing uv")
    if not importlib.util.find_spec("pip"):
        raise SetupStopped(
            f"pip is missing. Run this as root:\n  {install_line(['python3-pip'])}", exit_code=2
        )
    # Into a folder of ours, because Debian refuses to mix pip's packages with its own; and under another name
    # until it is whole.
    partial = target.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"),
            *(
                "--require-hashes",
                "--only-binary",
                ":all:",
                "--target",
                str(partial),
                "--requirement",
                str(pins),
            ),
        ],
        "install uv",
    )
    partial.rename(target)
    return str(uv)


def lock_requirements(root: Path, options: Sequence[str]) -> NoReturn:
    """Write the lock files again from what pyproject.toml names; --upgrade renews what it leaves open."""
    with only_one(root):
        uv = install_uv(root)
    for level, path in LOCKS.items():
        say(f"Writing {path}")
        group = ["--group", "test", "--constraints", LOCKS["runtime"]] if level == "test" else []
        run(
            [
                *(
                    uv,
                    "pip",
                    "compile",
                    "--quiet",
                    "--generate-hashes",
                    "--no-annotate",
                    "--no-emit-index-url",
                ),
                *("--python-version", "3.11", "--custom-compile-command", "python3 manage.py lock"),
                *(*options, *group, "--output-file", path, "pyproject.toml"),
            ],
            f"write {path}",
            cwd=root,
        )
    sys.exit(0)


def run(command: Sequence[str], purpose: str, *, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last_words = "\n".join(f"  {line}" for line in done.stdout.strip().splitlines()[-12:])
        raise SetupStopped(
            f"Could not {purpose}. Set-up fetches packages: is there a network connection?\n"
            f"The command was: {' '.join(command)}\nIt said:\n{last_words}",
            exit_code=1,
        )


def say(message: str) -> None:
    # To stderr: stdout belongs to the command that comes after.
    print(f"manage.py: {message}", file=sys.stderr, flush=True)  # noqa: T201
