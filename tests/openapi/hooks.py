"""What schemathesis is told besides what the document says, which no schema can say."""

import itertools
import os
import re

import schemathesis

OWN = os.environ["OWN_KEY"]
NEVER = "0198f000-0000-7000-8000-000000000000"
COUNT = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    # A caller who revokes the key that it calls with gets a 401 to all that follows.
    if case.operation.path == "/api/v1/keys/{id}" and case.path_parameters.get("id") == OWN:
        case.path_parameters["id"] = NEVER
    # A call without its key has to stay as it is: a changed case is judged anew, and gets the key back.
    phase = case.meta.phase.data if case.meta else None
    if (getattr(phase, "parameter", None) or "").lower() == "authorization":
        return
    # A good Idempotency-Key is a new one for every new call; the old one with another body is refused, as it should be.
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!-~]{1,255}", key):
        case.headers["Idempotency-Key"] = f"{next(COUNT)}-{os.getpid()}"
