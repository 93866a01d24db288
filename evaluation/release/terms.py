"""By which key and policies a programme's figures are released."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from evaluation.disclosure import key as keys
from evaluation.disclosure.key import Key
from evaluation.disclosure.policy import Policy, policy_of
from evaluation.ledger.unreleased import unreleased
from evaluation.programme import Programme
from evaluation.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How a programme's figures are printed.

    open_data : every figure is open data, printed as its source prints it: it is rounded to digits
    that can be read, and nothing is hidden. key_is_public : the figures are invented, and the key
    stands in the code, so that whoever likes can try it.
    """

    key: Key
    policies: Mapping[str, Policy] = field(default_factory=dict)
    open_data: bool = False
    key_is_public: bool = False

    def policy(self, outcome: str) -> Policy:
        """Of an outcome; the rule of the house where it declares none."""
        return self.policies.get(outcome, Policy())


def public_key(programme: str) -> Key:
    """The key of a synthetic programme: public, since it protects nobody."""
    return Key(secret=hashlib.sha256(f"newstart synthetic {programme}".encode()).digest())


def terms_of(workspace: Workspace, programme: Programme) -> Terms:
    """The terms of a programme.

    Raises
    ------
    DisclosureError : its figures are people's and no disclosure key is named.
    """
    policies = {one.code: policy_of(one) for one in programme.outcomes}
    if programme.synthetic:
        key = public_key(programme.name)
        return Terms(key=key, policies=policies, key_is_public=True)
    if unreleased(workspace, programme) is None:
        return Terms(key=public_key(programme.name), open_data=True, key_is_public=True)
    return Terms(key=keys.read(), policies=policies)
