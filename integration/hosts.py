"""Hosts of addresses: which are near, so that nobody elsewhere can be meant by them."""

from __future__ import annotations

from ipaddress import ip_address


def is_near(host: str) -> bool:
    """Tell whether a host is this machine or one of its own network, as far as its name says.

    Examples
    --------
    >>> [is_near(host) for host in ("localhost", "10.0.0.7", "::1", "stipt.example.com")]
    [True, True, True, False]
    """
    if host == "localhost" or not host:
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
