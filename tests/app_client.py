"""The app within this process, without a socket or a browser: requests in, pages out."""

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from own_study import STUDY, TABLE

from batterymi.app.server import Server

HOST = "127.0.0.1:8000"
BOUNDARY = "a-boundary-that-no-table-holds"
# two quick models, so that tests wait for the app and not for forests
QUICK = "overrides: {all: {surrogate: {models: [dummy, ridge], permutations: 19, bootstraps: 100}}}"
OWN_STUDY = STUDY.replace(", pool: data/not_there.csv", "")


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of the answer.
        html: the page.
        goes_to: address of another page; empty if it is one.
    """

    status: int
    html: str
    goes_to: str

    @property
    def text(self) -> str:
        """Return what is read on the page, without its markup."""
        return " ".join(unescape(re.sub(r"<(script|style)[^>]*>.*?</\1>|<[^>]*>", " ", self.html, flags=re.S)).split())

    def find_value(self, field: str) -> str:
        """Return what a field holds."""
        found = re.search(rf'<input[^>]*\bname="{re.escape(field)}"[^>]*\bvalue="([^"]*)"', self.html)
        assert found, f"there is no field {field}"
        return unescape(found[1])

    def read_forms(self) -> dict[str, str]:
        """Return all fields of the page with what they hold, as a browser would send them."""
        found = {
            unescape(n): unescape(v) for n, v in re.findall(r'<input[^>]*name="([^"]*)" value="([^"]*)"', self.html)
        }
        found |= {
            n: unescape(v) for n, v in re.findall(r'<textarea name="([^"]*)"[^>]*>\n?(.*?)</textarea>', self.html, re.S)
        }
        for name, options in re.findall(r'<select name="([^"]*)"[^>]*>(.*?)</select>', self.html, re.S):
            chosen = re.findall(r"<option([^>]*)>([^<]*)", options)
            found[name] = next((unescape(text) for more, text in chosen if "selected" in more), unescape(chosen[0][1]))
        return found


class Client:
    """Sends requests as the app's own pages do. Nothing is computed beside: the process is never started."""

    def __init__(self, folder: Path) -> None:
        """Serve a project."""
        self.server = Server(folder, "secret", 8000)

    def get(self, path: str = "", **fields: str) -> Answer:
        """Open a page."""
        return self._send("GET", path, urlencode(fields), b"", "")

    def post(self, path: str, fields: dict[str, str], length: int | None = None) -> Answer:
        """Send a form, which may say that it has another length."""
        return self._send("POST", path, "", urlencode(fields).encode(), "application/x-www-form-urlencoded", length)

    def drop(self, **files: bytes) -> Answer:
        """Drop files, by name with `__` for the dot."""
        head = 'content-disposition: form-data; name="file"; filename='
        parts = [
            f'--{BOUNDARY}\r\n{head}"{name.replace("__", ".")}"\r\n\r\n'.encode() + data + b"\r\n"
            for name, data in files.items()
        ]
        body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
        return self._send("POST", "tables", "", body, f"multipart/form-data; boundary={BOUNDARY}")

    def _send(self, method: str, path: str, query: str, body: bytes, kind: str, length: int | None = None) -> Answer:
        sent: list[dict[str, Any]] = []
        headers = {
            "host": HOST,
            "origin": f"http://{HOST}",
            "content-length": str(len(body) if length is None else length),
        }
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": f"/secret/{path}",
            "raw_path": f"/secret/{path}".encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [
                (k.encode(), v.encode()) for k, v in (headers | ({"content-type": kind} if kind else {})).items()
            ],
        }
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return waiting.pop() if waiting else {"type": "http.disconnect"}

        async def keep(message: dict[str, Any]) -> None:
            sent.append(message)

        # a browser's driver may keep a loop of its own in this thread
        with ThreadPoolExecutor(1) as pool:
            pool.submit(lambda: asyncio.run(self.server.app(scope, receive, keep))).result()  # type: ignore[arg-type]
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        html = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return Answer(int(sent[0]["status"]), html, headers.get("location", "").removeprefix("/secret/"))


def write_study(name: str = "my", table: str | None = TABLE, study: str = OWN_STUDY) -> Path:
    """Write a study and its table; return the table."""
    path = Path(f"data/{name}.csv")
    Path(f"config/studies/{name}.yaml").write_text(study.replace("data/my.csv", str(path)), encoding="utf-8")
    if table is not None:
        path.write_text(table, encoding="utf-8")
    return path
