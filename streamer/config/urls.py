"""The address of a vendor's API."""

import ipaddress
import re
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, ValidationInfo

from streamer.config.words import text_of

_HOST = re.compile(r"[A-Za-z0-9._-]+")


def normal_base_url(text: str, *, allow_http: bool) -> str:
    """The URL with its scheme and host in lower case, without a default port and without a slash at the end.

    Raises ValueError for a URL that is no http(s) URL, carries credentials, a query or a fragment, or is not https though it
    leads elsewhere than to this machine and `allow_http` is not set. Credentials are never repeated in the message.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError("is not a URL — write https://HOST or https://HOST/PATH") from None
    if "@" in text:
        raise ValueError("must not hold credentials — they have keys of their own")
    if url.scheme not in ("http", "https") or not _is_host(url.hostname or "") or re.search(r"\s", text):
        raise ValueError(f"{text!r} is not a URL — write https://HOST or https://HOST/PATH")
    if "?" in text or "#" in text:
        raise ValueError("must not hold a query or a fragment — remove all from the '?' or '#' on")
    if url.scheme == "http" and not (allow_http or is_loopback(url.hostname or "")):
        raise ValueError(f"{text!r} is not encrypted — use https, or state allow_http: true")
    return f"{url.scheme}://{_netloc(url, port)}{url.path.rstrip('/')}"


def parse_base_url(value: object, info: ValidationInfo) -> str:
    """`https://HOST` or `https://HOST/PATH`; obeys the field `allow_http` of the same model, which must stand before it."""
    text = text_of(value, "a URL such as https://vendor.example")
    return normal_base_url(text, allow_http=info.data.get("allow_http", True))  # an unreadable flag is reported itself


BaseUrl = Annotated[str, BeforeValidator(parse_base_url)]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_host(host: str) -> bool:
    if ":" not in host:
        return _HOST.fullmatch(host) is not None
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def _netloc(url: SplitResult, port: int | None) -> str:
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return host if port in (None, {"http": 80, "https": 443}[url.scheme]) else f"{host}:{port}"
