"""The portal's own tables: people, what they may, what they prepare, and what happened.

No figure of a return is kept here but inside a draft, sealed under the draft's own key; what was
accepted stands in the ledger alone. Instants are UTC.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models

from evaluation.portal.sealed import SealedJson, SealedText

LOCAL = "local"
"""The issuer of accounts of the portal's own; a service that signs people in is named by its
address."""


class Person(AbstractBaseUser):
    """Somebody who may sign in; known by the issuer and the subject, never by the address alone.

    ``issued_by`` and ``subject`` name the account; of an own account the subject is the address in
    small letters. ``name`` is what stands on receipts and in the programme's ``people``.
    ``second_factor`` is the shared secret of an authenticator, ``last_step`` the last thirty
    seconds for which one of its codes was used: no code is taken twice.
    """

    issued_by = models.TextField(default=LOCAL)
    subject = models.TextField()
    name = models.TextField()
    email = models.TextField()
    second_factor = models.TextField(default="", blank=True)
    last_step = models.BigIntegerField(default=0)
    locked = models.BooleanField(default=False)
    began = models.DateTimeField()

    USERNAME_FIELD = "subject"

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["issued_by", "subject"], name="one_account_each"),
            models.UniqueConstraint(fields=["name"], name="one_name_each"),
        )

    @property
    def is_active(self) -> bool:
        return not self.locked

    def __str__(self) -> str:
        return str(self.name)


class Grant(models.Model):
    """A role for a time: who gave it and why, from when and until when.

    None is ever changed but to end it.
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    role = models.TextField()
    site = models.TextField(default="", blank=True)
    agency = models.TextField(default="", blank=True)
    given_by = models.TextField()
    reason = models.TextField()
    begins = models.DateTimeField()
    ends = models.DateTimeField()


class Invitation(models.Model):
    """A link that works once: to begin an account, or to choose a new password.

    Only the hash of its token is kept; a link that is sent by mail is made when it is sent.
    """

    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    kind = models.TextField()
    token_hash = models.TextField(default="", blank=True, db_index=True)
    made_by = models.TextField()
    made = models.DateTimeField()
    ends = models.DateTimeField()
    used = models.DateTimeField(null=True)


class Draft(models.Model):
    """An uploaded file on its way: checked, perhaps answered, perhaps submitted.

    ``state``: ``ready`` to be looked at, ``submitting`` while the ledger is asked, ``submitted``
    with its ``return_id``, ``replaced`` by a later file of the same return, ``discarded``.
    ``report`` is what ``newstart check --json`` prints of the file, ``text`` what it prints for
    people. ``shared``: the sender lets the programme's team see it. ``stored`` is the file's random
    name, ``asked_after`` how many returns the ledger held when it
    was asked: a return of this file that came later is this draft's.
    """

    number = models.TextField(unique=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT)
    programme = models.TextField()
    site = models.TextField()
    agency = models.TextField()
    quarter = models.TextField()
    file_name = models.TextField()
    file_sha256: Any = SealedText()
    size = models.IntegerField()
    stored = models.TextField()
    rows = models.IntegerField()
    report: Any = SealedText()
    text: Any = SealedText()
    changes: Any = SealedJson(default=list)
    totals: Any = SealedJson(default=list)
    shared = models.BooleanField(default=False)
    state = models.TextField(default="ready")
    asked_after = models.IntegerField(null=True)
    return_id = models.TextField(default="", blank=True)
    made = models.DateTimeField()
    ends = models.DateTimeField()

    @property
    def number_of_draft(self) -> str:
        """Under whose key the row is sealed."""
        return str(self.number)


class Answer(models.Model):
    """Why a figure that was questioned in a draft is right, in words."""

    draft = models.ForeignKey(Draft, on_delete=models.CASCADE, related_name="answers")
    rule = models.TextField()
    cell = models.TextField(default="", blank=True)
    asked: Any = SealedText()
    value: Any = SealedText(default="", blank=True)
    reason: Any = SealedText()

    @property
    def number_of_draft(self) -> str:
        """Under whose key the row is sealed."""
        return str(self.draft.number)


class Withdrawal(models.Model):
    """A request to withdraw an accepted return, and what a second person decided."""

    number = models.TextField(unique=True)
    return_id = models.TextField()
    site = models.TextField()
    agency = models.TextField()
    quarter = models.TextField()
    reason = models.TextField()
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="asked")
    asked = models.DateTimeField()
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="said")
    decided = models.DateTimeField(null=True)
    state = models.TextField(default="asked")
    act_id = models.TextField(default="", blank=True)


class Event(models.Model):
    """Something that happened; only ever added, each bound to the one before it."""

    at = models.DateTimeField()
    who = models.TextField()
    what = models.TextField(db_index=True)
    about = models.TextField(default="", blank=True)
    size = models.BigIntegerField(default=0)
    previous = models.TextField()
    chain = models.TextField(unique=True)


class Outgoing(models.Model):
    """Something to send or to do later: a mail, a run of a study."""

    kind = models.TextField()
    to = models.TextField(default="", blank=True)
    content: Any = models.JSONField(default=dict)
    due = models.DateTimeField()
    tries = models.IntegerField(default=0)
    state = models.TextField(default="waiting", db_index=True)
    said = models.TextField(default="", blank=True)
    done = models.DateTimeField(null=True)


class Reminder(models.Model):
    """A reminder that was put into the outbox, so that none is sent twice."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    site = models.TextField()
    agency = models.TextField()
    quarter = models.TextField()
    days = models.IntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person", "site", "agency", "quarter", "days"], name="reminded_once"
            ),
        )
