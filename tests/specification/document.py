"""Mailchimp's OpenAPI file: which operation a call is, and what does not fit.

Checked with JSON Schema and not with openapi-core, which was tried first: openapi-core refuses the
official file as a whole (a default of the wrong type in it), lets names pass that the file does not
list, and knows nothing of the operations inside a batch. jsonschema-rs says whether a document
fits, as nearly all do, and jsonschema what does not in one that does not fit: it tells more, and
takes a hundred times as long.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # no types
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]  # ships no types

FORMATS = FormatChecker(formats=())


def _is_moment(value: object) -> bool:
    """ISO 8601; "" is how Mailchimp writes a moment that has not been."""
    return not isinstance(value, str) or value == "" or bool(datetime.fromisoformat(value))


FORMATS.checks("date-time", raises=ValueError)(_is_moment)


def _is_moment_or_not(value: str) -> bool:
    try:
        return _is_moment(value)
    except ValueError:
        return False


class Schema:
    """The rules of one document."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._quick = jsonschema_rs.Draft202012Validator(
            schema, validate_formats=True, formats={"date-time": _is_moment_or_not}
        )
        self._slow = Draft202012Validator(schema, format_checker=FORMATS)

    def faults(self, document: Any, root: str) -> Iterator[Fault]:
        """Yield what does not fit."""
        if not self._quick.is_valid(document):
            for error in self._slow.iter_errors(document):
                yield from _as_faults(error, root)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that does not fit: where in the document, which rule, what stands there."""

    path: str
    rule: str
    text: str
    value: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.text}"


@dataclass(frozen=True)
class Operation:
    """One method on one path of the file."""

    method: str
    pattern: str
    described: dict[str, Any]
    file: dict[str, Any]

    @property
    def name(self) -> str:
        """As gaps name it."""
        return f"{self.method} {self.pattern}"

    def in_request(self, query: dict[str, str], body: Any) -> Iterator[Fault]:
        """Yield what is wrong with a request."""
        for name, text in query.items():
            yield from self._in_query(name, text)
        if self._body is None:
            if body is not None:
                yield Fault("body", "none", "the operation has no body", body)
        elif body is None:
            yield Fault("body", "required", "the operation needs a body", body)
        else:
            yield from self._body.faults(body, "body")

    def in_answer(self, status: int, document: Any) -> Iterator[Fault]:
        """Yield what is wrong with an answer; `document` is None where it had no content."""
        responses = self.described["responses"]
        found = responses["default"] if status >= 400 else responses.get(str(status))
        if found is None:
            yield Fault("answer", "status", f"{status} is not listed", status)
        elif "content" not in found:
            if document is not None:
                yield Fault("answer", "none", f"{status} has no content", document)
        else:
            yield from self._schema(str(status), found).faults(document, "answer")

    def _in_query(self, name: str, text: str) -> Iterator[Fault]:
        found = next((p for p in self._parameters if (p["in"], p["name"]) == ("query", name)), None)
        if found is None:
            yield Fault(f"query.{name}", "unlisted", "not a parameter of this operation", text)
            return
        kind = found["schema"].get("type")
        yield from Schema(found["schema"]).faults(_typed(kind, text), f"query.{name}")

    @cached_property
    def _parameters(self) -> list[dict[str, Any]]:
        return list(self.described.get("parameters", []))

    @cached_property
    def _body(self) -> Schema | None:
        found = self.described.get("requestBody")
        if found is not None and "$ref" in found:
            found = self.file["components"]["requestBodies"][found["$ref"].rpartition("/")[2]]
        return None if found is None else _schema(found)

    @cached_property
    def _answers(self) -> dict[str, Schema]:
        return {}

    def _schema(self, status: str, found: dict[str, Any]) -> Schema:
        if status not in self._answers:
            self._answers[status] = _schema(found)
        return self._answers[status]


#: In the tree of paths: any id, and the path that ends here.
_ID, _END = "{}", ""


class Specification:
    """The file, with each operation's rules worked out when they are first needed."""

    def __init__(self, file: dict[str, Any]) -> None:
        self._file = file
        self._known: dict[tuple[str, str], Operation] = {}
        self._paths: dict[str, Any] = {}
        for pattern in file["paths"]:
            node = self._paths
            for word in _words(pattern):
                node = node.setdefault(_ID if word.startswith("{") else word, {})
            node[_END] = pattern

    @classmethod
    def read(cls, path: Path) -> Specification:
        """Read the file."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def pattern(self, path: str) -> str | None:
        """Return the file's path that a real one is an instance of."""
        return _pattern(self._paths, _words(path))

    def operation(self, method: str, pattern: str) -> Operation | None:
        """Return an operation, None where the file has none."""
        described = self._file["paths"].get(pattern, {}).get(method.lower())
        if described is None:
            return None
        key = (method, pattern)
        if key not in self._known:
            self._known[key] = Operation(method, pattern, described, self._file)
        return self._known[key]


def _words(path: str) -> list[str]:
    return path.strip("/").split("/")


def _pattern(node: dict[str, Any], words: list[str]) -> str | None:
    if not words:
        return node.get(_END)
    # A word of the path's own goes before an id: /segments/.. before /{segment_id}/..
    below = [node[key] for key in (words[0], _ID) if key in node]
    return next((found for one in below if (found := _pattern(one, words[1:]))), None)


def closed(value: Any) -> Any:
    """Return an OpenAPI 3.0 schema as a JSON Schema that refuses names it does not list."""
    if isinstance(value, list):
        return [closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: closed(item) for key, item in value.items()}
    if made.pop("nullable", False) is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    if made.get("type") == "object" and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def _schema(found: dict[str, Any]) -> Schema:
    return Schema(closed(found["content"]["application/json"]["schema"]))


def _as_faults(error: ValidationError, root: str) -> Iterator[Fault]:
    path = root + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path
    )
    if error.validator != "additionalProperties":
        yield Fault(path, str(error.validator), _short(error.message), error.instance)
        return
    for name in sorted(set(error.instance) - set(error.schema.get("properties", {}))):
        yield Fault(f"{path}.{name}", "unlisted", "not listed", error.instance[name])


def _short(text: str) -> str:
    return text if len(text) < 300 else f"{text[:200]} ... {text[-100:]}"


def _typed(kind: str | None, text: str) -> Any:
    """What a query's text is as JSON, the text itself where it is not of that kind."""
    if kind == "array":
        return text.split(",")
    if kind in ("integer", "number", "boolean"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
