import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.server import ServerStopped, descendants, free_port, peak_memory, serving, wait_until_answering

HOLD_MEMORY = "import sys; held = bytearray(96 * 2**20); print('ready', flush=True); sys.stdin.read()"
# A process that only starts the one above and waits for it.
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {HOLD_MEMORY!r}])"


def test_peak_memory_is_that_of_the_largest_process_below():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin and parent.stdout
    parent.stdout.readline()

    children, peak = descendants(parent.pid), peak_memory(parent.pid)
    parent.communicate()

    assert len(children) == 1
    assert peak.web_mib is not None
    assert 96 < peak.web_mib < 160
    assert peak.render_mib is None


def test_process_without_children_has_no_peak():
    peak = peak_memory(os.getpid() + 2**22)

    assert (peak.web_mib, peak.render_mib) == (None, None)


def test_port_is_free_and_above_the_reserved_ones():
    assert free_port() > 1023


def test_server_that_ends_says_its_last_words(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("No secret is set.")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()

    with pytest.raises(ServerStopped, match="No secret is set"):
        wait_until_answering(ended, free_port(), log)


def test_server_whose_settings_fail_is_not_measured(tmp_path: Path):
    with pytest.raises(ServerStopped), serving("bench.no_such_settings", log=tmp_path / "log"):
        pass
