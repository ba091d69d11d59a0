import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from ivigsite import demo


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def own_static(tmp_path: Path) -> Iterator[Path]:
    source = tmp_path / "source"
    source.mkdir()
    (source / "site.css").write_text("body { color: black }")
    with override_settings(
        STATICFILES_DIRS=[source],
        STATIC_ROOT=tmp_path / "collected",
        INSTALLED_APPS=["ivigsite.apps.OwnStaticFilesConfig"],
        STATICFILES_FINDERS=["django.contrib.staticfiles.finders.FileSystemFinder"],
    ):
        clear_finders()
        yield source
    clear_finders()


def clear_finders() -> None:
    from django.contrib.staticfiles.finders import get_finder

    get_finder.cache_clear()  # type: ignore[attr-defined]


def test_demo_listens_on_loopback_unless_told_otherwise():
    options = demo.parse([])

    assert (options.host, options.port) == ("127.0.0.1", 8000)


def test_taken_port_stops_the_demo_with_a_way_out(taken_port: int, capsys: pytest.CaptureFixture[str]):
    assert demo.main(["--port", str(taken_port)]) == 1
    assert "--port 8080" in capsys.readouterr().err


def test_port_is_free_again_when_its_server_is_gone(taken_port: int):
    assert not demo.is_free("127.0.0.1", taken_port)


def test_demo_mode_is_on_in_the_tests():
    assert os.environ["IVIGSITE_DEMO"] == "1"
    assert settings.DEMO


def test_static_files_are_collected_once(own_static: Path):
    stamp = own_static.parent / "stamp"
    demo.collect_static_files(stamp)
    marker = Path(settings.STATIC_ROOT) / "marker"
    marker.touch()

    demo.collect_static_files(stamp)

    # Collecting again would have cleared the folder.
    assert marker.exists()


def test_static_files_are_collected_again_when_one_changes(own_static: Path):
    stamp = own_static.parent / "stamp"
    demo.collect_static_files(stamp)

    (own_static / "site.css").write_text("body { color: white; margin: 0 }")
    demo.collect_static_files(stamp)

    assert "white" in (Path(settings.STATIC_ROOT) / "site.css").read_text()


def test_static_files_are_collected_again_when_they_are_gone(own_static: Path):
    stamp = own_static.parent / "stamp"
    demo.collect_static_files(stamp)
    collected = Path(settings.STATIC_ROOT) / "site.css"
    collected.unlink()
    collected.parent.rmdir()

    demo.collect_static_files(stamp)

    assert collected.exists()
