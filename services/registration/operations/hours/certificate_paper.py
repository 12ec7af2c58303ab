"""A certificate on paper and for machines, made from what it says and nothing else.

pdf = render(content)               # the same bytes whenever the content is the same
jws = Signer(data).sign(content)    # EdDSA; whoever has the published key can check it without asking us
"""

import base64
import json
import unicodedata
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.common.durations import decimal_hours, duration
from services.common.errors import Kind, Problem, Words
from services.common.typesetting import covered, fonts
from services.registration.operations.hours.qr import svg
from services.registration.personal_data import PersonalData

TEMPLATE = 1
"""The layout that new certificates get. One that was issued keeps its own, so that it is made again as it was."""

FOLDER = Path(__file__).parents[2]
LAYOUTS = {1: FOLDER / "templates" / "certificates" / "certificate.typ"}

UNPRINTABLE = Kind("unprintable", 422, Words("有字无法打印", "A character cannot be printed"))

Content = dict[str, Any]


def render(content: Content) -> bytes:
    """The PDF: tagged, its words can be selected, searched and read aloud. A page takes about 10 ms."""
    issued = date.fromisoformat(content["issued_on"])
    shown = content | {
        "from": _day(content["period_from"]),
        "to": _day(content["period_to"]),
        "issued_on": _day(content["issued_on"]),
        "issued": [issued.year, issued.month, issued.day],
        "lasting": duration(content["minutes"]).zh,
        "records": [r | {"lasting": duration(r["minutes"]).zh} for r in content["records"]],
        "qr": svg(content["url"]),
    }
    compiler = typst.Compiler(font_paths=fonts(), root=str(FOLDER))
    made = compiler.compile(
        input=LAYOUTS[content["template"]].read_bytes(),
        format="pdf",
        sys_inputs={"certificate": json.dumps(shown, ensure_ascii=False)},
        timestamp=datetime(issued.year, issued.month, issued.day, tzinfo=UTC),
        pdf_standards="a-2a",
    )
    assert isinstance(made, bytes)  # noqa: S101 (one document, not a page per file)
    return made


def check_printable(content: Content) -> None:
    """Raise 422 that names the characters which the font lacks: a name must never come out as boxes."""
    words = [content["name"], content["unit"], content["volunteer_number"]]
    words += [
        record[field] for record in content["records"] for field in ("activity", "place", "content", "responsible")
    ]
    used = {letter for letter in "".join(words) if unicodedata.category(letter) not in ("Cc", "Cf")}
    missing = sorted(letter for letter in used if ord(letter) not in covered())
    if missing:
        listed = " ".join(f"{letter} (U+{ord(letter):04X})" for letter in missing)
        raise Problem(
            UNPRINTABLE,
            Words(
                f"字库中没有这些字：{listed}。请改用规范汉字，或请运维人员更换字库。",
                f"The font has no {listed}. Write it with other characters, or ask the operator for another font.",
            ),
        )


class Signer:
    """Signs certificates for machines. The key follows from the installation's one secret, and so survives restarts."""

    def __init__(self, data: PersonalData) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(data.key_for("certificate signature"))

    def sign(self, content: Content) -> str:
        """A JWS in compact form. Its payload is an Open Badge 3.0, as the standard writes one in a JWT: the members of
        the credential at the top, with the registered claims that repeat its issuer, id and first moment."""
        credential = open_badge(content)
        first = datetime.fromisoformat(credential["validFrom"])
        claims = {"iss": credential["issuer"]["id"], "jti": credential["id"], "nbf": int(first.timestamp())}
        public = self.public_key()
        jwk = {name: public[name] for name in ("kty", "crv", "x")}
        head = _base64(json.dumps({"alg": "EdDSA", "typ": "JWT", "kid": public["kid"], "jwk": jwk}).encode())
        body = _base64(json.dumps(credential | claims, ensure_ascii=False).encode())
        return f"{head}.{body}.{_base64(self._key.sign(f'{head}.{body}'.encode()))}"

    def public_key(self) -> dict[str, str]:
        """The key that checks signatures, as a JWK."""
        raw = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = _base64(raw)
        return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "x": x, "kid": x[:16]}


def open_badge(content: Content) -> dict[str, Any]:
    """The certificate as an OpenBadgeCredential (Open Badges 3.0, W3C Verifiable Credentials 2.0). Every member is one
    of these two contexts. Its id lies open in the list of what was revoked, and so holds no code."""
    zone = ZoneInfo(content["zone"])
    return {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": certificate_uri(content["page"], content["number"]),
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "志愿服务证明",
        "issuer": {"id": content["issuer"], "type": ["Profile"], "name": content["unit"]},
        "validFrom": _moment(content["issued_on"], zone),
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "hashed": False,
                    "identityType": "name",
                    "identityHash": content["name"],
                }
            ],
            "licenseNumber": content["number"],
            "creditsEarned": decimal_hours(content["minutes"]),
            "activityStartDate": _moment(content["period_from"], zone),
            "activityEndDate": _moment(content["period_to"], zone, "23:59:59"),
            "achievement": {
                "id": f"{content['issuer']}#volunteer-service",
                "type": ["Achievement"],
                "achievementType": "CommunityService",
                "name": "志愿服务证明",
                "description": f"志愿服务 {duration(content['minutes']).zh}，{len(content['records'])} 次",
                "criteria": {"narrative": "依据志愿服务记录出具"},
            },
        },
        "evidence": [_evidence(record) for record in content["records"]],
        "credentialStatus": {"id": content["revocations"], "type": "1EdTechRevocationList"},
    }


def certificate_uri(page: str, number: str) -> str:
    """By what a certificate is known to machines: where it is verified, without what opens that page."""
    return f"{page}/{number}"


def _evidence(record: dict[str, Any]) -> dict[str, Any]:
    said = (record["day"], record["place"], record["content"], duration(record["minutes"]).zh, record["responsible"])
    return {"type": ["Evidence"], "name": record["activity"], "narrative": "，".join(filter(None, said))}


def _moment(day: str, zone: ZoneInfo, clock: str = "00:00:00") -> str:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=zone).isoformat()


def _day(written: str) -> str:
    day = date.fromisoformat(written)
    return f"{day.year} 年 {day.month} 月 {day.day} 日"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
