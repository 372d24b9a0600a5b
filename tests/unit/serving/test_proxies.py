"""Whose word is taken for a visitor's address."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from fyp_media.errors import InputError
from fyp_page.job_watch import visitor_at
from fyp_serving.proxies import trusted_proxies

SPACE = {"SPACE_ID": "ann/page"}
NGINX = {"FYP_TRUSTED_PROXIES": "127.0.0.1, 10.1.0.0/16"}


async def tell(request: Request) -> Response:
    assert request.client
    return PlainTextResponse(request.client.host)


@pytest.mark.parametrize(
    ("environment", "peer", "forwarded", "visitor"),
    [
        ({}, "127.0.0.1", "203.0.113.5", "127.0.0.1"),
        ({}, "203.0.113.9", "203.0.113.5", "203.0.113.9"),
        (NGINX, "127.0.0.1", "203.0.113.5", "203.0.113.5"),
        (NGINX, "127.0.0.1", "1.1.1.1, 203.0.113.5, 10.1.2.3", "203.0.113.5"),
        (NGINX, "203.0.113.9", "203.0.113.5", "203.0.113.9"),
        (SPACE, "10.16.3.4", "203.0.113.5", "203.0.113.5"),
        (SPACE, "10.16.3.4", "1.1.1.1, 203.0.113.5, 10.16.9.9", "203.0.113.5"),
        (SPACE, "203.0.113.9", "203.0.113.5", "203.0.113.9"),
        (SPACE | {"FYP_TRUSTED_PROXIES": ""}, "10.16.3.4", "203.0.113.5", "10.16.3.4"),
    ],
)
def test_only_a_trusted_proxy_tells_the_address_and_a_visitor_cannot_make_one_up(
    environment: dict[str, str], peer: str, forwarded: str, visitor: str
) -> None:
    app = ProxyHeadersMiddleware(Starlette(routes=[Route("/", tell)]), trusted_proxies(environment))  # type: ignore[arg-type]
    client = TestClient(app, client=(peer, 5000))  # type: ignore[arg-type]
    assert client.get("/", headers={"X-Forwarded-For": forwarded}).text == visitor


def test_everybody_is_not_trusted_and_a_name_is_no_address() -> None:
    for wrong in ("*", "proxy.example.org", "10.0.0.1/8"):
        with pytest.raises(InputError, match="FYP_TRUSTED_PROXIES"):
            trusted_proxies({"FYP_TRUSTED_PROXIES": wrong})


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.5", "::ffff:203.0.113.5", True),
        ("203.0.113.5", "203.0.113.6", False),
        ("unix", "unix", True),
    ],
)
def test_a_network_of_ipv6_is_one_visitor(one: str, other: str, are_one: bool) -> None:
    assert (visitor_at(one) == visitor_at(other)) == are_one
