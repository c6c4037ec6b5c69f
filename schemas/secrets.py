"""Names of secrets, which configurations may hold, and secrets, which configurations and messages must not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

ENVIRONMENT_VARIABLE = r"[A-Z][A-Z0-9_]*"  # capitals only, which no token that we know has
SECRET_RESOURCE = r"projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]+/versions/([0-9]+|latest|[a-z][a-z0-9-]*)"
_HIDDEN = "***"
# Tokens of the Hugging Face Hub, GitHub and Google, and keys of Amazon and Google, as their services issue them.
_ISSUED = (
    r"api_org_[A-Za-z0-9]{16,}|gh[a-z]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|ya29\.[A-Za-z0-9_.-]{20,}"
    r"|AIza[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[^\0]*"
)
_TOKEN = re.compile(r"(hf_|api_org_|gh[a-z]_|ya29\.|AIza)[A-Za-z0-9_-]{6,}")  # also what only starts like one
_HIDE = re.compile(rf"(?<![A-Za-z0-9])(?:hf_[A-Za-z0-9]{{8,}}|{_ISSUED})")
_REFUSE = re.compile(  # not a name such as `hf_classification`
    rf"(?<![A-Za-z0-9])(?:hf_[A-Za-z0-9]{{20,}}|hf_(?=[A-Za-z]*[A-Z0-9])[A-Za-z0-9]{{8,}}|{_ISSUED})"
)
# `user:password@` of a URL; a password that is not escaped may hold `/` and `@`, and a port is no password.
_PASSWORD = r"(?<=://)[^/\s@:]*:(?![0-9]+(?:[/?#]|$))[^\s'\"]*@"
_USER_INFO = re.compile(rf"{_PASSWORD}|(?<=://)[^/\s@'\"]+@")
_WITH_PASSWORD = re.compile(_PASSWORD)
REMEDY = (
    "revoke it, and give the name of an environment variable in capitals, such as HF_TOKEN, or of a Secret Manager"
    " version, such as projects/PROJECT/secrets/NAME/versions/latest, in the field that is for one"
)


def may_be_secret(key: str, value: Any) -> bool:
    """Whether a message must not repeat a wrong value: it looks like a token, or its key is for one."""
    return key.endswith("token") or _TOKEN.search(str(value)) is not None


def redacted(text: str) -> str:
    """Hides what looks like a secret in a message: tokens, keys, and the user and password of a URL."""
    return _HIDE.sub(_HIDDEN, _USER_INFO.sub(f"{_HIDDEN}@", text))


def find_secrets(values: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yields the key of each text, at any depth, that holds a secret, and what it looks like."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield from find_secrets(str(name), f"{key}.(key)" if key else "(key)")
            yield from find_secrets(value, f"{key}.{name}" if key else str(name))
    elif isinstance(values, (list, tuple)):
        for index, value in enumerate(values):
            yield from find_secrets(value, f"{key}.{index}" if key else str(index))
    elif isinstance(values, str):
        if _REFUSE.search(values):
            yield key, "looks like a secret"
        elif _WITH_PASSWORD.search(values):
            yield key, "a URL with a password in it"


def _check_name(name: str) -> str:
    if re.fullmatch(f"{ENVIRONMENT_VARIABLE}|{SECRET_RESOURCE}", name) is None:
        secret = (
            "looks like the secret itself, which must not be in a file; revoke it and " if _TOKEN.search(name) else ""
        )
        raise ValueError(
            f"{secret}give the name of an environment variable in capitals, such as HF_TOKEN, or of a Secret Manager"
            " version, such as projects/PROJECT/secrets/NAME/versions/latest"
        )
    return name


SecretName = Annotated[str, AfterValidator(_check_name)]
