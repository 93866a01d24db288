"""Results of which a test cares for a part, made whole: what it leaves out is empty."""

from __future__ import annotations

import types
from collections import abc
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin

from evaluation.study.accounts_record import Accounts
from evaluation.study.record import Results
from evaluation.study.written import Written


def completed(model: type[Written], data: Mapping[str, Any]) -> dict[str, Any]:
    """The data in the order of the model, with every field that a file of it has to have."""
    found = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in data:
            found[key] = _completed(field.annotation, data[key])
        elif field.is_required():
            found[key] = _empty(field.annotation)
    unknown = set(data) - set(found) - {name for name in model.model_fields if name in data}
    return found | {key: data[key] for key in unknown}


def study_results(**parts: Any) -> Results:
    """The results of a study as a page reads them."""
    return Results.model_validate(completed(Results, parts))


def accounts(data: Mapping[str, Any]) -> Accounts:
    """Accounts as a page reads them."""
    return Accounts.model_validate(completed(Accounts, data))


def _written(kind: Any) -> type[Written] | None:
    if isinstance(kind, type) and issubclass(kind, Written):
        return kind
    return next((found for arm in get_args(kind) if (found := _written(arm))), None)


def _completed(kind: Any, value: Any) -> Any:
    model = _written(kind)
    if model is None or value is None:
        return value
    if isinstance(value, list | tuple):
        return [completed(model, one) for one in value]
    if get_origin(kind) is abc.Mapping:
        return {key: _completed(get_args(kind)[1], one) for key, one in value.items()}
    return completed(model, value)


def _empty(kind: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if type(None) in get_args(kind) else _empty(get_args(kind)[0])
    if origin is Literal:
        return get_args(kind)[0]
    if origin is tuple:
        arms = get_args(kind)
        return [] if Ellipsis in arms else [_empty(arm) for arm in arms]
    if isinstance(kind, type) and issubclass(kind, Written):
        return completed(kind, {})
    return kind() if isinstance(kind, type) else {}
