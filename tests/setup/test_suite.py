import subprocess
import sys
from pathlib import Path

import pytest

from ivigsite.devtools import checks, postgres, suite
from ivigsite.devtools.checks import Check
from ivigsite.devtools.suite import Count

REPORT = '<testsuites><testsuite tests="9" failures="2" errors="1" skipped="1" time="3"/></testsuites>'


def test_report_of_pytest_is_counted(tmp_path: Path):
    path = tmp_path / "report.xml"
    path.write_text(REPORT)

    assert suite.read_report(path) == Count(passed=5, failed=2, errors=1, skipped=1)


def test_run_that_left_no_report_is_an_error(tmp_path: Path):
    assert suite.read_report(tmp_path / "none.xml") == Count(errors=1)


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (Count(passed=12), " 12 passed in 75.00s (1:15) "),
        (Count(passed=12, failed=1), " 1 failed, 12 passed in 75.00s (1:15) "),
        (Count(passed=1, errors=2, skipped=3), " 1 passed, 3 skipped, 2 errors in 75.00s (1:15) "),
        (Count(), " no tests ran in 75.00s (1:15) "),
    ],
)
def test_last_line_reads_like_that_of_pytest(count: Count, words: str):
    assert suite.closing_line(count, seconds=75).strip("=") == words


def test_counts_of_several_runs_add_up():
    assert Count(passed=1, failed=2) + Count(passed=3, errors=1) == Count(passed=4, failed=2, errors=1)


def test_every_test_belongs_to_a_run_of_its_own_and_both_databases_see_theirs():
    runs = {run.name: run for run in suite.runs("postgresql://ivig@/ivig")}

    assert list(runs) == ["engine", "sweeps", "sqlite", "postgresql", "browser"]
    assert runs["sqlite"].environment == {"DATABASE_URL": ""}
    assert runs["postgresql"].environment == {"DATABASE_URL": "postgresql://ivig@/ivig"}
    assert "not browser" in runs["sqlite"].arguments
    assert "database and not browser and not one_database" in runs["postgresql"].arguments
    assert "browser" in runs["browser"].arguments
    assert "--cov-fail-under=100" in runs["engine"].arguments


def test_browser_run_reads_every_file_with_a_test_for_it_and_few_others():
    files = suite.browser_files()

    assert {"tests/setup/test_browser.py", "tests/accounts/test_in_browser.py"} <= set(files)
    assert "tests/browser/test_signing.py" in files
    assert len(files) < 30


def test_browsers_that_wait_leave_no_core_idle(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("IVIGSITE_TEST_WORKERS", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)

    runs = {run.name: run.arguments for run in suite.runs("")}

    assert "2" in runs["sqlite"]
    assert "3" in runs["browser"]


def test_number_of_workers_can_be_chosen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IVIGSITE_TEST_WORKERS", "7")

    assert all("7" in run.arguments for run in suite.runs(""))


def test_arguments_go_to_pytest_as_they_are(tmp_path: Path):
    (tmp_path / "test_one.py").write_text("def test_one(): assert False\n")

    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; from ivigsite.devtools import suite; sys.exit(suite.main(sys.argv[1:]))",
            *("-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path / "test_one.py")),
        ],
        cwd=suite.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "1 failed" in done.stdout


def test_failing_check_is_a_failure_with_its_own_words(tmp_path: Path):
    command = (sys.executable, "-c", "import os, sys; print(os.environ['WORD']); sys.exit(3)")

    outcome = checks.run_check(
        Check(name="spelling", command=command, environment={"WORD": "wrnog"}), tmp_path
    )

    assert not outcome.passed
    assert outcome.output == "wrnog"


def test_production_check_never_uses_a_known_secret():
    first, second = checks.production_environment(), checks.production_environment()

    assert first["IVIGSITE_SECRET_KEY"] != second["IVIGSITE_SECRET_KEY"]
    assert first["IVIGSITE_DEMO"] == "0"


def test_given_server_is_used_and_left_alone(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://ivig@db/ivig")

    with postgres.database_url() as url:
        assert url == "postgresql://ivig@db/ivig"


def test_throwaway_server_answers_and_is_gone_afterwards(monkeypatch: pytest.MonkeyPatch):
    import psycopg

    monkeypatch.delenv("DATABASE_URL", raising=False)

    with postgres.database_url() as url, psycopg.connect(url) as connection:
        (directory,) = connection.execute("show unix_socket_directories").fetchone() or ("",)
        (addresses,) = connection.execute("show listen_addresses").fetchone() or ("unknown",)
        assert Path(directory).exists()
        assert addresses == ""
    assert not Path(directory).exists()


def test_root_hands_the_server_to_an_account_without_rights():
    account = postgres.account_to_run_as(0)

    assert account
    assert account.pw_uid != 0
    assert postgres.account_to_run_as(1000) is None


def test_program_that_is_not_there_cannot_be_run(tmp_path: Path):
    assert not postgres.can_run(tmp_path / "postgres", None)


def test_server_that_does_not_start_shows_its_log(tmp_path: Path):
    log = tmp_path / "log"
    log.write_text("FATAL: no space left on device")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()

    with pytest.raises(postgres.NoPostgres, match="no space left"):
        postgres.wait_until_ready(dead, tmp_path, log)
