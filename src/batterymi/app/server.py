"""The server of the app: on this machine's own address alone, with a secret in all paths."""

import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from batterymi.app.guard import Guard
from batterymi.app.jobs import Jobs
from batterymi.app.pages import TEMPLATES, Page, Pages
from batterymi.errors import BatteryMIError, OutputError, TableError
from batterymi.figures.interactive.charts import read_library
from batterymi.reporting.report_page import read_part
from batterymi.text_safety import write_out

HOST = "127.0.0.1"
MOST_FILES = 1000  # of which one is taken
MOST_FIELDS, MOST_FIELD_BYTES = 20_000, 1_000_000
UNEXPECTED = "Something unexpected went wrong; the terminal shows what. Nothing was left half-written."

logger = logging.getLogger(__name__)


class Server:
    """The app of one project, as an ASGI application."""

    def __init__(self, folder: Path, token: str, port: int) -> None:
        """Set up pages and addresses.

        Args:
            folder: of the project, in which this process works.
            token: the secret.
            port: where it listens.
        """
        self.jobs = Jobs(folder)
        self.pages = Pages(folder, f"/{token}", self.jobs)
        routes = [
            Route("/", self._serve(lambda request: self.pages.show_home()), methods=["GET"]),
            Route("/tables", self.take_table, methods=["POST"]),
            Route("/new", self._serve(self._show_draft), methods=["GET"]),
            Route("/new", self.start_study, methods=["POST"]),
            Route("/studies/{name}", self._serve(self._show_study), methods=["GET"]),
            Route("/studies/{name}/batch", self.start_batch, methods=["POST"]),
            Route("/studies/{name}/stop", self.stop_batch, methods=["POST"]),
            Route("/studies/{name}/progress", self.show_progress, methods=["GET"]),
            Route("/studies/{name}/batch.csv", self.download, methods=["GET"]),
            Route("/studies/{name}/{action:str}", self.change, methods=["POST"]),
            *(Route(f"/{name}", self._serve_text(*text), methods=["GET"]) for name, text in self._list_texts().items()),
        ]
        handlers: dict[Any, Callable[[Request, Any], Any]] = {
            BatteryMIError: self._show_problem,
            HTTPException: self._show_refused,
            404: self._show_missing,
            500: self._show_unexpected,
        }
        within = Starlette(routes=[Mount(f"/{token}", routes=routes)], exception_handlers=handlers, lifespan=self._live)
        self.app = Guard(within, token, port, lambda text, status: self._answer(self.pages.show_problem(text, status)))

    @contextlib.asynccontextmanager
    async def _live(self, app: Starlette) -> AsyncIterator[None]:
        """Keep the process beside for as long as the server runs."""
        self.jobs.open()
        try:
            yield
        finally:
            self.jobs.close()

    def _list_texts(self) -> dict[str, tuple[Callable[[], str], str]]:
        """Return the files that pages need, by name, with their kinds."""

        def read_own(name: str) -> str:
            return (TEMPLATES / name).read_text(encoding="utf-8")

        return {
            "style.css": (lambda: read_part("report.css") + read_own("app.css"), "text/css"),
            "app.js": (lambda: read_part("charts.js") + read_own("app.js"), "text/javascript"),
            "plotly.js": (read_library, "text/javascript"),
        }

    def _serve_text(self, read: Callable[[], str], kind: str) -> Callable[[Request], Response]:
        """Return a handler that serves a file of the package."""

        def serve(request: Request) -> Response:
            return Response(read(), media_type=kind, headers={"cache-control": "private, max-age=3600"})

        return serve

    def _serve(self, make: Callable[[Request], Page]) -> Callable[[Request], Any]:
        """Return a handler that makes a page off the event loop."""

        async def serve(request: Request) -> Response:
            return self._answer(await run_in_threadpool(make, request))

        return serve

    def _answer(self, page: Page) -> Response:
        """Return a page as a response."""
        if page.goes_to:
            return RedirectResponse(f"{self.pages.root}/{page.goes_to}", page.status)
        return HTMLResponse(page.html, page.status)

    async def change(self, request: Request) -> Response:
        """Do what a form of a study's page says, and fit models to what it has become, while the user reads."""
        action, name = request.path_params["action"], request.path_params["name"]
        if action not in ("results", "cells", "settings"):
            return await self._show_missing(request, OutputError(action))
        page = await run_in_threadpool(self.pages.change, name, action, await read_form(request))
        if page.goes_to:
            self.jobs.prepare(name)
        return self._answer(page)

    async def start_study(self, request: Request) -> Response:
        """Write the study that was guessed, and fit its models while the user reads."""
        page = await run_in_threadpool(self.pages.start_study, await read_form(request))
        if page.goes_to:
            self.jobs.prepare(page.study)
        return self._answer(page)

    def _show_draft(self, request: Request) -> Page:
        """Return what is guessed of a table."""
        return self.pages.show_draft(request.query_params)

    def _show_study(self, request: Request) -> Page:
        """Return the page of a study."""
        return self.pages.show_study(request.path_params["name"], request.query_params)

    async def take_table(self, request: Request) -> Response:
        """Keep a table that was dropped."""
        async with request.form(max_files=MOST_FILES, max_fields=8, max_part_size=MOST_FIELD_BYTES) as form:
            files = [file for file in form.getlist("file") if isinstance(file, UploadFile) and file.filename]
            if not files:
                raise TableError("No table was chosen; drop a file, or choose one")
            if len(files) > 1:
                raise TableError(f"{len(files)} files were dropped; drop one table at a time. None was kept")
            file = files[0]
            name, data = str(file.filename), await file.read()
        return self._answer(await run_in_threadpool(self.pages.take_table, name, data))

    async def start_batch(self, request: Request) -> Response:
        """Begin a batch; here, in the main thread, since the system ends the process beside with its thread."""
        name, form = request.path_params["name"], await read_form(request)
        try:
            await run_in_threadpool(self.pages.check_batch, name, form)
            page = self.pages.start_batch(name, form)
        except BatteryMIError as error:
            problem = str(error)
            page = await run_in_threadpool(lambda: self.pages.show_study(name, {}, problem=problem, status=409))
        return self._answer(page)

    async def stop_batch(self, request: Request) -> Response:
        """Break off the batch that is being made."""
        name = request.path_params["name"]
        if (job := self.jobs.find()) and job.study == name:
            self.jobs.stop()
        return self._answer(Page(goes_to=f"studies/{name}", status=303))

    async def show_progress(self, request: Request) -> Response:
        """Return how far a batch is."""
        job = self.jobs.find()
        if job is None or job.study != request.path_params["name"]:
            return JSONResponse({"running": False})
        return JSONResponse({"running": True, "seconds": round(job.seconds), "line": self.jobs.read_last_line(job)})

    async def download(self, request: Request) -> Response:
        """Return the last batch as CSV."""
        name, data = await run_in_threadpool(self.pages.read_batch, request.path_params["name"])
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response(data, media_type="text/csv; charset=utf-8", headers=headers)

    async def _show_problem(self, request: Request, error: Exception) -> Response:
        """Return a page with the message of a mistake."""
        return self._answer(self.pages.show_problem(str(error)))

    async def _show_missing(self, request: Request, error: Exception) -> Response:
        """Return a page that says that there is none."""
        return self._answer(self.pages.show_problem("There is no such page.", 404))

    async def _show_refused(self, request: Request, error: HTTPException) -> Response:
        """Return a page that says why a request is not one of the app's."""
        return self._answer(
            self.pages.show_problem(f"The app cannot read this request: {error.detail}", error.status_code)
        )

    async def _show_unexpected(self, request: Request, error: Exception) -> Response:
        """Return a page without the traceback, which the terminal has."""
        return self._answer(self.pages.show_problem(UNEXPECTED, 500))


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form, of equal names the last."""
    async with request.form(max_files=0, max_fields=MOST_FIELDS, max_part_size=MOST_FIELD_BYTES) as form:
        return {key: value for key, value in form.items() if isinstance(value, str)}


def run_server(folder: Path, port: int) -> None:
    """Serve the app until Ctrl-C.

    Args:
        folder: of the project, in which this process works.
        port: where to listen; 0 takes a free one.

    Raises:
        OutputError: if the port cannot be had.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise OutputError(f"--port {port}: {error.strerror}; leave it out to take a free one") from None
        listener.listen()
        port, token = listener.getsockname()[1], token_urlsafe(24)
        server = Server(folder, token, port)
        settings = uvicorn.Config(server.app, log_level="warning", access_log=False, server_header=False, ws="none")
        write_out(f"Open http://{HOST}:{port}/{token}/\nFor this machine alone; Ctrl-C ends it, and nothing is lost.\n")
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run(sockets=[listener])
