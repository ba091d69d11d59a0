import http.server
import threading
from collections.abc import Iterator
from typing import ClassVar
from urllib.parse import parse_qs

import pytest
from django.conf import settings

from bench.visitor import Answer, InProcess, OverHttp, UnexpectedAnswer, form_with

PAGE = b"""
<form id="search"><input name="q" value=""></form>
<form>
  <input type="hidden" name="digest" value="a&amp;b">
  <input type="radio" name="line" value="one"><input type="radio" name="line" value="two" checked>
  <input type="checkbox" name="tick" value="x" checked><input type="checkbox" name="tick" value="y" checked>
  <input type="checkbox" name="left" value="z">
  <select name="reason"><option value="">Choose</option><option value="other" selected>Other</option></select>
  <input type="submit"><button name="sign">Sign</button>
</form>
"""


def test_form_is_sent_as_an_untouched_browser_would_send_it():
    assert form_with(PAGE, "digest") == {
        "digest": ["a&b"],
        "line": ["two"],
        "tick": ["x", "y"],
        "reason": ["other"],
    }


def test_page_without_the_form_is_not_measured():
    with pytest.raises(UnexpectedAnswer, match="'password'"):
        form_with(PAGE, "password")


def test_answer_with_another_status_is_not_measured():
    answer = Answer(status=500, body=b"Something broke", location="")

    with pytest.raises(UnexpectedAnswer, match="500 in place of 200: Something broke"):
        answer.expect(200)


def test_expected_answer_is_passed_on():
    answer = Answer(status=200, body=b"", location="")

    assert answer.expect(200) is answer


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: ClassVar[list[tuple[str, str, dict[str, str], str]]] = []

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.asked.append((self.command, self.path, dict(self.headers), body))
        self.send_response(302)
        self.send_header("Location", f"/from/{self.client_address[1]}/")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    Echo.asked.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_connection_stays_open_from_page_to_page(port: int):
    person = OverHttp(port)

    places = {person.get("/a/").location, person.get("/b/").expect(302).location}
    person.close()

    assert len(places) == 1


def test_form_is_posted_with_session_and_token_and_asks_for_a_fragment(port: int):
    person = OverHttp(port, {settings.SESSION_COOKIE_NAME: "s", settings.CSRF_COOKIE_NAME: "t"})

    person.post("/assess/", {"platelets": "18000", "sites": ["gi", "gu"]}, fragment=True)
    person.close()

    method, path, headers, body = Echo.asked[0]
    assert (method, path) == ("POST", "/assess/")
    assert headers["Cookie"] == f"{settings.SESSION_COOKIE_NAME}=s; {settings.CSRF_COOKIE_NAME}=t"
    assert headers["HX-Request"] == "true"
    assert parse_qs(body) == {
        "platelets": ["18000"],
        "sites": ["gi", "gu"],
        "csrfmiddlewaretoken": ["t"],
    }


@pytest.mark.urls("bench.urls")
def test_bare_visitor_meets_no_middleware():
    through, bare = InProcess(), InProcess.without_middleware()

    assert "Cache-Control" not in bare.client.get("/bench/bare/").headers
    assert "no-store" in through.client.get("/accounts/nothing/").headers["Cache-Control"]


@pytest.mark.urls("bench.urls")
def test_empty_page_is_for_those_who_signed_in():
    assert InProcess().get("/bench/empty/").expect(302).location.startswith("/login/")
