"""A client of Google's REST APIs for one account: the caller's own, or one that the caller may impersonate."""

from __future__ import annotations

import json
from typing import Any

import google.auth
import google.auth.exceptions
from google.auth import impersonated_credentials
from google.auth.transport.requests import AuthorizedSession, Request
from requests.exceptions import RequestException

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
TIMEOUT_SECONDS = 60

Json = dict[str, Any]


class Refused(Exception):
    """Google answered with an error; `status` is the HTTP status, the message is Google's."""

    def __init__(self, status: int, message: str):
        super().__init__(" ".join(message.split())[:400])
        self.status = status


class Google:
    """Makes calls as one account.

    Attributes:
      credentials: Of the account.
    """

    def __init__(self, credentials=None):
        """Args: `credentials` are the caller's own by default."""
        self.credentials = credentials or google.auth.default(scopes=SCOPES)[0]
        self._session = AuthorizedSession(self.credentials)

    def acting_as(self, account: str) -> Google:
        """A client for another account; Refused if the caller may not impersonate it."""
        other = impersonated_credentials.Credentials(self.credentials, account, list(SCOPES), lifetime=600)
        google_as_other = Google(other)
        try:
            other.refresh(Request())
        except google.auth.exceptions.RefreshError as error:
            raise _refused_token(error) from None
        return google_as_other

    def get(self, url: str, **headers: str) -> Json:
        """The answer to a GET; Refused for anything but 200."""
        return self._call("GET", url, None, headers)

    def post(self, url: str, body: Json) -> Json:
        """The answer to a POST; Refused for anything but 200."""
        return self._call("POST", url, body, {})

    def put(self, url: str, body: Json) -> Json:
        """The answer to a PUT; Refused for anything but 200."""
        return self._call("PUT", url, body, {})

    def _call(self, method: str, url: str, body: Json | None, headers: dict[str, str]) -> Json:
        try:
            answer = self._session.request(method, url, json=body, headers=headers, timeout=TIMEOUT_SECONDS)
        except RequestException as error:
            raise Refused(0, f"{url}: {type(error).__name__}") from None
        if answer.status_code != 200:
            raise Refused(answer.status_code, _message(answer))
        return answer.json()


def _refused_token(error: google.auth.exceptions.RefreshError) -> Refused:
    """Reads Google's answer, which the client keeps as the error's second argument."""
    try:
        answer = json.loads(error.args[1])["error"]
        return Refused(int(answer["code"]), answer["message"])
    except (IndexError, KeyError, TypeError, ValueError):
        return Refused(403, str(error.args[0] if error.args else error))


def _message(answer) -> str:
    """Google's message in an error, whose format differs between Google's APIs and the registry's."""
    try:
        content = answer.json()
        if "error" in content:
            return content["error"]["message"]
        return content["errors"][0]["message"]
    except (ValueError, KeyError, TypeError, IndexError):
        return f"HTTP status {answer.status_code}"
