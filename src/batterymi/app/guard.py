"""What may reach the app: requests of its own pages alone, small enough, to its own address."""

from collections.abc import Callable
from hmac import compare_digest
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 50_000_000  # of a request; tables are smaller
TOO_LARGE = 413
LOOK = "open the address that the terminal shows"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    # the browser then names the origin of forms, and hands the token to no other page
    "referrer-policy": "same-origin",
}


class Guard:
    """An ASGI application around another one, which lets through what the app's own pages send.

    A page of another site may send requests to a local port, and a name that it controls may lead there (DNS
    rebinding). So the name of the host must be ours, the first part of the path is a secret, and what changes something
    must come from a page of ours.
    """

    def __init__(
        self, app: ASGIApp, token: str, port: int, show_problem: Callable[[str, int], Response] = PlainTextResponse
    ) -> None:
        """Keep what to guard.

        Args:
            app: the application within.
            token: the secret, first part of all paths.
            port: where it listens.
            show_problem: makes a page, of text and status, for those who are on the app's own pages.
        """
        self._show_problem = show_problem
        self._app, self._token = app, token.encode()
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on without the secret in its path."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if refusal := self._find_refusal(scope):
            if refusal.status_code == TOO_LARGE:
                # a browser shows no answer before it has sent everything
                while (await receive()).get("more_body"):
                    pass
            await refusal(scope, receive, send_guarded)
        else:
            await self._app(scope, receive, send_guarded)

    def _find_refusal(self, scope: Scope) -> Response | None:
        """Return why a request is refused, None if it is not."""
        headers, method = Headers(scope=scope), scope["method"]
        if headers.get("host") not in self._hosts:
            return PlainTextResponse(f"This is another host; {LOOK}.\n", 421)
        token = scope["path"].split("/")[1] if scope["path"].startswith("/") else ""
        if not compare_digest(token.encode(), self._token):
            return PlainTextResponse(f"This address is not valid any more, or never was; {LOOK}.\n", 403)
        if method in ("GET", "HEAD"):
            return None
        origin = urlsplit(headers.get("origin", ""))
        if method != "POST" or origin.scheme != "http" or origin.netloc != headers["host"]:
            return PlainTextResponse("Only the app's own pages may send this.\n", 403)
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return PlainTextResponse("The length of the request is missing.\n", 411)
        if int(length) > MOST_BYTES:
            megabytes = MOST_BYTES // 1_000_000
            return self._show_problem(f"More than {megabytes} MB; drop a smaller table. It was not kept.", TOO_LARGE)
        return None
