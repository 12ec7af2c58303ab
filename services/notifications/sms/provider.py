"""The provider that the settings name: `aliyun://…` or `https://…`, as `SMTP_URL` names the mail server."""

from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from services.notifications.sms import Provider
from services.notifications.sms.aliyun import Aliyun
from services.notifications.sms.gateway import Gateway
from services.notifications.sms.templates import Templates

SCHEMES = ("aliyun", "https", "aliyun+http", "http")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


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
    if parts.scheme.startswith("aliyun"):
        return _aliyun(parts, host, options, templates)
    return _gateway(parts, host, options)


def _aliyun(parts: SplitResult, host: str, options: dict[str, str], templates: str) -> Aliyun:
    if not parts.username or not parts.password:
        raise ValueError("must have the AccessKey's id and secret: aliyun://ID:SECRET@…")
    if not options.get("sign"):
        raise ValueError("must name the registered sign: …?sign=…")
    _only(options, "sign")
    scheme = "http" if parts.scheme == "aliyun+http" else "https"
    key_id, secret = unquote(parts.username), unquote(parts.password)
    return Aliyun(f"{scheme}://{host}", key_id, secret, options["sign"], Templates.read(templates))


def _gateway(parts: SplitResult, host: str, options: dict[str, str]) -> Gateway:
    if not parts.username:
        raise ValueError("must have the gateway's token: https://TOKEN@…")
    _only(options, "repeats", "sign")
    if options.get("repeats", "safe") != "safe" or options.get("sign", "provider") != "provider":
        raise ValueError("knows repeats=safe and sign=provider only")
    return Gateway(
        f"{parts.scheme}://{host}{parts.path or '/'}",
        unquote(parts.username),
        signs="sign" in options,
        repeats="repeats" in options,
    )


def _only(options: dict[str, str], *known: str) -> None:
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(f"has an option that is not known: {unknown[0]}")
