"""Names of secrets, which configurations may hold, told from secrets, which they must not."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator

ENVIRONMENT_VARIABLE = r"[A-Z][A-Z0-9_]*"  # capitals only: no token known to us looks like that
SECRET_RESOURCE = r"projects/[a-z0-9:.-]+/secrets/[A-Za-z0-9_-]+/versions/([0-9]+|latest|[a-z][a-z0-9-]*)"
_TOKEN = re.compile(r"(hf_|api_org_|gh[a-z]_|ya29\.|AIza)[A-Za-z0-9_-]{6,}")


def may_be_secret(key: str, value: Any) -> bool:
    """Whether a wrong value must not be repeated in a message: it looks like a token, or stands where one is named."""
    return key.endswith("token") or _TOKEN.search(str(value)) is not None


def _check_name(name: str) -> str:
    if re.fullmatch(f"{ENVIRONMENT_VARIABLE}|{SECRET_RESOURCE}", name) is None:
        secret = (
            "looks like the secret itself, which must not stand in a file; revoke it and "
            if _TOKEN.search(name)
            else ""
        )
        raise ValueError(
            f"{secret}give the name of an environment variable in capitals, such as HF_TOKEN, or of a Secret Manager"
            " version, such as projects/PROJECT/secrets/NAME/versions/latest"
        )
    return name


SecretName = Annotated[str, AfterValidator(_check_name)]
