"""What Schemathesis does with our requests beside sending them: fuzz.ts starts it."""

import atexit
import json
import os
import re
import time
from base64 import b64decode
from collections import Counter, defaultdict
from hashlib import sha256
from urllib.parse import quote

import schemathesis


@schemathesis.serializer("message/rfc822")
def serialize_mail(_context, value):
    """A mail is sent as the text or the bytes that it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


with open(os.environ["FUZZ_PART"], encoding="utf-8") as file:
    PART = json.load(file)

# They end the session, the account or the way into it; the account of the role is needed to the end.
ENDING = {
    "changePassword",
    "deleteAccount",
    "logOut",
    "logOutEverywhere",
    "startTwoFactor",
    "turnOnTwoFactor",
}
# The gateway answers 400 to these in a path before it has chosen a route (docs/adr/0040). One that holds
# only dots is another path.
REFUSED_IN_PATH = re.compile(r"[\x00-\x1f\x7f/\\;%?#]|^\.{1,2}$|^$")
# Bytes of a query in its address. The head of a request may have 16 KiB, with all headers.
QUERY_MAX = 12 * 1024
# Names of headers with other signs are refused before that as well: services could read them as another name.
HEADER = re.compile(r"[0-9A-Za-z-]+", re.ASCII)
PARAMETER = re.compile(r"/([^/{}]+)/\{(\w+)\}")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

# Valid by most schemas, and known to have broken other programs.
HARD_TEXTS = ["\0", "\u202e\u200b", "'\"\\;--", "%00", "\uff07\u02bb:*&|!", "Z\u0351" * 40, "__proto__"]
HARD_INSTANTS = [
    "2026-12-31T23:59:60Z",
    "9999-12-31T23:59:59-14:00",
    "0000-01-01T00:00:00Z",
    "1969-12-31T23:59:59.999999999+23:59",
]
HARD_AMOUNTS = ["0", "-1", "1e3", "0.001", "999999999999999.99", "\u0663.50", "1,50"]

# A busy machine answers 503 for a moment. One that comes so often again is a fault.
RESENDS_MAX = 5

# The smallest picture.
PIXEL = b64decode(PART["values"]["png"][0])

statuses = defaultdict(Counter)


def draw(*parts):
    """A number that follows from what was generated, so that each run sends the same."""
    text = "\0".join(map(repr, parts))
    return int.from_bytes(sha256(text.encode()).digest()[:4])


def known_id(operation_id, segment, value, is_nested):
    """In the place of three ids of four one that leads somewhere."""
    ids = PART["ids"].get(operation_id) or PART["ids"].get(segment, [])
    if not ids or not (isinstance(value, int) or UUID.fullmatch(str(value))):
        return value
    number = draw(segment, value)
    if number % 4 == 0:
        return value
    # What is below an item is below the first one.
    return ids[0] if is_nested else ids[number // 4 % len(ids)]


def known_value(operation_id, name, schema, value, is_text=True):
    """In the place of a valid value mostly one that means something here, and sometimes a hard one."""
    if "enum" in schema or "anyOf" in schema and "enum" in schema["anyOf"][0]:
        return value
    number = draw(name, value)
    if number % 8 == 0 and is_text and isinstance(value, str):
        hard = HARD_TEXTS
        if schema.get("format") == "date-time":
            hard = HARD_INSTANTS
        elif schema.get("description") == "decimal string":
            hard = HARD_AMOUNTS
        return hard[number // 8 % len(hard)]
    values = PART["values"].get(f"{operation_id}.{name}") or PART["values"].get(name, [])
    if not values or number % 8 == 1:
        return value
    return values[number // 8 % len(values)]


def improve(operation_id, fields, schemas, is_text=True):
    for name in list(fields):
        value = known_value(operation_id, name, schemas.get(name, {}), fields[name], is_text)
        if value is None:
            del fields[name]
        else:
            fields[name] = value


def encoded_length(value):
    return len(quote(str(value), errors="replace"))


def fit_query(query):
    """An address that is too long for the head of a request reaches no route; what is shorter stays as it is."""
    while query and sum(encoded_length(name) + encoded_length(value) + 2 for name, value in query.items()) > QUERY_MAX:
        longest = max(query, key=lambda name: encoded_length(query[name]))
        if len(str(query[longest])) < 2:
            return
        query[longest] = str(query[longest])[: len(str(query[longest])) // 2]


def body_properties(operation):
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    return operation.schema.raw_schema["components"]["schemas"].get(name, schema).get("properties", {})


def resend(response, **options):
    """An answer of 503 that says when to come again is obeyed; the one after it is checked."""
    for _ in range(RESENDS_MAX):
        if response.status_code != 503 or "Retry-After" not in response.headers:
            break
        # Read to its end, so that the connection is free.
        _ = response.content
        time.sleep(int(response.headers["Retry-After"]))
        response = response.connection.send(response.request, **options)
    return response


@schemathesis.hook
def before_call(context, case, kwargs):
    operation = case.operation
    kwargs["hooks"] = {"response": resend}
    operation_id = operation.definition.raw["operationId"]
    segments = {name: segment for segment, name in PARAMETER.findall(operation.path)}
    path = case.path_parameters or {}
    for name, value in path.items():
        value = known_id(operation_id, segments.get(name, ""), value, len(path) > 1)
        path[name] = REFUSED_IN_PATH.sub("-", value) if isinstance(value, str) else value
    for name in [name for name in case.headers if not HEADER.fullmatch(name)]:
        del case.headers[name]
    meta = case.meta
    fit_query(case.query or {})
    if meta is not None and meta.generation.mode.is_positive:
        if isinstance(case.body, dict) and case.media_type == "application/json":
            improve(operation_id, case.body, body_properties(operation))
        elif case.media_type == "multipart/form-data" and draw(case.body) % 4 > 0:
            case.body = {name: PIXEL for name in case.body}
        elif case.media_type == "text/csv":
            case.body = known_value(operation_id, "csv", {}, case.body)
        if case.query:
            improve(operation_id, case.query, {})
        # Only signs that a header can have.
        improve(operation_id, case.headers, {}, is_text=False)
    token = PART["spareToken"] if operation_id in ENDING else PART["token"]
    if token is not None:
        case.headers["Authorization"] = f"Bearer {token}"


@schemathesis.hook
def after_call(context, case, response):
    statuses[case.operation.definition.raw["operationId"]][response.status_code] += 1


@atexit.register
def report():
    with open(os.environ["FUZZ_REPORT"], "w", encoding="utf-8") as file:
        json.dump(statuses, file)
