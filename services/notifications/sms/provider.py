"""The providers that the settings name, the wanted one first: `aliyun://…` or `https://…`, with commas between, as
`SMTP_URL` names mail servers."""

import re
from collections import Counter
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from services.notifications.sms import Provider
from services.notifications.sms.aliyun import Aliyun
from services.notifications.sms.gateway import Gateway
from services.notifications.sms.templates import Templates

SCHEMES = ("aliyun", "https", "aliyun+http", "http")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")


def providers_of(urls: str, templates: str) -> list[Provider]:
    """Templates of several accounts stand in the order of the aliyun:// addresses, with ; between; one for all if there
    is one. Raises ValueError with what is wrong, never with a key or token."""
    found: list[Provider] = []
    registered = [part.strip() for part in templates.split(";")]
    for url in (part.strip() for part in urls.split(",")):
        accounts = sum(isinstance(one, Aliyun) for one in found)
        found.append(provider_of(url, registered[min(accounts, len(registered) - 1)]))
    [(name, times)] = Counter(one.name for one in found).most_common(1)
    if times > 1:
        raise ValueError(
            f"two providers are called {name}: give the second a name of its own, with name=… behind the ?"
        )
    accounts = sum(isinstance(one, Aliyun) for one in found)
    if len(registered) > max(accounts, 1):
        raise ValueError("has templates of more accounts than there are aliyun:// addresses")
    return found


def provider_of(url: str, templates: str) -> Provider:
    """Raises ValueError with what is wrong, never with a key or token."""
    try:
        parts, options = urlsplit(url), {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        port = parts.port
    except ValueError:
        raise ValueError("is no URL: write characters like @ : / in keys as %40 %3A %2F") from None
    if parts.scheme not in SCHEMES:
        raise ValueError("must begin with aliyun:// or https://")
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.scheme.endswith("http") and parts.hostname not in LOOPBACK:
        raise ValueError("must be encrypted (aliyun:// or https://): it carries phone numbers and a key")
    host = parts.hostname if port is None else f"{parts.hostname}:{port}"
    if not NAME.fullmatch(options.get("name", "x")):
        raise ValueError("has a name that is not of small letters, digits and -")
    if parts.scheme.startswith("aliyun"):
        return _aliyun(parts, host, options, templates)
    return _gateway(parts, host, options)


def _aliyun(parts: SplitResult, host: str, options: dict[str, str], templates: str) -> Aliyun:
    if not parts.username or not parts.password:
        raise ValueError("must have the AccessKey's id and secret: aliyun://ID:SECRET@…")
    if not options.get("sign"):
        raise ValueError("must name the registered sign: …?sign=…")
    _only(options, "sign", "name")
    scheme = "http" if parts.scheme == "aliyun+http" else "https"
    key_id, secret = unquote(parts.username), unquote(parts.password)
    name = options.get("name", Aliyun.name)
    return Aliyun(f"{scheme}://{host}", key_id, secret, options["sign"], Templates.read(templates), name)


def _gateway(parts: SplitResult, host: str, options: dict[str, str]) -> Gateway:
    if not parts.username:
        raise ValueError("must have the gateway's token: https://TOKEN@…")
    _only(options, "repeats", "sign", "name")
    if options.get("repeats", "safe") != "safe" or options.get("sign", "provider") != "provider":
        raise ValueError("knows repeats=safe and sign=provider only")
    return Gateway(
        f"{parts.scheme}://{host}{parts.path or '/'}",
        unquote(parts.username),
        signs="sign" in options,
        repeats="repeats" in options,
        name=options.get("name", Gateway.name),
    )


def _only(options: dict[str, str], *known: str) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"has an option that is not known: {unknown[0]}")
