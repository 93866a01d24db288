"""Signing in by a service that proves who somebody is (OpenID Connect), and nothing more than that.

What the service says is believed of who it is alone: issuer and subject. What a person may stands
in the portal's own grants, whatever a token claims. Every way in which a service can be wrong, be
it down, slow, another than it was or an attacker's, ends in `SignOnRefused` with what to do.

Sources: OpenID Connect Core 1.0 (3.1.2, 3.1.3.7, 10.1), Discovery 1.0 (4.3), RFC 7523 (private_key_
jwt), RFC 7636 (PKCE), RFC 8725 (JWT best practice), RFC 9207 (issuer in the answer).
"""

from __future__ import annotations

import hmac
import json
import math
import os
import re
import secrets
import stat
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

from evaluation.errors import UserError, WorkspaceError
from evaluation.quarters import now

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, RSAKey

ALGORITHMS: Mapping[str, str] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
"""By which a token may be signed, each with its kind of key: never none, never a shared secret."""
PATIENCE = 10
"""Seconds that the service has for an answer, and for all of it."""
LEEWAY = 60
"""Seconds by which its clock may be wrong."""
MOST_BYTES, MOST_TOKEN = 512 * 1024, 16 * 1024
_KEPT = 3_600  # seconds for which what the service says of itself is not asked again
_OLDEST = 600  # seconds since a token was made, beyond the leeway
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)
AGAIN = "Begin again at Sign in."
_ASK = "Ask whoever runs this portal: it is set for another service than the one that answered."
_LATER = "Nothing was done. Try again in a few minutes; what you uploaded before is kept."


class SignOnRefused(UserError):
    """Somebody is not signed in by the service; what it is for and what to do is said."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that signs people in, as the portal is set to use it.

    Attributes
    ----------
    issuer : its name, an address; ``{tenantid}`` in it stands for one of ``tenants``.
    client : how it knows this portal. name : how people know it.
    secret, keys : what the portal proves itself with, one of the two; keys are PEM texts, the first
        of which signs.
    scope : what is asked for. subject : the claim by which a person is known, ``sub`` or ``oid``.
    tenants : whose people are let in, where the service serves many (Entra's ``tid``).
    trust : the level asked for by ``vtr``, which has to come back as ``vot`` (GOV.UK One Login).
    second_factor : whether a token that says so spares the portal's own code.
    """

    issuer: str
    client: str
    name: str
    secret: str = ""
    keys: tuple[str, ...] = ()
    scope: str = "openid email"
    subject: str = "sub"
    tenants: tuple[str, ...] = ()
    trust: str = ""
    second_factor: bool = False


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A sign-in on its way: what the browser's session keeps until the service sends it back."""

    address: str
    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, kw_only=True)
class Proven:
    """Who somebody is, by the service.

    strong : whether it asked for a second factor, as far as it says. leave : where its own session
    is ended; "" where it has no such page.
    """

    issuer: str
    subject: str
    strong: bool
    leave: str


def service_from_environment() -> Service | None:
    """The service that ``NEWSTART_PORTAL_OIDC_*`` names; None where none is named.

    Raises
    ------
    WorkspaceError : it is not encrypted, or a setting is missing or impossible.
    """
    issuer = _setting("ISSUER")
    if not issuer:
        return None
    if not _is_safe(issuer):
        raise WorkspaceError(
            "the service that signs people in would be asked without encryption.",
            where=f"NEWSTART_PORTAL_OIDC_ISSUER={issuer}",
            expected="https://..., as its own discovery document names it",
        )
    secret, keys = _private("SECRET_FILE").strip(), tuple(_PEM.findall(_private("KEY_FILE")))
    if not _setting("CLIENT") or bool(secret) == bool(keys):
        raise WorkspaceError(
            "how this portal proves itself to the service is not said.",
            where="NEWSTART_PORTAL_OIDC_CLIENT",
            expected="a client's name, and either NEWSTART_PORTAL_OIDC_KEY_FILE (PEM, RSA or EC "
            "P-256) or NEWSTART_PORTAL_OIDC_SECRET_FILE",
        )
    service = Service(
        issuer=issuer,
        client=_setting("CLIENT"),
        name=_setting("NAME") or urlsplit(issuer).hostname or issuer,
        secret=secret,
        keys=keys,
        scope=_setting("SCOPE") or Service.scope,
        subject=_setting("SUBJECT") or Service.subject,
        tenants=tuple(one.strip() for one in _setting("TENANTS").split(",") if one.strip()),
        trust=_setting("TRUST"),
        second_factor=_setting("SECOND_FACTOR") == "yes",
    )
    for pem in keys:
        _client_key(pem)
    return service


def _setting(name: str) -> str:
    return os.environ.get(f"NEWSTART_PORTAL_OIDC_{name}", "").strip()


def _private(name: str) -> str:
    """The text of a file that nobody else may read; "" where none is named."""
    named = _setting(name)
    if not named:
        return ""
    path = Path(named)
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise WorkspaceError(
                "others on this machine can read what the portal proves itself with.",
                where=named,
                expected="a file of mode 0600",
                mend=f"chmod 600 {named}, and have the service take another one",
            )
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WorkspaceError(
            f"the file cannot be read ({error.strerror}).", where=f"NEWSTART_PORTAL_OIDC_{name}"
        ) from None


def _is_safe(address: str) -> bool:
    """Whether what is sent to an address is encrypted, or does not leave this machine."""
    parts = urlsplit(address)
    if parts.username or parts.fragment or not parts.hostname:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def begin(service: Service, back: str) -> Begun:
    """Where somebody goes to sign in, and what has to be remembered until they are back.

    Parameters
    ----------
    back : the portal's own address to which the service sends them.

    Raises
    ------
    SignOnRefused : the service does not answer, or not as one.
    """
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    asked = {
        "response_type": "code",
        "client_id": service.client,
        "redirect_uri": back,
        "scope": service.scope,
        "state": state,
        "nonce": nonce,
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
    }
    if service.trust:
        asked["vtr"] = json.dumps([service.trust])
    address = str(_described(service)["authorization_endpoint"])
    joined = "&" if urlsplit(address).query else "?"
    return Begun(
        address=f"{address}{joined}{urlencode(asked)}", state=state, nonce=nonce, verifier=verifier
    )


def finish(service: Service, back: str, begun: Begun, code: str, *, issuer: str = "") -> Proven:
    """Who came back, by the token that the service gives for a code that works once.

    Parameters
    ----------
    issuer : who sent the code, where the answer says so (RFC 9207).

    Raises
    ------
    SignOnRefused : the code is not taken, or the token is not one for this portal, now, from there.
    """
    described = _described(service)
    # Where every answer names its service, one that does not is of another (RFC 9207, 2.4).
    named = described.get("authorization_response_iss_parameter_supported") is True
    known = [_issuer(service, described, one) for one in service.tenants or ("",)]
    if (issuer or named) and issuer not in known:
        raise SignOnRefused("another service than the one that was asked answered.", mend=AGAIN)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": begun.verifier,
    }
    answer = _ask("POST", str(described["token_endpoint"]), **_proof(service, described, form))
    token = answer.get("id_token")
    if not isinstance(token, str):
        # What went wrong is the service's word, and it may be anything: it is not repeated.
        raise SignOnRefused(
            "the service did not take the sign-in: it was used already, or took too long.",
            mend=AGAIN,
        )
    claims = _claims(service, described, token)
    subject = _believed(service, described, claims, begun.nonce)
    methods = claims.get("amr")
    return Proven(
        issuer=str(claims["iss"]),
        subject=subject,
        strong=bool(service.trust) or (isinstance(methods, list) and "mfa" in methods),
        leave=_leave(service, described, back, token),
    )


def _proof(service: Service, described: Mapping[str, Any], form: dict[str, str]) -> dict[str, Any]:
    """The form, and what proves that this portal sends it: a signed assertion, or a secret."""
    if not service.keys:
        taken = described.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in taken:
            # Each part is encoded before both are joined (RFC 6749, 2.3.1): a secret may hold signs
            # that mean something there, or that Latin 1 has not.
            return {"data": form, "auth": (quote(service.client, ""), quote(service.secret, ""))}
        return {"data": form | {"client_id": service.client, "client_secret": service.secret}}
    from authlib.oauth2.rfc7523 import private_key_jwt_sign

    key = _client_key(service.keys[0])
    assertion = private_key_jwt_sign(
        key,
        service.client,
        str(described["token_endpoint"]),
        alg="RS256" if key.key_type == "RSA" else "ES256",
        header={"kid": key.thumbprint()},
        expires_in=120,
    )
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    proof = {"client_assertion_type": kind, "client_assertion": assertion}
    return {"data": form | {"client_id": service.client} | proof}


def _client_key(pem: str) -> RSAKey | ECKey:
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    for kind in (RSAKey, ECKey):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private and (isinstance(key, RSAKey) or key.curve_name == "P-256"):
            return key
    raise WorkspaceError(
        "the portal's key for the service is none that signs.",
        where="NEWSTART_PORTAL_OIDC_KEY_FILE",
        expected="a private RSA key, or an EC key on P-256, as PEM without a password",
    )


def public_keys(service: Service) -> dict[str, Any]:
    """The public halves of the portal's keys, as a service may read them from its address.

    A second key in the file is listed beside the one that signs, so that it can be changed without
    an hour in which nobody can sign in.
    """
    keys = [_client_key(pem) for pem in service.keys]
    return {
        "keys": [
            dict(key.as_dict(private=False))
            | {
                "kid": key.thumbprint(),
                "use": "sig",
                "alg": "RS256" if key.key_type == "RSA" else "ES256",
            }
            for key in keys
        ]
    }


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What a service said of itself, and when it was asked, in seconds of a monotonic clock."""

    content: dict[str, Any]
    at: float


_kept: dict[str, _Kept] = {}


def forget() -> None:
    """Ask every service anew what it says of itself."""
    _kept.clear()


def _remembered(address: str, *, anew: bool = False) -> dict[str, Any]:
    """A document of a service, asked for once an hour, or anew."""
    held = _kept.get(address)
    if held is None or anew or time.monotonic() - held.at > _KEPT:
        held = _kept[address] = _Kept(content=_ask("GET", address), at=time.monotonic())
    return held.content


def _described(service: Service) -> dict[str, Any]:
    """What the service says of itself, if it is the one that the portal is set for."""
    # Entra describes the service that lets in several organisations under this name.
    issuer = service.issuer.replace("{tenantid}", "organizations")
    address = issuer.rstrip("/") + "/.well-known/openid-configuration"
    found = _remembered(address)
    ends = [found.get(f"{one}") for one in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
    whole = all(isinstance(one, str) and _is_safe(one) for one in ends)
    if not whole or found.get("issuer") != service.issuer:
        _kept.pop(address, None)
        raise SignOnRefused(
            "the service says that it is another one, or does not say where people sign in.",
            mend=_ASK,
        )
    return found


def _ask(method: str, address: str, **given: Any) -> dict[str, Any]:
    """A service's answer as an object; never more of it than it may say, nor longer than it may.

    Raises
    ------
    SignOnRefused : it does not answer, or something else than an object of JSON.
    """
    import requests
    from urllib3.exceptions import HTTPError

    until = time.monotonic() + PATIENCE
    try:
        with (
            requests.Session() as session,
            closing(
                session.request(
                    method,
                    address,
                    timeout=PATIENCE,
                    stream=True,
                    allow_redirects=False,
                    headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                    **given,
                )
            ) as answer,
        ):
            held = bytearray()
            # By whatever has come: a service that sends a letter a second holds nobody up.
            while part := answer.raw.read1(65_536, decode_content=True):
                held += part
                if len(held) > MOST_BYTES or time.monotonic() > until:
                    raise SignOnRefused(
                        "the service that signs people in answers too slowly, or too much.",
                        mend=_LATER,
                    )
    except (requests.RequestException, HTTPError, OSError):
        raise SignOnRefused(
            "the service that signs people in does not answer.", mend=_LATER
        ) from None
    try:
        found = json.loads(bytes(held).decode("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SignOnRefused("the service that signs people in does not answer as one.", mend=_LATER)
    return found


def _wrong(what: str) -> SignOnRefused:
    return SignOnRefused(f"the service's token is not taken: {what}.", mend=AGAIN)


def _claims(service: Service, described: Mapping[str, Any], token: str) -> dict[str, Any]:
    """What a token says, once its signature is one of the service's own keys."""
    from joserfc import jwt
    from joserfc.errors import JoseError

    header = _header(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise _wrong("it is not signed in a way that can be checked")
    for key in _signers(str(described["jwks_uri"]), ALGORITHMS[algorithm], header.get("kid")):
        try:
            jwt.decode(token, key, algorithms=[algorithm])
        except (JoseError, ValueError, TypeError):
            continue
        return _object(token.split(".")[1])
    raise _wrong("its signature is not the service's")


def _header(token: str) -> dict[str, Any]:
    """The head of a token, to choose a key by; nothing in it is believed."""
    first, dots, _ = token.partition(".")
    if len(token) > MOST_TOKEN or token.count(".") != 2 or not dots or not token.isascii():
        raise _wrong("it is none")
    header = _object(first)
    # A service's other tokens bear its signature too: an access token, or the end of a session,
    # says by its kind that it proves nobody (RFC 8725, 3.11).
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.upper() != "JWT":
        raise _wrong("it is of another kind")
    return header


def _object(part: str) -> dict[str, Any]:
    """A part of a token, in which nothing is said twice: readers differ in which they believe."""

    def once(pairs: Any) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise _wrong("it says something twice")
        return found

    try:
        found = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=once)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _wrong("it is none")
    return found


def _signers(address: str, kind: str, kid: object) -> list[Any]:
    """The service's keys that may have signed: those of the name, asked for anew where none is.

    A token without a key's name is taken where the service has one key of the kind alone (OpenID
    Connect Core 10.1): with several it could not be told by which it is meant to be.
    """
    # Without a name that a key was changed is only noticed by asking anew.
    for anew in (False, True) if kid is not None else (True,):
        keys = _public(_remembered(address, anew=anew), kind)
        found = [key for name, key in keys if kid is None or name == kid]
        if found and (kid is not None or len(found) == 1):
            return found
    raise _wrong("it names none of the service's keys")


def _public(held: Mapping[str, Any], kind: str) -> list[tuple[object, Any]]:
    """The keys of a kind that sign, each with its name; what is no such key is left out."""
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, RSAKey

    found = []
    listed = held.get("keys")
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("kty") != kind or one.get("use", "sig") != "sig":
            continue
        try:
            key = (RSAKey if kind == "RSA" else ECKey).import_key(
                {name: text for name, text in one.items() if name in _OF_A_KEY}
            )
        except (JoseError, ValueError, TypeError):
            continue
        found.append((one.get("kid"), key))
    return found


_OF_A_KEY = frozenset(("kty", "n", "e", "crv", "x", "y"))


def _issuer(service: Service, described: Mapping[str, Any], tenant: object) -> str:
    """What the service calls itself where it signs in people of an organisation (``tid``)."""
    named = str(described["issuer"])
    return named.replace("{tenantid}", str(tenant)) if service.tenants else named


def _believed(
    service: Service, described: Mapping[str, Any], claims: Mapping[str, Any], nonce: str
) -> str:
    """The person's name at the service, if the token is for this portal, from there, and of now."""
    tenant = claims.get("tid")
    if service.tenants and tenant not in service.tenants:
        raise _wrong("it is of an organisation whose people are not let in here")
    if claims.get("iss") != _issuer(service, described, tenant):
        raise _wrong("another service made it")
    _for_us(service, claims)
    _of_now(claims)
    said = claims.get("nonce")
    # Escaped, since JSON can hold halves of signs that no encoding has.
    if not isinstance(said, str) or not hmac.compare_digest(ascii(said), ascii(nonce)):
        raise _wrong("it is of another sign-in")
    if service.trust and claims.get("vot") != service.trust:
        raise _wrong("the service did not ask as much of them as it was to")
    subject = claims.get(service.subject)
    # ASCII by the standard (OpenID Connect Core, 2), and no sign at which a database would stumble.
    if (
        not isinstance(subject, str)
        or not (subject.isascii() and subject.isprintable() and subject.strip())
        or len(subject) > 255
    ):
        raise _wrong("it does not say who it is of")
    return subject


def _for_us(service: Service, claims: Mapping[str, Any]) -> None:
    audience = claims.get("aud")
    readers = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    if service.client not in readers:
        raise _wrong("it is for somebody else")
    if party not in (None, service.client) or (len(readers) > 1 and party is None):
        raise _wrong("it was asked for by somebody else")


def _of_now(claims: Mapping[str, Any]) -> None:
    moment = now().timestamp()
    ends, made, begins = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    if not (_is_instant(ends) and _is_instant(made) and _is_instant(begins)):
        raise _wrong("it does not say of when it is")
    if ends <= moment - LEEWAY:
        raise _wrong("it has expired")
    if max(made, begins) > moment + LEEWAY:
        raise _wrong("it is of a time that has not come")
    if made < moment - _OLDEST - LEEWAY:
        raise _wrong("it was made too long ago")


def _is_instant(value: object) -> TypeGuard[int | float]:
    """Whether a claim is a number of seconds: JSON as Python reads it has NaN and true too."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or math.isfinite(value)


def _leave(service: Service, described: Mapping[str, Any], back: str, token: str) -> str:
    """Where the service's own session is ended too, and how people come back from there."""
    address = described.get("end_session_endpoint")
    if not isinstance(address, str) or not _is_safe(address):
        return ""
    parts = urlsplit(back)
    home = f"{parts.scheme}://{parts.netloc}/sign-in"
    asked = {"id_token_hint": token, "client_id": service.client, "post_logout_redirect_uri": home}
    return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"
