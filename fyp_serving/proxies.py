"""Which reverse proxies are trusted to state the address of a visitor."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from fyp_media.errors import InputError

VARIABLE = "FYP_TRUSTED_PROXIES"
# Only the proxies of Hugging Face reach a Space, and their addresses are private ones. Each appends the address for
# which it forwards: the last address that is not private is the visitor's, whatever the visitor has written before it.
_OF_SPACES = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,127.0.0.0/8,fc00::/7,::1"


def trusted_proxies(environment: Mapping[str, str]) -> str:
    """Proxies whose ``X-Forwarded-For`` is trusted, as uvicorn's ``forwarded_allow_ips``: addresses and networks with
    commas.

    They are those of FYP_TRUSTED_PROXIES; by default none, and on Hugging Face private networks.

    Raises:
        InputError: one of them is no address and no network.
    """
    default = _OF_SPACES if "SPACE_ID" in environment else ""
    proxies = [proxy.strip() for proxy in environment.get(VARIABLE, default).split(",") if proxy.strip()]
    for proxy in proxies:
        try:
            ipaddress.ip_network(proxy)
        except ValueError as error:
            raise InputError(
                f"{VARIABLE} cannot be used: {error}; give addresses and networks such as 127.0.0.1,10.0.0.0/8."
            ) from None
    return ",".join(proxies)
