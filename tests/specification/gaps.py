"""Every exception from Mailchimp's specification, and why; there is no other place for one.

The file is of 2022 and has mistakes. What is listed here is allowed just where it is listed; a
complete test run fails when an exception is not used any more, and a test fails when the file does
not need it any more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.specification.document import Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One exception: where the file and Mailchimp differ."""

    name: str
    #: The operations, as "POST /lists/{list_id}/segments" in the file; all of it is matched.
    operations: str
    #: Where in the call, such as ``answer.signing_secret``; all of it is matched.
    path: str
    reason: str
    #: What may stand there.
    allows: Callable[[Any], bool] = lambda _value: True
    #: A call that needs it: operation, query, body, status, answer (see test_specification.py).
    example: dict[str, Any]

    def covers(self, operation: str, fault: Fault) -> bool:
        """Tell whether this is the exception for a fault."""
        return bool(
            re.fullmatch(self.operations, operation)
            and re.fullmatch(self.path, fault.path)
            and self.allows(fault.value)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """An operation that the file lacks, with the one whose body and answer it shares."""

    operation: tuple[str, str]
    like: tuple[str, str]
    reason: str


def _is_error_list(value: Any) -> bool:
    return isinstance(value, list) and all(set(row) == {"field", "message"} for row in value)


_PROBLEM = {
    "type": "https://mailchimp.com/developer/marketing/docs/errors/",
    "title": "Invalid Resource",
    "status": 400,
    "detail": "See the errors.",
    "instance": "995c5cb0-3280-4a6e-808b-3b096d0bb219",
}

GAPS: tuple[Gap, ...] = (
    Gap(
        name="errors by field",
        operations=".*",
        path=r"answer\.errors",
        reason="documented under Errors, and left out of the file's error document",
        allows=_is_error_list,
        example={
            "operation": ("PUT", "/lists/a1/members/0f"),
            "query": {},
            "body": {"email_address": "ada@stipt-demo.shop", "status_if_new": "pending"},
            "status": 400,
            "answer": {**_PROBLEM, "errors": [{"field": "merge_fields.WHY", "message": "no"}]},
        },
    ),
    Gap(
        name="key of signatures",
        operations=r"POST (/lists/\{list_id\}/webhooks|/batch-webhooks)",
        path=r"answer\.signing_secret",
        reason="documented under Webhooks since 2026: shown once, in the answer that creates one",
        allows=lambda value: isinstance(value, str),
        example={
            "operation": ("POST", "/batch-webhooks"),
            "query": {},
            "body": {"url": "https://stipt-demo.shop/hooks"},
            "status": 200,
            "answer": {"id": "a1", "url": "https://stipt-demo.shop/hooks", "signing_secret": "s"},
        },
    ),
    Gap(
        name="conditions of a segment that is changed",
        operations=r"PATCH /lists/\{list_id\}/segments/\{segment_id\}",
        path=r"body\.options\.conditions\[\d+\]",
        reason="the file has a list in a list here; the POST, and every example, has one list",
        allows=lambda value: isinstance(value, dict) and "condition_type" in value,
        example={
            "operation": ("PATCH", "/lists/a1/segments/7"),
            "query": {},
            "body": {
                "name": "Due",
                "options": {
                    "match": "all",
                    "conditions": [
                        {
                            "condition_type": "StaticSegment",
                            "field": "static_segment",
                            "op": "static_is",
                            "value": 1,
                        }
                    ],
                },
            },
            "status": 200,
            "answer": {"id": 7, "name": "Due"},
        },
    ),
)

_STORE = "/ecommerce/stores/{store_id}"
_NEWER = "in 3.0.91 and not in the file (3.0.55): an upsert whose body is that of the POST"
ALIASES: tuple[Alias, ...] = (
    Alias(
        operation=("PUT", f"{_STORE}/products/{{product_id}}"),
        like=("POST", f"{_STORE}/products"),
        reason=_NEWER,
    ),
    Alias(
        operation=("PUT", f"{_STORE}/orders/{{order_id}}"),
        like=("POST", f"{_STORE}/orders"),
        reason=_NEWER,
    ),
)

#: Answers that Mailchimp gives without its error document when it is too busy (documented under
#: "Rate limits and timeouts" and "Errors"); nothing of the file describes them.
BUSY = (403, 429, 500, 502, 503, 504)
