"""Who may do what to which thing: one function, ``may``, that every page asks.

What somebody may not do to a thing of others is answered as if the thing were not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from evaluation.quarters import now

if TYPE_CHECKING:
    from evaluation.portal.models import Grant, Person


class Role(StrEnum):
    """What a grant makes of a person, for a time."""

    OFFICER = "officer"
    EVALUATOR = "evaluator"
    CHECKER = "checker"
    PUBLISHER = "publisher"
    ADMIN = "admin"


class Act(StrEnum):
    """What can be done in the portal."""

    SEE_START = "see what is due or waits"
    OWN_ACCOUNT = "change one's own account"
    SEE_RETURN = "see a return, its template and its history"
    SEE_DRAFT = "see a file on its way"
    PREPARE = "upload a return and answer its questions"
    SUBMIT = "submit a return"
    ASK_WITHDRAWAL = "ask that a return be withdrawn"
    AGREE_WITHDRAWAL = "agree to a withdrawal, or refuse it"
    SEE_LETTER = "read a site's letter"
    SEE_PROGRAMME = "see what came in, what is late, and the questions"
    RUN_STUDY = "run a study"
    SEE_PEOPLE = "see people and what they may"
    CHANGE_PEOPLE = "invite people, end grants, lift locks"
    SEE_EVENTS = "read what happened"
    SEE_RELEASES = "see what is to be printed, what was, and who said what"
    ASK_RELEASE = "ask for a release"
    CHECK_RELEASE = "see the counts behind a release, approve it, ask for changes, refuse it"
    WITHDRAW_CELL = "withdraw a printed value"
    PUBLISH = "publish an edition"


@dataclass(frozen=True, kw_only=True)
class Thing:
    """What an act is done to.

    Attributes
    ----------
    site, agency : whose return it is; empty where it is nobody's in particular.
    by : the name of who prepared it, or asked for it.
    shared : whether its sender lets the programme's team see it.
    """

    site: str = ""
    agency: str = ""
    by: str = ""
    shared: bool = False


NOTHING = Thing()
SECOND_FACTOR = frozenset({Role.CHECKER, Role.PUBLISHER, Role.ADMIN})
"""Roles that sign in with a code of an authenticator besides the password."""

# Who gives roles sends nothing and agrees to nothing, whatever else they were given.
_NOT_FOR_ADMINS = frozenset(
    {
        Act.PREPARE,
        Act.SUBMIT,
        Act.ASK_WITHDRAWAL,
        Act.AGREE_WITHDRAWAL,
        Act.RUN_STUDY,
        Act.ASK_RELEASE,
        Act.CHECK_RELEASE,
        Act.WITHDRAW_CELL,
        Act.PUBLISH,
    }
)
_EVERYBODY = frozenset({Act.SEE_START, Act.OWN_ACCOUNT})
_OF_ROLE = {
    Role.OFFICER: frozenset(
        {
            Act.SEE_RETURN,
            Act.SEE_DRAFT,
            Act.PREPARE,
            Act.SUBMIT,
            Act.ASK_WITHDRAWAL,
            Act.AGREE_WITHDRAWAL,
            Act.SEE_LETTER,
        }
    ),
    Role.EVALUATOR: frozenset(
        {
            Act.SEE_RETURN,
            Act.SEE_DRAFT,
            Act.SEE_PROGRAMME,
            Act.RUN_STUDY,
            Act.SEE_LETTER,
            Act.SEE_RELEASES,
            Act.ASK_RELEASE,
        }
    ),
    Role.CHECKER: frozenset(
        {Act.SEE_PROGRAMME, Act.SEE_RELEASES, Act.CHECK_RELEASE, Act.WITHDRAW_CELL}
    ),
    Role.PUBLISHER: frozenset(
        {Act.SEE_RETURN, Act.SEE_PROGRAMME, Act.AGREE_WITHDRAWAL, Act.SEE_RELEASES, Act.PUBLISH}
    ),
    # Who gives roles takes none of the acts that they are for.
    Role.ADMIN: frozenset({Act.SEE_PEOPLE, Act.CHANGE_PEOPLE, Act.SEE_EVENTS}),
}


def may(person: Person | None, act: Act, thing: Thing = NOTHING) -> bool:
    """Whether a person may do this to a thing, by the grants that hold now."""
    if person is None or person.locked:
        return False
    if act in _EVERYBODY:
        return True
    held = grants_of(person)
    if act in _NOT_FOR_ADMINS and any(grant.role == Role.ADMIN for grant in held):
        return False
    return any(_allows(grant, act, thing, person) for grant in held)


def grants_of(person: Person, at: datetime | None = None) -> list[Grant]:
    """The grants that hold now, or held at an instant."""
    moment = at or now()
    return [one for one in person.grants.order_by("id") if one.begins <= moment < one.ends]


def roles_of(person: Person) -> frozenset[Role]:
    """What a person is now."""
    return frozenset(Role(one.role) for one in grants_of(person))


def sends_for(person: Person) -> list[Grant]:
    """The grants by which a person sends returns: one a site and agency."""
    return [one for one in grants_of(person) if one.role == Role.OFFICER]


def _allows(grant: Grant, act: Act, thing: Thing, person: Person) -> bool:
    role = Role(grant.role)
    if act not in _OF_ROLE[role]:
        return False
    # Four eyes: whoever asked for a withdrawal is not the one who agrees to it.
    if act is Act.AGREE_WITHDRAWAL and thing.by == person.name:
        return False
    if role is not Role.OFFICER:
        return act is not Act.SEE_DRAFT or thing.shared
    here = thing.site == grant.site
    # A letter is about a site, and not one agency's.
    return here and (act is Act.SEE_LETTER or thing.agency == grant.agency)
