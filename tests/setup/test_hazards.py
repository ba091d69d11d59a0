import tomllib
from pathlib import Path

import pytest

from ivigsite.devtools.hazards import LOG, PAGE, ROOT, UnknownHazard, hazards_markdown, marked_tests

TWO_HAZARDS = """
open_to_people = ["Training."]
[[hazards]]
id = "H01"
hazard = "A thing breaks."
severity = "minor"
control = "Care."
[[hazards]]
id = "H02"
hazard = "Another breaks."
severity = "minor"
control = "More care."
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / LOG).write_text(TWO_HAZARDS)
    return tmp_path


def write_tests(tree: Path, text: str) -> None:
    (tree / "tests/test_thing.py").write_text(f"import pytest\n{text}")


def test_page_is_what_log_and_marks_give():
    assert (ROOT / PAGE).read_text() == hazards_markdown(ROOT)


def test_log_has_each_hazard_once():
    ids = [row["id"] for row in tomllib.loads((ROOT / LOG).read_text())["hazards"]]

    assert ids == [f"H{number:02}" for number in range(1, len(ids) + 1)]


def test_mark_of_a_test_is_found(tree: Path):
    write_tests(tree, '@pytest.mark.hazard("H01")\ndef test_it_holds(): ...\ndef test_other(): ...\n')

    assert [(test.name, test.hazards) for test in marked_tests(tree)] == [("test_it_holds", ("H01",))]


def test_mark_of_a_file_holds_for_all_its_tests(tree: Path):
    write_tests(tree, 'pytestmark = [pytest.mark.django_db, pytest.mark.hazard("H02")]\ndef test_a(): ...\n')

    assert [test.hazards for test in marked_tests(tree)] == [("H02",)]


def test_mark_of_a_class_holds_for_its_tests(tree: Path):
    write_tests(tree, '@pytest.mark.hazard("H02", "H01")\nclass TestIt:\n    def test_a(self): ...\n')

    assert [test.hazards for test in marked_tests(tree)] == [("H02", "H01")]


def test_hazard_without_a_test_is_named(tree: Path):
    write_tests(tree, '@pytest.mark.hazard("H01")\ndef test_it_holds(): ...\n')

    page = hazards_markdown(tree)

    assert "1 of 2 hazards have a test of their own. Without one: H02." in page
    assert "`tests/test_thing.py`: it holds" in page


def test_mark_of_a_hazard_nobody_knows_is_refused(tree: Path):
    write_tests(tree, '@pytest.mark.hazard("H77")\ndef test_a(): ...\n')

    with pytest.raises(UnknownHazard, match="H77"):
        hazards_markdown(tree)
