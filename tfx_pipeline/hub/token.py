"""Reads the Hub's token at the time of use, from the source that the configuration names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from schemas.errors import UserError

if TYPE_CHECKING:
    from google.cloud.secretmanager import SecretManagerServiceClient

SECRET_PREFIX = "projects/"


def read_token(name: str, client: SecretManagerServiceClient | None = None, look_up_secrets: bool = True) -> str:
    """The token that `name` names.

    Args:
      name: An environment variable, or a version of a secret in Secret Manager.
      client: Secret Manager's client; by default, one with the default credentials.
      look_up_secrets: If false, Secret Manager is not called, and a token in it is returned as an empty text.

    Raises:
      UserError: There is no such variable or secret, it may not be read, or what it holds cannot be a token. The
        message names it and never contains its value.
    """
    if name.startswith(SECRET_PREFIX) and not look_up_secrets:
        return ""
    token = _secret(name, client) if name.startswith(SECRET_PREFIX) else _variable(name)
    token = token.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise UserError(f"hub.token: what {name} holds is not a token: it must be one word of plain characters")
    return token


def _variable(name: str) -> str:
    """The value of an environment variable; UserError if it is not set."""
    value = os.environ.get(name, "")
    if not value.strip():
        raise UserError(
            f"hub.token: the environment variable {name} is not set; set it to a token with the right to write"
            " (https://huggingface.co/settings/tokens), or set hub.dry_run to a folder"
        )
    return value


def _secret(name: str, client: SecretManagerServiceClient | None) -> str:
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError
    from google.cloud.secretmanager import SecretManagerServiceClient

    try:
        client = client or SecretManagerServiceClient()
        return client.access_secret_version(name=name, timeout=60).payload.data.decode("utf-8")
    except GoogleAPICallError as error:
        raise UserError(
            f"hub.token: Secret Manager does not give out {name}: {error.message}; the service account that runs the"
            " pipeline needs roles/secretmanager.secretAccessor on it"
        ) from None
    except GoogleAuthError as error:
        raise UserError(f"hub.token: no credentials to read {name}: {' '.join(str(error).split())}") from None
    except UnicodeDecodeError:
        raise UserError(f"hub.token: what {name} holds is not text") from None
