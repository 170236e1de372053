"""Bodies that nobody should send: real reviews, broken in one of many ways; and what must be true of every answer."""

import base64
import json
import random
from typing import Any

from tests.properties import random_objects
from tests.support.server import review

Object = dict[str, Any]
JUNK = (
    b"NaN",
    b"-Infinity",
    b"9" * 5000,
    b"1e999",
    b"-",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b'"\\ud800"',
    b'"\\u00',
    b"\x00",
)
DEPTHS = (50, 150, 250, 1000, 20_000)
WRONG: tuple[Any, ...] = (None, [], {}, 0, 1.5, True, "", "x" * 300, ["CREATE"], {"kind": "Pod"}, "\ud800", 10**400)
WAYS = ("flipped", "cut", "retyped", "deep", "spliced", "doubled", "enveloped", "whole")


def body(dice: random.Random) -> tuple[str, bytes]:
    """Return one body, and the way in which it was broken."""
    request = random_objects.request(dice)
    whole = review(request, dice.choice(("v1", "v1beta1")))
    way = dice.choice(WAYS)
    return way, broken(dice, way, whole)


def broken(dice: random.Random, way: str, whole: bytes) -> bytes:
    """Break a review in one way; one that stays whole is the control."""
    if way in ("retyped", "enveloped"):
        return _retyped(dice, way, json.loads(whole))
    at = dice.choice([index for index, byte in enumerate(whole) if byte == ord(":")]) + 1
    if way == "flipped":
        flipped = bytearray(whole)
        for _ in range(dice.randint(1, 8)):
            flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
        whole = bytes(flipped)
    elif way == "cut":
        whole = whole[: dice.randrange(len(whole))]
    elif way == "deep":
        depth = dice.choice(DEPTHS)
        opens, closes = dice.choice(((b"[", b"]"), (b'{"a":', b"}")))
        whole = whole[:at] + opens * depth + b"1" + closes * dice.choice((depth, depth, 0)) + b',"b":' + whole[at:]
    elif way == "spliced":
        whole = whole[:at] + dice.choice(JUNK) + dice.choice((b"", b",")) + whole[at + dice.randrange(9) :]
    elif way == "doubled":
        key = dice.choice((b'"request":', b'"uid":', b'"object":', b'"kind":', b'"securityContext":', b'"spec":'))
        whole = whole.replace(key, key + dice.choice((b"1", b"null", b'"x"', b"[]")) + b"," + key, dice.choice((1, -1)))
    return whole


def _retyped(dice: random.Random, way: str, tree: Object) -> bytes:
    """Put values of other types into the object, or into the envelope."""
    if way == "enveloped":
        holder = dice.choice((tree, tree["request"]))
        holder[dice.choice(list(holder))] = dice.choice(WRONG)
    else:
        holder = tree["request"]["object"] if dice.random() < 0.8 else tree
        for _ in range(dice.randint(1, 3)):
            random_objects.odd_in(dice, holder or tree)
    return json.dumps(tree).encode()


def wrong(way: str, status: int, headers: dict[str, str], answer: bytes) -> str:
    """Say what is wrong with an answer to such a body, or nothing."""
    try:
        said = json.loads(answer)
    except ValueError:
        return f"{status} without JSON"
    if status == 503:
        return "" if "retry-after" in {name.lower() for name in headers} else "503 without Retry-After"
    if status in (400, 413, 415) and way != "whole":
        return "" if said.get("reason") else "no reason"
    if status != 200:
        return f"status {status}"
    response = said["response"]
    if response["allowed"] is not True or not isinstance(response["uid"], str):
        return "no uid, or not allowed"
    operations = json.loads(base64.b64decode(response["patch"], validate=True)) if "patch" in response else []
    return "" if isinstance(operations, list) else "a patch that is not a list"
