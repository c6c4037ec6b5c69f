"""The token from Secret Manager, through Google's own client, from a server on loopback."""

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.secretmanager import SecretManagerServiceClient

from schemas.errors import UserError
from tfx_pipeline.hub.token import read_token

NAME = "projects/my-project/secrets/hub/versions/latest"


@pytest.fixture
def client():
    """A client of a server that knows one secret, and refuses a second one."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith(f"/v1/{NAME}:access"):
                status, values = (
                    200,
                    {"name": NAME, "payload": {"data": base64.b64encode(b"hf_fromSecretManager\n").decode()}},
                )
            else:
                status, values = (
                    403,
                    {"error": {"code": 403, "message": "Permission denied on secret", "status": "DENIED"}},
                )
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(values).encode())

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield SecretManagerServiceClient(
        credentials=AnonymousCredentials(),
        transport="rest",
        client_options={"api_endpoint": f"http://127.0.0.1:{server.server_port}"},
    )
    server.shutdown()
    server.server_close()


def test_a_secret_is_read_where_it_is_used(client):
    assert read_token(NAME, client) == "hf_fromSecretManager"


def test_a_secret_that_may_not_be_read_is_named_with_the_role_that_is_missing(client):
    other = "projects/my-project/secrets/other/versions/1"
    with pytest.raises(UserError, match=r"does not give out .*secrets/other/versions/1: .*secretAccessor"):
        read_token(other, client)
