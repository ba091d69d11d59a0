from pathlib import Path
from typing import Any

import pytest

from ivigsite import environment
from ivigsite.environment import DEMO_SECRETS, BadEnvironment

STRONG = "kV3x9TqLwZ0sB7nR2mYcJ5hGfD8pQaE1uXoI4tSvWzKb6LrN"
NAME = "IVIGSITE_SECRET_KEY"


def test_site_is_no_demonstration_unless_it_says_so():
    assert environment.is_demo({"IVIGSITE_DEMO": "1"})
    assert not environment.is_demo({"IVIGSITE_DEMO": "0"})
    assert not environment.is_demo({})


def test_unclear_demo_switch_is_refused():
    with pytest.raises(BadEnvironment, match="IVIGSITE_DEMO"):
        environment.is_demo({"IVIGSITE_DEMO": "yes"})


def test_missing_secret_stops_the_start_and_says_how_to_make_one():
    with pytest.raises(BadEnvironment, match=r"IVIGSITE_SECRET_KEY is missing.*secrets\.token_urlsafe"):
        environment.read_secret({}, NAME)


@pytest.mark.parametrize("secret", ["short", "a" * 80, STRONG[:49], "abc" * 30])
def test_weak_secret_stops_the_start(secret: str):
    with pytest.raises(BadEnvironment, match="too weak"):
        environment.read_secret({NAME: secret}, NAME)


@pytest.mark.parametrize("secret", [*DEMO_SECRETS.values(), f"django-insecure-{STRONG}"])
def test_secret_that_everyone_can_read_stops_the_start(secret: str):
    with pytest.raises(BadEnvironment, match="everyone can read"):
        environment.read_secret({NAME: secret}, NAME)


def test_strong_secret_is_taken_as_it_is():
    assert environment.read_secret({NAME: STRONG + "=="}, NAME) == STRONG + "=="


def test_demonstration_has_secrets_of_its_own():
    assert environment.read_secret({"IVIGSITE_DEMO": "1"}, NAME) == DEMO_SECRETS[NAME]


def test_demonstration_takes_a_secret_that_is_given():
    assert environment.read_secret({"IVIGSITE_DEMO": "1", NAME: STRONG * 2}, NAME) == STRONG * 2


def test_secret_may_stand_in_a_file(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text(f"{STRONG * 2}\n")

    assert environment.read_secret({f"{NAME}_FILE": str(path)}, NAME) == STRONG * 2


def test_secret_file_that_cannot_be_read_stops_the_start(tmp_path: Path):
    with pytest.raises(BadEnvironment, match="cannot be read"):
        environment.read_secret({f"{NAME}_FILE": str(tmp_path / "none")}, NAME)


def test_no_error_repeats_a_secret():
    with pytest.raises(BadEnvironment) as refused:
        environment.read_secret({NAME: "hunter2-hunter2"}, NAME)

    assert "hunter2" not in str(refused.value)


def test_old_secrets_are_held_to_the_same_rule():
    good = f"{STRONG}old, {STRONG}older"

    assert environment.read_fallback_secrets({"IVIGSITE_SECRET_KEY_FALLBACKS": good}) == [
        f"{STRONG}old",
        f"{STRONG}older",
    ]
    with pytest.raises(BadEnvironment, match="too weak"):
        environment.read_fallback_secrets({"IVIGSITE_SECRET_KEY_FALLBACKS": "old"})


def test_each_host_is_named_exactly():
    hosts = environment.read_hosts({"IVIGSITE_HOSTS": "ivig.hospital.example, 10.1.2.3,"})

    assert hosts == ["ivig.hospital.example", "10.1.2.3"]


@pytest.mark.parametrize("hosts", ["*", ".hospital.example", "ivig.hospital.example,*.example"])
def test_host_pattern_is_refused(hosts: str):
    with pytest.raises(BadEnvironment, match="exactly"):
        environment.read_hosts({"IVIGSITE_HOSTS": hosts})


def test_site_without_hosts_does_not_start():
    with pytest.raises(BadEnvironment, match="IVIGSITE_HOSTS is missing"):
        environment.read_hosts({})


def test_demonstration_answers_to_loopback_names_only():
    assert environment.read_hosts({"IVIGSITE_DEMO": "1"}) == ["localhost", "127.0.0.1", "[::1]"]


def test_site_and_demonstration_keep_separate_files(tmp_path: Path):
    site = environment.read_database({}, var=tmp_path)
    demo = environment.read_database({"IVIGSITE_DEMO": "1"}, var=tmp_path)

    assert site["NAME"] == tmp_path / "site.sqlite3"
    assert demo["NAME"] == tmp_path / "demo.sqlite3"


def test_database_url_names_a_server(tmp_path: Path):
    url = "postgresql://ivig:p%40ss@db.hospital.example:5433/ivig?sslmode=verify-full"

    database = environment.read_database({"DATABASE_URL": url}, var=tmp_path)

    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["NAME"], database["USER"], database["PASSWORD"]) == ("ivig", "ivig", "p@ss")
    assert (database["HOST"], database["PORT"]) == ("db.hospital.example", "5433")
    assert database["OPTIONS"]["sslmode"] == "verify-full"
    assert database["OPTIONS"]["pool"]["max_size"] >= 2


def test_database_url_may_name_a_socket(tmp_path: Path):
    database = environment.read_database(
        {"DATABASE_URL": "postgres://ivig@/ivig?host=%2Frun%2Fpg"}, var=tmp_path
    )

    assert database["HOST"] == ""
    assert database["OPTIONS"]["host"] == "/run/pg"


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("mysql://root@localhost/ivig", "postgresql://"),
        ("ivig.sqlite3", "postgresql://"),
        ("postgresql://ivig@localhost", "names no database"),
    ],
)
def test_database_url_of_another_kind_is_refused(url: str, complaint: str, tmp_path: Path):
    with pytest.raises(BadEnvironment, match=complaint):
        environment.read_database({"DATABASE_URL": url}, var=tmp_path)


def test_refused_database_url_is_not_repeated(tmp_path: Path):
    url = "mysql://root:hunter2@localhost/ivig"

    with pytest.raises(BadEnvironment) as refused:
        environment.read_database({"DATABASE_URL": url}, var=tmp_path)

    assert "hunter2" not in str(refused.value)


def test_options_of_one_database_are_not_shared_with_the_next(tmp_path: Path):
    options: dict[str, Any] = environment.read_database({}, var=tmp_path)["OPTIONS"]
    options["timeout"] = 1

    assert environment.SQLITE_OPTIONS["timeout"] == 20


def test_sqlite_file_is_opened_again_now_and_then(tmp_path: Path):
    database = environment.read_database({}, var=tmp_path)

    # Not None: a file restored in its place must be seen without a new start.
    assert 0 < database["CONN_MAX_AGE"] <= 300


def test_the_size_of_a_label_is_read_in_millimetres():
    name = "IVIGSITE_PATIENT_LABEL"

    assert environment.read_label_mm({}, name, "70x37") == (70, 37)
    assert environment.read_label_mm({name: "100x48"}, name, "70x37") == (100, 48)


@pytest.mark.parametrize("text", ["70", "70x", "7x37", "70 x 37", "70x37mm", "-70x37", "٧٠x٣٧", "70x3700"])
def test_an_unclear_size_of_a_label_stops_the_start(text: str):
    with pytest.raises(BadEnvironment, match="IVIGSITE_PATIENT_LABEL must be width and height"):
        environment.read_label_mm({"IVIGSITE_PATIENT_LABEL": text}, "IVIGSITE_PATIENT_LABEL", "70x37")


def test_days_are_read_as_a_whole_number():
    name = "IVIGSITE_DOWNTIME_DAYS"

    assert environment.read_days({}, name, "7") == 7
    assert environment.read_days({name: "14"}, name, "7") == 14


@pytest.mark.parametrize("text", ["0", "100", "1.5", "-1", "٧", "a week", " 7"])
def test_unclear_days_stop_the_start(text: str):
    with pytest.raises(environment.BadEnvironment, match="whole number of days"):
        environment.read_days({"IVIGSITE_DOWNTIME_DAYS": text}, "IVIGSITE_DOWNTIME_DAYS", "7")
