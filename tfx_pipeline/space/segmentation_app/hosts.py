"""Protects an app on this machine from other websites' scripts, and closes routes that it does not need."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Routes of Gradio's API that fetch addresses for anyone, or store recordings.
UNUSED_ROUTES = (
    "/gradio_api/file=http",
    "/gradio_api/file/",
    "/gradio_api/proxy=",
    "/gradio_api/process_recording",
)


def is_own_host(host: str, name: str) -> bool:
    """Whether a Host header leads here without a foreign DNS server.

    A website can point its own name at this machine's address, so that a browser treats the app as part of the site
    (DNS rebinding). It cannot do that with an IP address.

    Args:
      host: Such as `localhost:7860`, `127.0.0.1` or `[::1]:80`.
      name: The host that the app listens on.
    """
    try:
        hostname = urlsplit(f"//{host}").hostname or ""
        return hostname in ("localhost", name.lower()) or ipaddress.ip_address(hostname) is not None
    except ValueError:
        return False


class OwnHostOnly:
    """Answers 403 to requests under another host's name, and to those from another website's page."""

    def __init__(self, app: ASGIApp, name: str):
        self._app = app
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host, origin = headers.get("host", ""), headers.get("origin")
            is_foreign_page = origin is not None and urlsplit(origin).netloc != host
            if is_foreign_page or not is_own_host(host, self._name):
                await PlainTextResponse("This app answers in its own name only.", 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


class WithoutUnusedRoutes:
    """Answers 404 on routes that the app does not need."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(UNUSED_ROUTES):
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
            return
        await self._app(scope, receive, send)
