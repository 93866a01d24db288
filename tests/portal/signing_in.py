"""The way to a service that signs people in and back, the keys of the tests, what is refused."""

from __future__ import annotations

import html
from typing import Any

from joserfc.jwk import ECKey, RSAKey

from tests.portal.provider import Provider

RSA, RSA_2 = (RSAKey.generate_key(2048) for _ in range(2))
EC, EC_2 = (ECKey.generate_key("P-256") for _ in range(2))
DESCRIPTION = "/.well-known/openid-configuration"


def there(browser: Any, *, at: str = "/sign-in/service") -> str:
    """To the service; where it leads."""
    answer = browser.get(at)
    assert answer.status_code == 302, answer.content.decode()[-900:]
    return str(answer["Location"])


def back(browser: Any, provider: Provider, *, subject: str = "ada", **given: str) -> Any:
    """The whole way there and back."""
    brought = provider.authorise(there(browser), subject)
    return browser.get("/sign-in/back", brought | given)


def has_session(browser: Any) -> bool:
    return bool(browser.get("/account").status_code == 200)


def refused(browser: Any, answer: Any, what: str) -> None:
    """A page that says what it is, and nobody is signed in."""
    text = html.unescape(answer.content.decode())
    assert answer.status_code == 422 and "You are not signed in" in text
    assert what in text, text[-1500:]
    assert not has_session(browser)
    from evaluation.portal.models import Event

    events = Event.objects.filter(what="was not signed in by the service")
    assert events.count() == 1 and what.casefold() in events.get().about.casefold()
