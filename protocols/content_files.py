"""A protocol as TOML files: read strictly, with the line of what is wrong, and written back."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from protocols.engine.plain import PlainError, from_plain, to_plain
from protocols.engine.protocol import Protocol

SHIPPED: Final = Path(__file__).parent / "content"

_FILE_LIMIT_BYTES: Final = 2_000_000
_SLUG: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SLUG_LENGTH: Final = 60
_FILES_LIMIT: Final = 100
_LINE_OF_SYNTAX_ERROR: Final = re.compile(r"at line (\d+)")
_KEY_IN_MESSAGE: Final = re.compile(r"unknown key '([^']+)'")
_STEP: Final = re.compile(r"([^.\[\]]+)(?:\[(\d+)\])?")
# PostgreSQL cannot hold it, and no text needs it.
_NUL_ESCAPE: Final = re.compile(r"\\u0000|\\U00000000")


class ContentError(Exception):
    """A content file cannot be read as a protocol; names the file and, where there is one, the line."""

    def __init__(self, file: Path, line: int | None, message: str) -> None:
        super().__init__(f"{file}, line {line}: {message}" if line else f"{file}: {message}")
        self.file = file
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    path: Path
    text: str
    data: dict[str, Any]


@dataclass(slots=True)
class _Merged:
    """The content of all files as one, and for each top-level key the files its items came from."""

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, list[tuple[_File, int]]] = field(default_factory=dict)


def load_shipped() -> Protocol:
    return load_content(SHIPPED)


def load_content(path: Path) -> Protocol:
    """Read one TOML file, or a directory of them in the order of their names."""
    return _protocol_of([_read(file) for file in _files(path)])


def read_content(raw: bytes, *, name: str) -> Protocol:
    """Read one TOML file that lies on no disk, such as one that was pasted; `name` stands in its errors."""
    return _protocol_of([_file_of(Path(name), raw)])


def _protocol_of(files: list[_File]) -> Protocol:
    merged = _merge(files)
    try:
        protocol = from_plain(Protocol, merged.data)
    except PlainError as error:
        file, line = _locate(error, merged, files[0])
        raise ContentError(file.path, line, str(error)) from error
    if not _SLUG.fullmatch(protocol.slug) or len(protocol.slug) > _SLUG_LENGTH:
        file = merged.origins["slug"][0][0]
        line = _line_of_key(file.text, "slug", 0, len(file.text))
        raise ContentError(file.path, line, "slug: only small letters, digits and single dashes, at most 60")
    return protocol


def dump_content(protocol: Protocol) -> str:
    """Write a protocol as one TOML file that `load_content` reads back as the same value."""
    content = to_plain(protocol)
    sections = {name: rows for name, rows in content.items() if isinstance(rows, list) and rows}
    lines = [f"{name} = {_toml(value)}" for name, value in content.items() if name not in sections]
    for name, rows in sections.items():
        for row in rows:
            lines += _table(name, row)
    return "\n".join(lines) + "\n"


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.toml"))
    if not files:
        raise ContentError(path, None, "there is no .toml file in this directory")
    if len(files) > _FILES_LIMIT:
        raise ContentError(path, None, f"there are more than {_FILES_LIMIT} files in this directory")
    return files


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as stream:
            raw = stream.read(_FILE_LIMIT_BYTES + 1)
    except OSError as error:
        raise ContentError(path, None, error.strerror or str(error)) from error
    return _file_of(path, raw)


def _file_of(path: Path, raw: bytes) -> _File:
    if len(raw) > _FILE_LIMIT_BYTES:
        line = raw.count(b"\n", 0, _FILE_LIMIT_BYTES) + 1
        raise ContentError(path, line, f"the file is larger than {_FILE_LIMIT_BYTES} bytes")
    try:
        text = raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ContentError(path, raw.count(b"\n", 0, error.start) + 1, "this is not UTF-8 text") from error
    if nul := _NUL_ESCAPE.search(text):
        raise ContentError(path, _line_at(text, nul.start()), "a text cannot hold the character NUL")
    return _File(path=path, text=text, data=_parse(path, text))


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ContentError(path, None, "the values are nested too deeply") from error
    # tomllib's own error, and the plain one of a whole number with thousands of digits.
    except ValueError as error:
        found = _LINE_OF_SYNTAX_ERROR.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise ContentError(path, line, str(error)) from error


def _merge(files: list[_File]) -> _Merged:
    merged = _Merged()
    for file in files:
        for key, value in file.data.items():
            if key not in merged.data:
                merged.data[key] = list(value) if isinstance(value, list) else value
            elif isinstance(value, list) and isinstance(merged.data[key], list):
                merged.data[key] += value
            else:
                line = _line_of_key(file.text, key, 0, len(file.text))
                raise ContentError(file.path, line, f"{key!r} is given in another file already")
            items = len(value) if isinstance(value, list) else 1
            merged.origins.setdefault(key, []).extend((file, number) for number in range(items))
    return merged


def _locate(error: PlainError, merged: _Merged, first: _File) -> tuple[_File, int]:
    """Find the file and line of an error by counting table headers; an inline table is on its key's line."""
    steps = [(name, int(number or 0)) for name, number in _STEP.findall(error.path)]
    if named := _KEY_IN_MESSAGE.search(error.message):
        steps.append((named[1], 0))
    if not steps or not merged.origins.get(steps[0][0]):
        return first, 1
    key, number = steps[0]
    file, steps[0] = _origin(merged, key, number)
    return file, _line_of_steps(file.text, steps)


def _origin(merged: _Merged, key: str, number: int) -> tuple[_File, tuple[str, int]]:
    file, local = merged.origins[key][number]
    return file, (key, local)


def _line_of_steps(text: str, steps: list[tuple[str, int]]) -> int:
    start, end, prefix = 0, len(text), ""
    for name, number in steps:
        header = f"{prefix}{name}"
        tables = list(_tables(text, header, start, end))
        if not tables:
            return _line_of_key(text, name, start, end)
        start, end = tables[min(number, len(tables) - 1)]
        prefix = f"{header}."
    return _line_at(text, start)


def _tables(text: str, header: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stretches of text of each table of this name, with the tables inside it."""
    pattern = re.compile(rf"^[ \t]*\[\[?[ \t]*{re.escape(header)}[ \t]*\]", re.MULTILINE)
    after = re.compile(rf"^[ \t]*\[\[?[ \t]*(?!{re.escape(header)}\.)[A-Za-z_]", re.MULTILINE)
    for found in pattern.finditer(text, start, end):
        following = after.search(text, found.end(), end)
        yield found.start(), following.start() if following else end


def _line_of_key(text: str, key: str, start: int, end: int) -> int:
    found = re.compile(rf"^[ \t]*{re.escape(key)}[ \t]*[.=]", re.MULTILINE).search(text, start, end)
    return _line_at(text, found.start() if found else start)


def _line_at(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1


def _table(name: str, row: Mapping[str, Any]) -> list[str]:
    lines = ["", f"[[{name}]]"]
    children = []
    for key, value in row.items():
        # A branch without orders says so, or the key would be missing when it is read.
        if key == "orders" and value:
            children = [line for order in value for line in _table(f"{name}.{key}", order)]
        elif value is not None:
            lines.append(f"{key} = {_toml(value)}")
    return lines + children


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{key} = {_toml(item)}" for key, item in value.items() if item is not None)
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # JSON's texts, whole numbers and booleans are TOML's, but for the one control character JSON leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
