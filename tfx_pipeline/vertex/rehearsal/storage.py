"""Google Cloud Storage on loopback: a folder on this machine serves as all `gs://` buckets.

Supports three clients: Google's for Python, Beam's file system on top of it, and TensorFlow's in C++. The paths
are those of the JSON API (`/storage/v1/b/BUCKET/o/OBJECT`, uploads below `/upload`, downloads below `/download`) and of
the XML API (`/BUCKET/OBJECT`): https://cloud.google.com/storage/docs/json_api and .../xml-api. Objects are files, so
you can look at what a rehearsal wrote.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from datetime import datetime, timezone
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import google_crc32c

from tfx_pipeline.vertex.rehearsal.access import Denied
from tfx_pipeline.vertex.rehearsal.buckets import Buckets, PreconditionFailed
from tfx_pipeline.vertex.rehearsal.gate import Gate, token_of

JSON_API = "/storage/v1"
PROJECT_NUMBER = "123456789012"  # of every project
_OBJECT = r"/b/(?P<bucket>[^/]+)/o/(?P<name>[^/]+)"
_COPY = re.compile(_OBJECT + r"/(?P<verb>copyTo|rewriteTo)/b/(?P<to_bucket>[^/]+)/o/(?P<to_name>[^/]+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")

Json = dict[str, Any]
Answer = tuple[int, "Json | bytes", dict[str, str]]


class StorageService:
    """Answers permitted requests to Cloud Storage, and those for access tokens.

    Attributes:
      location: Of all buckets, as Cloud Storage writes it: `EUROPE-WEST4`.
    """

    def __init__(self, buckets: Buckets, gate: Gate, location: str = "EU", scheme: str = "https"):
        """Args: `scheme` is that of the addresses that clients are given."""
        self.location = location
        self._buckets = buckets
        self._gate = gate
        self._scheme = scheme
        self._uploads: dict[str, tuple[str, str, str | None, bytearray]] = {}

    def answer(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Status, JSON or bytes, and headers of the answer; header names in lower case."""
        parts = urlsplit(url)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        try:
            if parts.path == "/token":
                token = token_of(parse_qs(body.decode())["assertion"][0])
                return 200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600}, {}
            if "/serviceAccounts/" in parts.path:  # whether an account may only be used in some regions
                return _error(404, "there is no such limit")
            if parts.path.startswith("/batch"):
                return self._batch(headers, body)
            self._gate.check_storage(headers.get("authorization"), method, parts.path)
            return self._route(method, parts.path, query, headers, body)
        except Denied as denied:
            return _error(403, str(denied))
        except PreconditionFailed as failed:
            return _error(412, str(failed))
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return _error(404, f"no such object: {parts.path}")
        except ValueError as error:
            return _error(400, str(error))

    def _route(self, method: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        if path.startswith("/upload/"):
            return self._upload(method, path.split("/b/")[1].split("/")[0], query, headers, body)
        if path.startswith(("/download/", JSON_API)):
            return self._json_api(method, path.removeprefix("/download").removeprefix(JSON_API), query, headers)
        bucket, _, name = unquote(path)[1:].partition("/")
        if method == "GET" and name:
            return self._download(bucket, name, headers)
        return _error(501, f"not rehearsed: {method} {path}")

    def _json_api(self, method: str, path: str, query: dict[str, str], headers: dict[str, str]) -> Answer:
        if match := _COPY.fullmatch(path):
            names = {key: unquote(value) for key, value in match.groupdict().items()}
            return self._copy(headers, query, **names)
        if match := re.fullmatch(_OBJECT, path):
            bucket, name = unquote(match["bucket"]), unquote(match["name"])
            if method == "DELETE":
                with self._buckets.expecting(bucket, name, query.get("ifGenerationMatch")):
                    self._buckets.delete(bucket, name)
                return 204, b"", {}
            if query.get("alt") == "media":
                return self._download(bucket, name, headers)
            return 200, self._metadata(bucket, name), {}
        if match := re.fullmatch(r"/b/([^/]+)/o/?", path):
            return 200, self._list(unquote(match[1]), query), {}
        if match := re.fullmatch(r"/b/([^/]+)", path):
            self._buckets.path(unquote(match[1]))
            return (
                200,
                {
                    "kind": "storage#bucket",
                    "name": match[1],
                    "location": self.location,
                    "projectNumber": PROJECT_NUMBER,
                },
                {},
            )
        return _error(501, f"not rehearsed: {method} {path}")

    def _download(self, bucket: str, name: str, headers: dict[str, str]) -> Answer:
        data = self._buckets.read(bucket, name)
        match = _RANGE.fullmatch(headers.get("range", ""))
        if not match:
            return 200, data, {"X-Goog-Hash": f"crc32c={_crc32c(data)}"}
        first, last = int(match[1]), int(match[2] or len(data) - 1)
        if first >= len(data):
            return 416, b"", {"Content-Range": f"bytes */{len(data)}"}
        part = data[first : last + 1]
        return 206, part, {"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(data)}"}

    def _metadata(self, bucket: str, name: str) -> Json:
        if not self._buckets.exists(bucket, name):
            raise FileNotFoundError(name)
        return _resource(bucket, name, self._buckets.generation(bucket, name), self._buckets.read(bucket, name))

    def _list(self, bucket: str, query: dict[str, str]) -> Json:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        items, prefixes = [], set()
        for name in self._buckets.names(bucket, prefix):
            rest = name[len(prefix) :]
            if delimiter and delimiter in rest:
                prefixes.add(prefix + rest.split(delimiter)[0] + delimiter)
            else:
                items.append(self._metadata(bucket, name))
        if query.get("versions", "").lower() == "true":
            older = [_resource(bucket, *one) for one in self._buckets.older(bucket, prefix)]
            items += [one | {"timeDeleted": one["updated"]} for one in older]
        return {"kind": "storage#objects", "items": items, "prefixes": sorted(prefixes)}

    def _copy(
        self,
        headers: dict[str, str],
        query: dict[str, str],
        bucket: str,
        name: str,
        verb: str,
        to_bucket: str,
        to_name: str,
    ) -> Answer:
        generation = query.get("sourceGeneration")
        with self._buckets.expecting(bucket, name, query.get("ifSourceGenerationMatch")):
            if generation is not None:
                data = self._buckets.read_generation(bucket, name, int(generation))
            elif self._buckets.exists(bucket, name):
                data = self._buckets.read(bucket, name)
            else:
                raise FileNotFoundError(name)
            made = self._store(headers, to_bucket, to_name, data, query.get("ifGenerationMatch"))
        if verb == "copyTo":
            return 200, made, {}
        size = made["size"]
        return 200, {"done": True, "objectSize": size, "totalBytesRewritten": size, "resource": made}, {}

    def _upload(self, method: str, bucket: str, query: dict[str, str], headers: dict[str, str], body: bytes) -> Answer:
        """Uploads in one request (media, multipart) or many (resumable)."""
        kind, expected = query.get("uploadType"), query.get("ifGenerationMatch")
        if "upload_id" in query:
            return self._resume(query["upload_id"], headers, body)
        if kind == "multipart":
            metadata, content = _parts(headers["content-type"], body)
            name = query.get("name") or json.loads(metadata)["name"]
            return self._stored(headers, bucket, name, content, expected)
        if kind == "resumable":
            name = query.get("name") or json.loads(body)["name"]
            upload = uuid.uuid4().hex
            self._buckets.path(bucket, name)  # refuse a wrong name at the start
            self._uploads[upload] = (bucket, name, expected, bytearray())
            place = f"{self._scheme}://{headers['host']}/upload{JSON_API}/b/{bucket}/o?uploadType=resumable"
            return 200, b"", {"Location": f"{place}&name={quote(name, safe='')}&upload_id={upload}"}
        if kind == "media" and method == "POST":
            return self._stored(headers, bucket, query["name"], body, expected)
        return _error(501, f"not rehearsed: upload {kind}")

    def _resume(self, upload: str, headers: dict[str, str], body: bytes) -> Answer:
        if upload not in self._uploads:
            return _error(404, "no such upload")
        bucket, name, expected, data = self._uploads[upload]
        match = _CONTENT_RANGE.fullmatch(headers.get("content-range", f"bytes */{len(body)}"))
        if match is None:
            raise ValueError("no such Content-Range")
        if body:
            first = int(match[1] or 0)
            data[first:] = body
        if match[2] == "*" or len(data) < int(match[2]):
            return 308, b"", {"Range": f"bytes=0-{len(data) - 1}"} if data else {}
        del self._uploads[upload]
        return self._stored(headers, bucket, name, bytes(data), expected)

    def _stored(self, headers: dict[str, str], bucket: str, name: str, data: bytes, expected: str | None) -> Answer:
        return 200, self._store(headers, bucket, name, data, expected), {}

    def _store(self, headers: dict[str, str], bucket: str, name: str, data: bytes, expected: str | None) -> Json:
        with self._buckets.expecting(bucket, name, expected):
            if self._buckets.exists(bucket, name):
                self._gate.check_overwriting(headers.get("authorization"), bucket, name)
            self._buckets.write(bucket, name, data)
            return self._metadata(bucket, name)

    def _batch(self, headers: dict[str, str], body: bytes) -> Answer:
        """Answers many requests in one: each is a part of a multipart body, and so is each answer."""
        boundary = uuid.uuid4().hex
        own = {key: headers[key] for key in ("host", "authorization") if key in headers}
        answers = []
        message = message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + body)
        for part in message.walk():
            request = part.get_payload(decode=True)
            if not isinstance(request, bytes):  # the whole, not a part
                continue
            method, url, _ = request.decode().split("\n", 1)[0].split()
            status, content, _ = self.answer(method, url, own, b"")
            text = content if isinstance(content, bytes) else json.dumps(content).encode()
            answers.append(
                f"--{boundary}\r\nContent-Type: application/http\r\n\r\n"
                f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()
                + text
                + b"\r\n"
            )
        content_type = f'multipart/mixed; boundary="{boundary}"'
        return 200, b"".join(answers) + f"--{boundary}--\r\n".encode(), {"Content-Type": content_type}


def _resource(bucket: str, name: str, changed: int, data: bytes) -> Json:
    """An object's metadata; `changed` is its generation."""
    time = datetime.fromtimestamp(changed / 1e9, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {
        "kind": "storage#object",
        "id": f"{bucket}/{name}/{changed}",
        "name": name,
        "bucket": bucket,
        "generation": str(changed),
        "metageneration": "1",
        "contentType": "application/octet-stream",
        "size": str(len(data)),
        "md5Hash": base64.b64encode(hashlib.md5(data).digest()).decode(),
        "crc32c": _crc32c(data),
        "etag": str(changed),
        "timeCreated": time,
        "updated": time,
    }


def _parts(content_type: str, body: bytes) -> tuple[bytes, bytes]:
    """Both parts of a multipart/related body, as unchanged bytes."""
    match = re.search(r"boundary=['\"]?([^'\";]+)", content_type)
    if match is None:
        raise ValueError(f"no boundary in {content_type}")
    parts = body.split(b"--" + match[1].encode())[1:3]
    first, second = (part.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n") for part in parts)
    return first, second


def _crc32c(data: bytes) -> str:
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def _error(status: int, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message, "errors": [{"message": message}]}}, {}
