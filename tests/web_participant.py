"""A participant of a class on a cluster, played by HTTP: sign-in, server, kernel, cells. No browser is needed."""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

_POLL_SECONDS = 0.25


class NotAsExpected(Exception):
    """The class answered otherwise than a participant expects; the text says how."""


@dataclass
class WebParticipant:
    """One participant with a browser of their own.

    Args:
        address: of the class, such as http://127.0.0.1:8000.
        id: theirs, once they are in.
        return_code: theirs.
        shown_name: what the class calls them.
    """

    address: str
    id: str = ""
    return_code: str = ""
    shown_name: str = ""
    client: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"}
        # The proxy closes what is idle for seconds; a browser would ask again.
        limits = httpx2.Limits(max_keepalive_connections=0)
        self.client = httpx2.AsyncClient(
            base_url=self.address, headers=headers, follow_redirects=True, timeout=120, trust_env=False, limits=limits
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.aclose()

    def cookie(self, name: str, path: str) -> str:
        """A cookie's value: of two with one name that of the longer path counts, as for a browser."""
        fitting = [cookie for cookie in self.client.cookies.jar if cookie.name == name and path.startswith(cookie.path)]
        return str(max(fitting, key=lambda cookie: len(cookie.path)).value) if fitting else ""

    def cookies(self, path: str) -> str:
        """All that are sent to a path, as a header has them."""
        names = {cookie.name for cookie in self.client.cookies.jar if path.startswith(cookie.path)}
        return "; ".join(f"{name}={self.cookie(name, path)}" for name in sorted(names))

    async def send_form(self, **fields: str) -> httpx2.Response:
        """Fill in the sign-in form and send it."""
        return await self.client.post("/hub/login", data={**await self.hidden_fields(), **fields})

    async def hidden_fields(self) -> dict[str, str]:
        """What the sign-in form sends by itself."""
        form = await self.client.get("/hub/login")
        return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form.text))

    async def sign_in(self, **fields: str) -> None:
        """Come in: with `code` and `name`, or with `return_code`.

        Raises:
            NotAsExpected: they are not let in.
        """
        response = await self.send_form(**fields)
        code = re.search(r'id="return-code">([^<]*)<', response.text)
        name = re.search(r"<bdi>(.*?)</bdi>", response.text)
        if code is None or name is None:
            raise NotAsExpected(f"signing in: status {response.status_code}, {problem_of(response)}")
        self.return_code, self.shown_name = code[1], html.unescape(name[1])
        user = await self.ask_hub("GET", "user")
        self.id = str(user.json()["name"])

    async def ask_hub(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Ask the hub's API as the page does, by cookie."""
        headers = {"X-XSRFToken": self.cookie("_xsrf", "/hub/"), "Referer": f"{self.address}/hub/home"}
        return await self.client.request(method, f"/hub/api/{path}", headers=headers, **options)

    async def state(self) -> dict[str, Any]:
        """What the hub says of them and their server; nothing while it does not answer."""
        with contextlib.suppress(httpx2.HTTPError):
            response = await self.ask_hub("GET", f"users/{self.id}")
            if response.status_code == 200:
                return dict(response.json())
        return {}

    async def start_server(self, seconds: float = 600.0) -> float:
        """Start their server and open it; gives the seconds that it took to be ready.

        Raises:
            NotAsExpected: it does not come up.
        """
        started = time.monotonic()
        while True:
            response = await self.client.get("/hub/spawn")
            if response.status_code != 429:  # Too many at once: a participant tries again.
                break
            await asyncio.sleep(float(response.headers.get("Retry-After", "2")))
        if response.status_code >= 400:
            raise NotAsExpected(f"starting the server: status {response.status_code}, {problem_of(response)}")
        while True:
            state = await self.state()
            server = (state.get("servers") or {}).get("")
            if server and server["ready"]:
                break
            if state and server is None and not state.get("pending") and time.monotonic() - started > 5:
                raise NotAsExpected("the server did not start")
            if time.monotonic() - started > seconds:
                raise NotAsExpected(f"the server is not ready after {seconds:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)
        took = time.monotonic() - started
        response = await self.client.get(f"/user/{self.id}/lab")
        if response.status_code != 200 or not response.url.path.startswith(f"/user/{self.id}/"):
            raise NotAsExpected(f"opening the server: status {response.status_code} at {response.url.path}")
        return took

    async def ask_server(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Ask their server's API as JupyterLab does."""
        return await self._ask_own(method, f"api/{path}", **options)

    async def ask_lab(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Ask JupyterLab's own part of it: workspaces, settings."""
        return await self._ask_own(method, f"lab/api/{path}", **options)

    async def _ask_own(self, method: str, path: str, **options: Any) -> httpx2.Response:
        home = f"/user/{self.id}/"
        headers = {"X-XSRFToken": self.cookie("_xsrf", home), "Referer": f"{self.address}{home}lab"}
        return await self.client.request(method, f"{home}{path}", headers=headers, **options)

    @contextlib.asynccontextmanager
    async def kernel(self) -> AsyncIterator[Kernel]:
        """A kernel of their server, for as long as the block lasts.

        Raises:
            NotAsExpected: there is none.
        """
        response = await self.ask_server("POST", "kernels", json={"name": "python3", "path": "notebooks"})
        if response.status_code != 201:
            raise NotAsExpected(f"starting a kernel: status {response.status_code}, {response.text[:200]}")
        identifier = response.json()["id"]
        path = f"/user/{self.id}/api/kernels/{identifier}/channels"
        url = self.address.replace("http", "ws", 1) + path
        request = HTTPRequest(url, headers={"Cookie": self.cookies(path), "Origin": self.address}, request_timeout=120)
        connection = await websocket_connect(request, max_message_size=64 << 20)
        try:
            yield Kernel(connection)
        finally:
            connection.close()
            await self.ask_server("DELETE", f"kernels/{identifier}")


@dataclass(frozen=True)
class Kernel:
    """A kernel that is connected.

    Args:
        connection: the websocket.
    """

    connection: Any

    async def run(self, code: str, seconds: float = 180.0) -> str:
        """Run a cell; gives what it printed and showed as text.

        Raises:
            NotAsExpected: it raised an exception, or did not end.
        """
        async with asyncio.timeout(seconds):
            return await self._run(code)

    async def _run(self, code: str) -> str:
        identifier = uuid.uuid4().hex
        header = {"msg_id": identifier, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        await self.connection.write_message(json.dumps({**message, "buffers": []}))
        output, status = [], ""
        is_idle = False
        while not (status and is_idle):
            text = await self.connection.read_message()
            if text is None:
                raise NotAsExpected("the kernel's connection was closed")
            answer = json.loads(text)
            if (answer.get("parent_header") or {}).get("msg_id") != identifier:
                continue
            kind, content = answer["header"]["msg_type"], answer["content"]
            if kind == "stream":
                output.append(content["text"])
            elif kind in ("execute_result", "display_data"):
                output.append(content["data"].get("text/plain", ""))
            elif kind == "error":
                output.append("\n".join(content["traceback"]))
            elif kind == "execute_reply":
                status = content["status"]
            elif kind == "status":
                is_idle = content["execution_state"] == "idle"
        if status != "ok":
            raise NotAsExpected(f"the cell failed: {''.join(output)[-2000:]}")
        return "".join(output)


def problem_of(response: httpx2.Response) -> str:
    """Why the sign-in page, or a page of JupyterHub's, says no."""
    match = re.search(r'role="alert"[^>]*>(.*?)</p>', response.text, re.DOTALL)
    return html.unescape(match[1]) if match else re.sub(r"<[^>]+>|\s+", " ", response.text)[-300:]
