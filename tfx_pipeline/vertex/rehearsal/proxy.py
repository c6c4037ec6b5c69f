"""Redirects every call that a process makes to Google to loopback servers, and blocks all others.

Google's clients speak TLS to fixed host names, and only some accept another address: TensorFlow's client for `gs://`
does not, and TFX derives Vertex AI's address from the region. But all of them honour a proxy and a certificate
authority from the environment. So the environment names a proxy that connects known hosts to loopback servers and
refuses all others, and an authority, created for one rehearsal, that signs those servers' certificates. The rehearsed
code, its clients and its configuration stay as they are.
"""

from __future__ import annotations

import datetime
import json
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

ACCOUNT_DOMAIN = "rehearsal.iam.gserviceaccount.com"
HOSTS = ("*.googleapis.com", "oauth2.googleapis.com")
_KEY_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
TOKEN_URI = "https://oauth2.googleapis.com/token"
_CONNECT = re.compile(rb"CONNECT ([^: ]+):443 HTTP/1\.[01]\r\n")


class Authority:
    """A certificate authority for Google's host names, and key files of fictitious service accounts.

    Attributes:
      certificate: PEM file of the authority, for clients.
      server_certificate, server_key: PEM files of the servers.
    """

    def __init__(self, folder: Path, hosts: tuple[str, ...] = ()):
        """Args: `hosts` are further hosts that the servers stand in for, such as `*.example.com`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._hosts = (*HOSTS, *hosts)
        self.certificate = folder / "authority.pem"
        self.server_certificate, self.server_key = folder / "server.pem", folder / "server.key"
        self._folder = folder
        authority_key, server_key = _new_key(2048), _new_key(2048)  # OpenSSL takes no shorter ones in a certificate
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Rehearsal on this machine")])
        authority = _certificate(name, name, authority_key, authority_key, is_authority=True)
        server_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOSTS[0])])
        server = _certificate(server_name, name, server_key, authority_key, is_authority=False, hosts=self._hosts)
        self.certificate.write_bytes(_pem(authority))
        self.server_certificate.write_bytes(_pem(server) + _pem(authority))
        self.server_key.write_bytes(_pem_key(server_key))
        self._account_key = new_account_key()

    def credentials(self, account: str) -> Path:
        """Writes the key file of a service account of that name; Google knows neither account nor key."""
        path = self._folder / f"{account}.json"
        if not path.is_file():
            path.write_text(json.dumps(service_account(f"{account}@{ACCOUNT_DOMAIN}", self._account_key)))
        return path

    def server_context(self) -> ssl.SSLContext:
        """TLS context for a server that stands in for Google's."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_certificate, self.server_key)
        return context


class Proxy:
    """An HTTP proxy that connects known hosts to ports of this machine and refuses all others.

    Attributes:
      routes: Maps hosts to ports; a host `-suffix` or `.suffix` stands for all that end with it.
      refused: Unknown hosts that were requested, in order.
    """

    def __init__(self, routes: dict[str, int]):
        self.routes = routes
        self.refused: list[str] = []
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                proxy.connect(self)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """The value of `https_proxy`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stops the server; connections end with their processes."""
        self._server.shutdown()
        self._server.server_close()

    def connect(self, client: socketserver.StreamRequestHandler) -> None:
        """Serves one connection until either side ends it."""
        match = _CONNECT.match(client.rfile.readline(4096))
        while client.rfile.readline(4096) not in (b"\r\n", b""):
            pass
        host = match.group(1).decode() if match else "(no CONNECT)"
        port = next((port for name, port in self.routes.items() if _is_host(host, name)), None)
        if port is None:
            self.refused.append(host)
            client.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", port)) as server:
            client.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            back = threading.Thread(target=_copy, args=(server, client.connection), daemon=True)
            back.start()
            _copy(client.connection, server)
            back.join()


@contextmanager
def running_proxy(routes: dict[str, int]) -> Iterator[Proxy]:
    """Runs a proxy until the block ends."""
    proxy = Proxy(routes)
    try:
        yield proxy
    finally:
        proxy.stop()


def client_environment(proxy: Proxy, authority: Authority, account: str) -> dict[str, str]:
    """Variables that send a process's Google clients, in Python and C++, through the proxy, as one account."""
    return {
        "https_proxy": proxy.url,
        "http_proxy": proxy.url,
        "no_proxy": "localhost,127.0.0.1",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": str(authority.certificate),
        "REQUESTS_CA_BUNDLE": str(authority.certificate),
        "CURL_CA_BUNDLE": str(authority.certificate),  # TensorFlow's client
        "SSL_CERT_FILE": str(authority.certificate),
        "HTTPLIB2_CA_CERTS": str(authority.certificate),  # Beam's client of Dataflow
        "GOOGLE_APPLICATION_CREDENTIALS": str(authority.credentials(account)),
        "GOOGLE_AUTH_TOKEN_FOR_TESTING": account,  # for TensorFlow's client, which can't use the account's key offline
        "NO_GCE_CHECK": "true",
    }


def _is_host(host: str, name: str) -> bool:
    return host.endswith(name) if name.startswith(("-", ".")) else host == name


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:  # the other side has gone
        pass


def new_account_key() -> str:
    """Creates the key of an account, PEM text: a short one, as clients check it for primes whenever they read it."""
    return _pem_key(_new_key(1024)).decode()


def _new_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    issuer_key: rsa.RSAPrivateKey,
    is_authority: bool,
    hosts: tuple[str, ...] = (),
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + day)
    # Python 3.13 enforces what RFC 5280 requires of authorities and of the certificates that they sign.
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    builder = builder.add_extension(identifier, critical=False).add_extension(issuer_identifier, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    uses = dict.fromkeys(_KEY_USES, False) | {"key_cert_sign" if is_authority else "digital_signature": True}
    builder = builder.add_extension(x509.KeyUsage(**uses), critical=True)
    if not is_authority:
        names = [x509.DNSName(one) for one in hosts]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_key(key: rsa.RSAPrivateKey) -> bytes:
    """The key as PEM text."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def service_account(address: str, key: str, token_uri: str = TOKEN_URI) -> dict[str, str]:
    """The content of a service account's key file; `key` is PEM text, tokens come from `token_uri`."""
    return {
        "type": "service_account",
        "project_id": "rehearsal",
        "private_key_id": "rehearsal",
        "private_key": key,
        "client_email": address,
        "client_id": "1",
        "token_uri": token_uri,
    }
