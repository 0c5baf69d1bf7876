"""The JSON Schema of a segment's document, from the same table that `document.read` goes by."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from segmentation.builder.document import LARGEST, VERSION
from segmentation.builder.vocabulary import ANY, FEATURES, LISTED, OPERATORS, Feature


def json_schema(needs: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of documents.

    It cannot say that the second number of "between" is the larger one, how many conditions there
    may be, and how deep: `read` does.

    Parameters
    ----------
    needs
        Keys of the shop's needs, named in it; left out, any text is one.
    """
    groups = [
        {
            "type": "object",
            "properties": {
                joint: {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/who"}}
            },
            "required": [joint],
            "additionalProperties": False,
        }
        for joint in ("all", "any")
    ]
    negation = {
        "type": "object",
        "properties": {"not": {"$ref": "#/$defs/who"}},
        "required": ["not"],
        "additionalProperties": False,
    }
    asked = [
        schema for feature in FEATURES.values() for schema in _condition_schemas(feature, needs)
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Segment",
        "type": "object",
        "properties": {"version": {"const": VERSION}, "who": {"$ref": "#/$defs/who"}},
        "required": ["version", "who"],
        "additionalProperties": False,
        "$defs": {"who": {"anyOf": [*groups, negation, *asked]}},
    }


def _condition_schemas(feature: Feature, needs: Collection[str]) -> Iterator[dict[str, Any]]:
    any_need = {"type": "string", "minLength": 1}
    need = {"enum": [ANY, *sorted(needs)]} if needs else any_need
    for operator in OPERATORS[feature.kind]:
        properties: dict[str, Any] = {
            "feature": {"const": feature.key, "description": feature.name_en},
            "is": {"const": operator},
            "value": _value_schema(feature, operator, needs),
        }
        if feature.of_need:
            properties["need"] = need
        yield {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }


def _value_schema(feature: Feature, operator: str, needs: Collection[str]) -> dict[str, Any]:
    if feature.kind == "yes_no":
        return {"type": "boolean"}
    if feature.kind in LISTED:
        keys = sorted(needs) if feature.kind == "need" else list(feature.words)
        word = {"enum": keys} if keys else {"type": "string", "minLength": 1}
        return {"type": "array", "minItems": 1, "items": word}
    number: dict[str, Any] = {"type": "integer" if feature.kind == "whole" else "number"}
    number["minimum"] = -LARGEST if feature.least is None else feature.least
    number["maximum"] = LARGEST if feature.most is None else feature.most
    if operator == "between":
        return {"type": "array", "minItems": 2, "maxItems": 2, "items": number}
    return number
