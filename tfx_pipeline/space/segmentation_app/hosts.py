"""Keeps other websites' scripts away from an app on this machine, and strangers from routes that it does not need."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

# Of Gradio's API: it fetches addresses for anybody, and stores recordings.
UNUSED_ROUTES = (
    "/gradio_api/file=http",
    "/gradio_api/file/",
    "/gradio_api/proxy=",
    "/gradio_api/process_recording",
)


def is_own_host(host: str, name: str) -> bool:
    """Whether a Host header leads here without the help of a foreign DNS server.

    A website can give its own name the address of this machine, and so have a browser take the app for a part of the
    site (DNS rebinding). It cannot do so with an address.

    Args:
      host: Such as `localhost:7860`, `127.0.0.1` or `[::1]:80`.
      name: The host that the app was told to listen at.
    """
    try:
        hostname = urlsplit(f"//{host}").hostname or ""
        return hostname in ("localhost", name.lower()) or ipaddress.ip_address(hostname) is not None
    except ValueError:
        return False


class OwnHostOnly:
    """Answers 403 to requests in another host's name, and to those that another website's page sends."""

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
