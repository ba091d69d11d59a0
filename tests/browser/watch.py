"""Everything a browser complains of while a test runs, and every page it was given."""

from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, ConsoleMessage, Response

# Said by Chromium of every answer with an error status; whether that status is right, the tests say.
OF_STATUS = "Failed to load resource: the server responded with a status of 4"
# What htmx says of a question that is still under way when a newer one takes its place, as it is meant to.
# Of every other end without an answer it says more than this.
OF_REPLACED = ("htmx:sendAbort,", "htmx:afterRequest,")
PARTS_OF_A_PAGE = {"stylesheet", "script", "image", "font"}
# Chromium asks for it where a page names no icon, as a PDF cannot.
UNASKED = "/favicon.ico"
TELL_OF_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`Policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


# Playwright keeps its own attributes on the object whose methods it calls.
@dataclass
class Watch:
    """What was complained of, and which pages came without an order not to be kept."""

    complaints: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def over(self, context: BrowserContext) -> None:
        context.add_init_script(TELL_OF_VIOLATIONS)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", self._hear)
        context.on("response", self._look)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith((OF_STATUS, *OF_REPLACED)):
            self.complaints.append(f"{message.type}: {message.text}")

    def _look(self, response: Response) -> None:
        if response.frame.parent_frame or not response.url.startswith("http"):
            return  # the browser's own viewer of PDF files; our pages have no frames
        kind = response.request.resource_type
        if kind in PARTS_OF_A_PAGE and response.status >= 400 and not response.url.endswith(UNASKED):
            self.complaints.append(f"{response.status}: {response.url}")
        if kind in ("document", "xhr") and "no-store" not in response.headers.get("cache-control", ""):
            self.kept.append(response.url)
