import os
import subprocess
import sys
from pathlib import Path

import pytest

from ivigsite import bootstrap
from ivigsite.bootstrap import SetupStopped

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with lock files and an environment that holds a python but no stamp yet."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "requirements.txt").write_text("django==1")
    (tmp_path / "tests/requirements.txt").write_text("django==1\npytest==1")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(sys.executable)
    return tmp_path


def stamp(checkout: Path, level: str) -> None:
    (checkout / ".venv/stamp").write_text(bootstrap.stamp_of(checkout, level))


def missing_on_a_bare_machine(level: str) -> list[str]:
    return bootstrap.missing_packages(
        level, has_library=lambda _: False, has_file=lambda _: False, has_program=lambda _: None
    )


def test_bare_machine_lacks_what_a_sheet_is_rendered_with():
    assert missing_on_a_bare_machine("runtime") == [
        "libpangoft2-1.0-0",
        "libharfbuzz-subset0",
        "fonts-dejavu-core",
        "tzdata",
    ]


def test_tests_need_a_browser_beside_what_the_site_needs():
    beside = set(missing_on_a_bare_machine("test")) - set(missing_on_a_bare_machine("runtime"))

    assert beside == {"chromium-headless-shell", "libatomic1"}


@pytest.mark.parametrize("browser", bootstrap.CHROMIUM_PROGRAMS)
def test_either_chromium_serves_the_tests(browser: str):
    missing = bootstrap.missing_packages(
        "test",
        has_library=lambda _: True,
        has_file=lambda _: True,
        has_program=lambda name: name if name == browser else None,
    )

    assert missing == []


def test_only_what_is_missing_is_named():
    missing = bootstrap.missing_packages(
        "runtime",
        has_library=lambda name: name != "libharfbuzz-subset.so.0",
        has_file=lambda _: True,
        has_program=lambda name: name,
    )

    assert missing == ["libharfbuzz-subset0"]


def test_library_that_no_machine_has_cannot_be_loaded():
    assert bootstrap.can_load("libc.so.6")
    assert not bootstrap.can_load("libno-such-thing.so.9")


def test_without_root_set_up_stops_with_the_line_to_run(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "root_prefix", lambda: None)

    with pytest.raises(SetupStopped) as stopped:
        bootstrap.install_system_packages(["libatomic1", "chromium"])

    assert stopped.value.exit_code == 2
    assert (
        "apt-get update && apt-get install -y --no-install-recommends libatomic1 chromium"
        in str(stopped.value).splitlines()[-1]
    )


def test_root_needs_no_sudo(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert bootstrap.root_prefix() == []


def test_account_without_sudo_cannot_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "/nonexistent")

    assert bootstrap.root_prefix() is None


def test_sudo_that_would_ask_counts_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert bootstrap.root_prefix() is None


def test_sudo_that_does_not_ask_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\nexit 0\n")
    sudo.chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert bootstrap.root_prefix() == ["sudo", "-n"]


def test_environment_without_a_stamp_is_not_current(checkout: Path):
    assert not bootstrap.is_current(checkout, "runtime")


def test_environment_of_the_site_does_not_serve_the_tests(checkout: Path):
    stamp(checkout, "runtime")

    assert bootstrap.is_current(checkout, "runtime")
    assert not bootstrap.is_current(checkout, "test")


def test_environment_of_the_tests_serves_the_site_too(checkout: Path):
    stamp(checkout, "test")

    assert bootstrap.is_current(checkout, "runtime")
    assert bootstrap.is_current(checkout, "test")


def test_new_lock_file_makes_the_environment_stale(checkout: Path):
    stamp(checkout, "runtime")

    (checkout / "requirements.txt").write_text("django==2")

    assert not bootstrap.is_current(checkout, "runtime")


def test_environment_whose_python_is_gone_is_not_current(checkout: Path):
    stamp(checkout, "runtime")

    (checkout / ".venv/bin/python").unlink()

    assert not bootstrap.is_current(checkout, "runtime")
    assert not bootstrap.usable(checkout / ".venv")


def test_stale_environment_of_the_tests_keeps_their_packages(checkout: Path):
    stamp(checkout, "test")

    (checkout / "tests/requirements.txt").write_text("pytest==2")

    assert bootstrap.widest(checkout, "runtime") == "test"


def test_fresh_environment_gets_only_what_the_command_needs(checkout: Path):
    assert bootstrap.widest(checkout, "runtime") == "runtime"


def test_environment_of_this_python_is_usable(checkout: Path):
    assert bootstrap.usable(checkout / ".venv")


def test_environment_of_another_python_is_made_anew(checkout: Path):
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.write_text("#!/bin/sh\necho '(3, 9)'\n")
    python.chmod(0o755)

    assert not bootstrap.usable(checkout / ".venv")


def test_set_up_that_broke_off_leaves_no_stamp(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    stamp(checkout, "runtime")
    (checkout / "requirements.txt").write_text("django==2")
    monkeypatch.setattr(bootstrap, "install_uv", lambda root: "false")

    with pytest.raises(SetupStopped, match="network"):
        bootstrap.make_environment(checkout, "runtime")

    assert bootstrap.recorded_stamp(checkout) == ""


def test_set_up_that_ends_well_is_current(checkout: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "install_uv", lambda root: "true")

    bootstrap.make_environment(checkout, "test")

    assert bootstrap.is_current(checkout, "test")


def test_failed_command_shows_its_last_words(tmp_path: Path):
    with pytest.raises(SetupStopped, match="No route to the index") as stopped:
        bootstrap.run(["sh", "-c", "echo No route to the index; exit 3"], "install uv")

    assert stopped.value.exit_code == 1
    assert str(stopped.value).startswith("Could not install uv.")


def test_second_set_up_waits_for_the_first(checkout: Path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path\n"
        "from ivigsite import bootstrap\n"
        f"with bootstrap.only_one(Path({str(checkout)!r})): print('in')\n"
    )

    with bootstrap.only_one(checkout):
        second = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert second.stderr
        waiting = second.stderr.readline()
        still_out = second.poll() is None
    out, _ = second.communicate(timeout=30)

    assert b"Waiting for another set-up" in waiting
    assert still_out
    assert out.strip() == b"in"


def test_bootstrap_needs_nothing_but_the_standard_library():
    code = "import sys; import ivigsite.bootstrap; print([n for n in sys.modules if n.startswith('django')])"

    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("lock", ["requirements.txt", "tests/requirements.txt", "ivigsite/bootstrap.txt"])
def test_every_locked_package_has_a_hash_and_no_address(lock: str):
    text = (ROOT / lock).read_text()

    pins = [line for line in text.splitlines() if "==" in line]

    assert pins
    assert all(line.endswith(" \\") for line in pins)
    assert text.count("--hash=sha256:") >= len(pins)
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_tests_run_with_the_versions_that_the_site_runs_with():
    def pins(lock: str) -> set[str]:
        return {line.split()[0] for line in (ROOT / lock).read_text().splitlines() if "==" in line}

    assert pins("requirements.txt") <= pins("tests/requirements.txt")
