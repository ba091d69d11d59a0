"""The downtime folder: whole at every moment, vouched for by its manifest, one writer at a time."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivigsite.downtime import folder
from ivigsite.downtime.folder import AlreadyBeingWritten, Progress, StoredPack

pytestmark = pytest.mark.hazard("H25")
AT = datetime(2026, 11, 22, 14, 5, tzinfo=UTC)
PROGRESS = Progress(started_at=AT, by="Dr Test", done=1, total=3, page=57, pages=60, failed="no", ended_at=AT)


def written(
    name: str = "itp-version-1", *, version: str = "v1", wards: tuple[str, ...] = ("w1",)
) -> StoredPack:
    pack = StoredPack(
        version=version,
        title="Test protocol",
        number=1,
        seal="a" * 64,
        made_at=AT,
        expires_at=AT,
        forms=folder.write_file(name, "forms.pdf", b"%PDF forms"),
        lists={ward: folder.write_file(name, f"{ward}.pdf", b"%PDF list") for ward in wards},
    )
    folder.write_manifest(name, pack)
    return pack


def test_what_was_written_is_read_back_with_its_bytes(folder_root: Path) -> None:
    pack = written()

    assert folder.read_folder().packs == (pack,)
    assert pack.forms.read() == b"%PDF forms"
    assert pack.lists["w1"].read() == b"%PDF list"


def test_no_folder_is_an_empty_one(folder_root: Path) -> None:
    assert folder.read_folder() == folder.Folder()


@pytest.mark.parametrize("change", [b"%PDF other", b"", None], ids=["changed", "cut short", "gone"])
def test_a_file_that_is_not_the_one_that_was_written_is_not_read(
    folder_root: Path, change: bytes | None
) -> None:
    pack = written()
    if change is None:
        pack.forms.path.unlink()
    else:
        pack.forms.path.write_bytes(change)

    assert folder.read_folder().packs[0].forms.read() is None


@pytest.mark.parametrize("manifest", ["", "[]", "{", '{"version": 1}', '{"lists": {"w": 3}}'])
def test_a_broken_manifest_vouches_for_nothing(folder_root: Path, manifest: str) -> None:
    written()
    (folder_root / "itp-version-1" / folder.MANIFEST).write_text(manifest)

    assert folder.read_folder().packs == ()


def test_the_list_of_a_ward_that_is_no_more_is_taken_away(folder_root: Path) -> None:
    written(wards=("w1", "w2"))

    written(wards=("w2",))

    names = {path.name for path in (folder_root / "itp-version-1").iterdir()}
    assert names == {"forms.pdf", "w2.pdf", folder.MANIFEST}


def test_the_paper_of_a_version_that_is_removed_is_gone(folder_root: Path) -> None:
    pack = written()

    folder.remove_pack(pack)

    assert list((folder_root / "itp-version-1").iterdir()) == []


def test_files_that_name_patients_are_not_for_everybody(folder_root: Path) -> None:
    pack = written()

    mode = stat.S_IMODE(pack.lists["w1"].path.stat().st_mode)
    assert mode & 0o007 == 0
    assert stat.S_IMODE(folder_root.stat().st_mode) & 0o007 == 0


def test_a_file_takes_its_name_only_when_it_is_whole(
    folder_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = written()

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        folder.write_file("itp-version-1", "forms.pdf", b"half")

    assert pack.forms.read() == b"%PDF forms"


def test_two_never_write_at_once(folder_root: Path) -> None:
    assert not folder.is_being_written()
    with folder.alone():
        assert folder.is_being_written()
        with pytest.raises(AlreadyBeingWritten), folder.alone():
            pass
    assert not folder.is_being_written()


def test_progress_is_read_back_and_a_broken_one_is_none(folder_root: Path) -> None:
    folder.write_progress(PROGRESS)
    assert folder.read_folder().progress == PROGRESS

    (folder_root / folder.PROGRESS).write_text('{"done": 1}')
    assert folder.read_folder().progress is None
