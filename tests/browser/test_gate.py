"""The first ASGI layer: who is refused, and what every answer carries."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from websockets.exceptions import InvalidStatus

from faceloop.ui.access import LAUNCH_TOKEN_S, Access

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN_PATHS = ("/", "/signal", "/assets/entry.js", "/assets/entry.css")
CLOSED_PATHS = (
    "/assets/faceloop.css",
    "/assets/live.js",
    "/session",
    "/nothing",
    "/_nicegui_ws/socket.io",
    "/favicon.ico",
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def app(fake_module: Any, start_app: Any) -> AsyncIterator[Any]:
    """One for all: what is refused leaves nothing behind."""
    async with start_app(fake_module.FakeLive(alerts=False)) as served:
        yield served


def token_of(app: Any) -> str:
    return str(app.url.partition("#")[2])


async def login(app: Any, **changes: Any) -> httpx.Response:
    request: dict[str, Any] = {
        "json": {"token": token_of(app)},
        "headers": {"origin": app.origin, "x-faceloop": "1"},
    }
    request["headers"] = request["headers"] | changes.pop("headers", {})
    async with httpx.AsyncClient(base_url=app.origin) as client:
        return await client.post("/session", **(request | changes))


async def cookie_of(app: Any) -> str:
    answer = await login(app)
    assert answer.status_code == 200
    return str(answer.headers["set-cookie"].partition(";")[0])


async def get(app: Any, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=app.origin) as client:
        return await client.request(method, path, headers=headers)


async def test_without_cookie_only_the_entry_page_is_readable(app: Any) -> None:
    for path in OPEN_PATHS:
        assert (await get(app, path)).status_code == 200, path
    for path in CLOSED_PATHS:
        assert (await get(app, path)).status_code in (401, 403), path
    entry = (await get(app, "/")).text
    assert "whole address" in entry and "zygomaticus" not in entry


async def test_cookie_is_named_by_port_http_only_and_strict(app: Any) -> None:
    answer = await login(app)
    assert re.fullmatch(
        rf"fl_{app.port}=[\w-]{{43}}; Path=/; HttpOnly; SameSite=Strict",
        answer.headers["set-cookie"],
    )


async def test_shown_address_lets_a_second_browser_in_with_a_cookie_of_its_own(app: Any) -> None:
    assert await cookie_of(app) != await cookie_of(app)


async def test_wrong_secret_is_refused(app: Any) -> None:
    answer = await login(app, json={"token": token_of(app)[:-1] + "~"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_key_works_as_long_as_the_app_runs_and_in_no_other() -> None:
    now_s = 100.0
    access = Access(4711, clock_s=lambda: now_s)
    body = f'{{"token": "{access.key}"}}'.encode()
    assert access.redeem(body) is not None
    now_s += 24 * 3600
    assert access.redeem(body) is not None
    assert Access(4711, clock_s=lambda: now_s).redeem(body) is None


async def test_launch_token_works_once() -> None:
    access = Access(4711)
    body = f'{{"token": "{access.new_launch_token()}"}}'.encode()
    assert access.redeem(body) is not None
    assert access.redeem(body) is None


async def test_launch_token_lives_a_minute_and_not_longer() -> None:
    now_s = 100.0
    access = Access(4711, clock_s=lambda: now_s)
    early, late = access.new_launch_token(), access.new_launch_token()
    now_s += LAUNCH_TOKEN_S
    assert access.redeem(f'{{"token": "{early}"}}'.encode()) is not None
    now_s += 0.001
    assert access.redeem(f'{{"token": "{late}"}}'.encode()) is None


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"token": 1}', b'{"token": "\xc3\xa4"}', b"\xff", b"null"]
)
async def test_login_with_any_other_body_is_refused(body: bytes) -> None:
    access = Access(4711)
    access.new_launch_token()
    assert access.redeem(body) is None


async def test_login_body_has_a_limit(app: Any) -> None:
    answer = await login(app, json={"token": token_of(app), "more": "x" * 2000})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "header",
    [
        "",
        "fl_1=x",
        "fl_{port}=",
        "fl_{port}=wrong",
        "fl_{port}=wrong; fl_{port}=worse",
        'a b[=c; =; "',
    ],
)
async def test_wrong_cookie_is_refused(app: Any, header: str) -> None:
    answer = await get(app, "/assets/live.js", cookie=header.format(port=app.port))
    assert answer.status_code == 401


async def raw(app: Any, *headers: str, path: str = "/signal") -> int:
    """Send a request with exactly these headers; return the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", app.port)
    writer.write("\r\n".join((f"GET {path} HTTP/1.1", *headers, "", "")).encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:{other}",
        "localhost",
        "attacker.example:{port}",
        "127.attacker.example:{port}",
        "127.0.0.1.attacker.example:{port}",
        "127.0.0.1.:{port}",
        "0.0.0.0:{port}",
        "[::1]:{port}",
        "LOCALHOST:{port}",
        "user@127.0.0.1:{port}",
        "",
    ],
)
async def test_wrong_host_is_refused(app: Any, host: str) -> None:
    named = "Host: " + host.format(port=app.port, other=app.port + 1)
    rest = [f"Cookie: {await cookie_of(app)}", f"Origin: {app.origin}"]
    good = f"Host: 127.0.0.1:{app.port}"
    upgrade = [
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    ]
    assert await raw(app, good, *rest) == 200
    assert await raw(app, named, *rest) == 403
    assert await raw(app, good, *rest, *upgrade, path="/ws/live") == 101
    assert await raw(app, named, *rest, *upgrade, path="/ws/live") == 403


async def test_two_host_headers_or_none_are_refused(app: Any) -> None:
    cookie, good = f"Cookie: {await cookie_of(app)}", f"Host: 127.0.0.1:{app.port}"
    for hosts in ((good, good), (good, "Host: attacker.example"), ()):
        assert await raw(app, *hosts, cookie) in (400, 403)


async def test_localhost_is_served_too(app: Any) -> None:
    assert (await get(app, "/", host=f"localhost:{app.port}")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://attacker.example"},
        {"origin": "null"},
        {"origin": "http://localhost:{port}"},  # a host of ours, but not this request's
        {"origin": "http://127.0.0.1:1"},
        {"origin": "http://127.0.0.1:{port}.attacker.example"},
        {"origin": "https://127.0.0.1:{port}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-faceloop": "0"},
    ],
)
async def test_login_from_elsewhere_is_refused(app: Any, headers: dict[str, str]) -> None:
    filled = {name: value.format(port=app.port) for name, value in headers.items()}
    assert (await login(app, headers=filled)).status_code == 403
    assert (await login(app)).status_code == 200  # and the token is still good


async def test_login_without_origin_is_refused(app: Any) -> None:
    async with httpx.AsyncClient(base_url=app.origin) as client:
        answer = await client.post(
            "/session", json={"token": token_of(app)}, headers={"x-faceloop": "1"}
        )
    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(app: Any, method: str) -> None:
    cookie = await cookie_of(app)
    answer = await get(app, "/signal", method, cookie=cookie, origin=app.origin)
    assert answer.status_code == 403


async def connect(app: Any, path: str = "/ws/live", **headers: str) -> Any:
    given = {"origin": app.origin} | headers
    return await websockets.connect(
        f"ws://127.0.0.1:{app.port}{path}",
        additional_headers={name: value for name, value in given.items() if value},
        proxy=None,
    )


@pytest.mark.parametrize("path", ["/ws/live", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"])
@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": ""},
        {"cookie": "fl_{port}=wrong"},
        {"origin": ""},
        {"origin": "http://attacker.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:{port}.attacker.example"},
        {"sec-fetch-site": "cross-site"},
    ],
)
async def test_websocket_is_refused_before_it_opens(
    app: Any, path: str, headers: dict[str, str]
) -> None:
    good = {"cookie": await cookie_of(app)}
    filled = {name: value.format(port=app.port) for name, value in headers.items()}
    with pytest.raises(InvalidStatus) as refused:
        await connect(app, path, **(good | filled))
    assert refused.value.response.status_code == 403


async def test_websocket_with_cookie_and_origin_opens(app: Any) -> None:
    async with await connect(app, cookie=await cookie_of(app)) as socket:
        assert (await socket.recv())[:2] == b"\x01\x01"


async def test_every_answer_carries_the_security_headers(app: Any) -> None:
    cookie = await cookie_of(app)
    answers = [
        await get(app, "/"),
        await get(app, "/nothing"),
        await get(app, "/", host="attacker.example"),
        await get(app, "/signal", cookie=cookie),
        await get(app, "/assets/live.js", cookie=cookie),
        await get(app, "/nothing", cookie=cookie),
        await login(app),
    ]
    for answer in answers:
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff", answer.url
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
        assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
        assert "unsafe-inline" not in policy and "unsafe-eval" not in policy
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


async def test_nonce_is_new_each_time_and_covers_all_inline_code(app: Any) -> None:
    cookie = await cookie_of(app)
    nonces = set()
    for _ in range(2):
        answer = await get(app, "/signal", cookie=cookie)
        found = re.search(r"script-src 'self' 'nonce-([\w-]+)'", answer.headers[CSP])
        assert found is not None
        nonces.add(found[1])
        for start in re.findall(r"<(?:script|style)\b[^>]*", answer.text):
            assert f'nonce="{found[1]}"' in start
    assert len(nonces) == 2


async def test_address_that_no_page_has_leads_to_the_first(app: Any) -> None:
    cookie = await cookie_of(app)
    answer = await get(app, "/nothing-here", cookie=cookie, accept="text/html,*/*;q=0.8")
    assert (answer.status_code, answer.headers["location"]) == (307, "/")
    assert (await get(app, "/nothing.js", cookie=cookie)).status_code == 404


CSP = "content-security-policy"


async def test_page_names_no_outside_address(app: Any) -> None:
    page = await get(app, "/signal", cookie=await cookie_of(app))
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//[^\"]*", page.text) == []


@pytest.mark.parametrize(
    "path", ["/assets/../wire.py", "/assets/%2e%2e/wire.py", "/assets/", "/assets/x/live.js"]
)
async def test_assets_are_a_fixed_list(app: Any, path: str) -> None:
    answer = await get(app, path, cookie=await cookie_of(app))
    assert answer.status_code == 404
