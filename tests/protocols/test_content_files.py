import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from protocols import content_files
from protocols.content_files import ContentError, dump_content, load_content
from tests.protocols.factory import small_protocol


def file_of(directory: Path, text: str, name: str = "content.toml") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def small_text() -> str:
    return dump_content(small_protocol())


def changed(before: str, after: str) -> str:
    """The small protocol's file with the first such text changed."""
    assert before in small_text()
    return small_text().replace(before, after, 1)


def line_of(text: str, mark: str, occurrence: int = 1) -> int:
    found = [number for number, line in enumerate(text.splitlines(), 1) if line.strip() == mark]
    return found[occurrence - 1]


def refused(path: Path) -> ContentError:
    with pytest.raises(ContentError) as error:
        load_content(path)
    return error.value


def test_a_written_protocol_is_read_back_equal(tmp_path: Path) -> None:
    assert load_content(file_of(tmp_path, small_text())) == small_protocol()


def test_texts_with_every_awkward_character_are_read_back_equal(tmp_path: Path) -> None:
    awkward = 'a "b" \\ \x7f \x01 \t\n — µ × 😀 \u2028 { } [ ] = #'
    (citation,) = small_protocol().citations
    protocol = small_protocol(citations=(replace(citation, passage=awkward),))

    assert load_content(file_of(tmp_path, dump_content(protocol))) == protocol


def test_a_directory_is_read_as_one_protocol(tmp_path: Path) -> None:
    data = small_text().split("\n\n")
    file_of(tmp_path, "\n\n".join(data[:3]), "a.toml")
    file_of(tmp_path, "\n\n".join(data[3:]), "b.toml")

    assert load_content(tmp_path) == small_protocol()


def test_rows_of_one_kind_in_two_files_follow_the_order_of_the_file_names(tmp_path: Path) -> None:
    low, high = small_protocol().grade_bands
    first = dump_content(small_protocol(grade_bands=(high,)))
    second = dump_content(small_protocol(grade_bands=(low,)))
    file_of(tmp_path, first, "b.toml")
    file_of(tmp_path, second[second.index("[[grade_bands]]") : second.index("[[bleeding_rules]]")], "a.toml")

    assert load_content(tmp_path).grade_bands == (low, high)


def test_a_scalar_in_two_files_is_an_error_with_its_line(tmp_path: Path) -> None:
    file_of(tmp_path, small_text(), "a.toml")
    second = file_of(tmp_path, '# more\n\ntitle = "Another"\n', "b.toml")

    error = refused(tmp_path)

    assert (error.file, error.line) == (second, 3)
    assert "in another file already" in error.message


def test_files_of_another_kind_are_left_alone(tmp_path: Path) -> None:
    file_of(tmp_path, small_text())
    file_of(tmp_path, "no TOML", "README.md")

    assert load_content(tmp_path) == small_protocol()


@pytest.mark.parametrize(
    ("before", "after", "mark", "occurrence", "message"),
    [
        ('topic = "consult"', 'topic = "gossip"', "[[texts]]", 1, "gossip"),
        ("lower_per_ul = 10", 'lower_per_ul = "ten"', "[[grade_bands]]", 2, "expected int"),
        ("lower_per_ul = 10", "lower_per_ul = 10.5", "[[grade_bands]]", 2, "expected int"),
        ('amount = "0.5"', "amount = 0.5", "[[regimens]]", 1, "written as text"),
        ('amount = "0.5"', 'amount = "NaN"', "[[regimens]]", 1, "not a number"),
        ('key = "L2"', 'key = "L2"\ncolour = "red"', "[[branches.orders]]", 2, "unknown key 'colour'"),
    ],
)
def test_an_error_of_shape_names_the_line_it_stands_in(
    tmp_path: Path, before: str, after: str, mark: str, occurrence: int, message: str
) -> None:
    text = changed(before, after)

    error = refused(file_of(tmp_path, text))

    wrong = text.splitlines()[(error.line or 0) - 1]
    assert wrong == after.splitlines()[-1]
    assert (error.line or 0) > line_of(text, mark, occurrence)
    assert message in error.message


def test_a_missing_key_names_the_line_of_its_table(tmp_path: Path) -> None:
    text = changed('key = "L2"\n', "")

    error = refused(file_of(tmp_path, text))

    assert error.line == line_of(text, "[[branches.orders]]", 2)
    assert "missing key 'key'" in error.message


def test_an_error_inside_an_inline_table_names_the_line_of_its_key(tmp_path: Path) -> None:
    text = changed('jurisdiction = "Here", ', "")

    error = refused(file_of(tmp_path, text))

    assert text.splitlines()[(error.line or 0) - 1].startswith("labels = ")


def test_an_error_in_the_second_file_names_that_file(tmp_path: Path) -> None:
    file_of(tmp_path, small_text(), "a.toml")
    second = file_of(tmp_path, '[[texts]]\nkey = "a"\n\n[[texts]]\nkey = 5\n', "b.toml")

    error = refused(tmp_path)

    assert error.file == second
    assert error.line in (1, 5)


def test_a_missing_section_is_an_error_without_a_better_place_than_the_start(tmp_path: Path) -> None:
    error = refused(file_of(tmp_path, 'title = "Only a title"\n'))

    assert error.line == 1
    assert "missing key" in error.message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('title = "a"\nslug = \n', 2),
        ('title = "a"\ntitle = "b"\n', 2),
        ("a = 1\nb = " + "9" * 5000 + "\n", 2),
        ('a = "x"\nb = "\\u0000"\n', 2),
        ('title = "never closed', 1),
    ],
)
def test_a_file_that_is_no_toml_names_the_line(tmp_path: Path, text: str, line: int) -> None:
    error = refused(file_of(tmp_path, text))

    assert error.line is not None
    assert abs(error.line - line) <= 1
    assert f"line {error.line}" in str(error)


def test_bytes_that_are_no_text_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "content.toml"
    path.write_bytes(b'title = "a"\nslug = "\xff"\n')

    assert refused(path).line == 2


def test_values_nested_without_end_are_refused(tmp_path: Path) -> None:
    error = refused(file_of(tmp_path, "a = " + "[" * 50_000))

    assert "nested too deeply" in error.message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path / "nothing.toml")

    assert error.line is None
    assert "nothing.toml: No such file" in str(error)


def test_a_directory_without_content_is_refused(tmp_path: Path) -> None:
    assert "no .toml file" in refused(tmp_path).message


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content_files, "_FILE_LIMIT_BYTES", 10)

    assert "larger than 10 bytes" in refused(file_of(tmp_path, small_text())).message


def test_a_device_that_never_ends_is_read_no_further_than_the_limit() -> None:
    assert "larger than" in refused(Path("/dev/zero")).message


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    for number in range(101):
        file_of(tmp_path, "", f"{number}.toml")

    assert "more than 100 files" in refused(tmp_path).message


def test_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "content.toml"
    path.write_bytes(small_text().replace("\n", "\r\n").encode())

    assert load_content(path) == small_protocol()


def test_a_written_file_is_toml_with_one_table_a_row() -> None:
    data = tomllib.loads(small_text())

    assert [order["key"] for order in data["branches"][0]["orders"]] == ["L1", "L2"]
    assert "upper_per_ul" not in data["grade_bands"][1]
