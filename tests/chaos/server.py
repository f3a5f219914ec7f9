"""An issuer that misbehaves on command, over http and https, in a process of its own.

    python server.py NAME=CERTIFICATE,KEY …

It prints one line of JSON, {"http": port, NAME: port, …}, where each NAME is https with its certificate, and ends
when its standard input does. The path of a request says what happens:

    /<behaviour>            one of those in `behave`, for the document set last
    /set (POST)             the body becomes the document that is served
    /mode (POST)            the body names a behaviour that `/keys` shows from now on; "ok" at first
    /count (GET)            how many requests `/keys` has had
"""

import json
import socket
import ssl
import sys
import threading

PIECE = 65_536
TYPE = b"Content-Type: application/json\r\n"
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + TYPE

document = b'{"keys": []}'
mode = "ok"
requests = 0
stopped = threading.Event()


def with_length(body: bytes, head: bytes = OK) -> bytes:
    """Return a whole answer."""
    return head + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def drip(stream: socket.socket, data: bytes) -> None:
    """Send one byte every 20 ms, as long as somebody listens."""
    for byte in data:
        stream.sendall(bytes([byte]))
        if stopped.wait(0.02):
            return


def behave(stream: socket.socket, behaviour: str) -> None:
    """Answer one request in the way asked for."""
    body = document
    if behaviour == "ok":
        stream.sendall(with_length(body))
    elif behaviour == "chunked":
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:10], body[10:]) if part)
        stream.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
    elif behaviour == "until-close":
        stream.sendall(OK + b"\r\n" + body)
    elif behaviour == "max-age":
        stream.sendall(with_length(body, OK + b"Cache-Control: max-age=900\r\n"))
    elif behaviour.isdecimal():
        stream.sendall(with_length(b"{}", f"HTTP/1.1 {behaviour} X\r\n".encode() + TYPE + b"Location: /ok\r\n"))
    elif behaviour == "stall":
        stopped.wait(30)
    elif behaviour == "stall-in-body":
        stream.sendall(OK + b"Content-Length: 100\r\n\r\n{")
        stopped.wait(30)
    elif behaviour == "drip-head":
        drip(stream, b"HTTP/1.1 200 OK\r\n" + b"X-Slow: " + b"a" * 10_000)
    elif behaviour == "drip-body":
        stream.sendall(OK + b"Content-Length: 10000\r\n\r\n")
        drip(stream, b" " * 10_000)
    elif behaviour == "endless-head":
        while not stopped.is_set():
            stream.sendall(b"X-More: " + b"a" * 1_000 + b"\r\n")
    elif behaviour == "endless-body":
        stream.sendall(OK + b"\r\n")
        while not stopped.is_set():
            stream.sendall(b" " * PIECE)
    elif behaviour == "endless-chunks":
        stream.sendall(OK + b"Transfer-Encoding: chunked\r\n\r\n")
        while not stopped.is_set():
            stream.sendall(b"1\r\n \r\n" * 1_000)
    elif behaviour == "huge-length":
        stream.sendall(OK + b"Content-Length: 1000000000\r\n\r\n{}")
    elif behaviour == "long-length":
        stream.sendall(OK + f"Content-Length: {len(body) + 10}\r\n\r\n".encode() + body)
    elif behaviour == "short-length":
        stream.sendall(OK + f"Content-Length: {len(body) - 10}\r\n\r\n".encode() + body)
    elif behaviour == "html":
        stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>please log in</html>")
    elif behaviour == "gzip":
        stream.sendall(OK + b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08")
    elif behaviour == "garbage":
        stream.sendall(bytes(range(256)) * 16 + b"\r\n\r\n")
    elif behaviour == "silence":
        pass
    else:
        stream.sendall(with_length(b"{}", b"HTTP/1.1 404 Not Found\r\n" + TYPE))


def read_request(stream: socket.socket) -> tuple[str, bytes]:
    """Return path and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = stream.recv(PIECE)
        if not piece:
            return "", b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")),
        0,
    )
    while len(body) < length:
        body += stream.recv(PIECE)
    return head.split(b" ")[1].decode(), body


def serve_one(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    """Serve one connection, and end it whatever happens."""
    global document, mode, requests  # noqa: PLW0603 - the state of this one process
    try:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection if context is None else context.wrap_socket(connection, server_side=True)
            with stream:
                path, body = read_request(stream)
                name = path.lstrip("/")
                if name == "set":
                    document = body
                    behave(stream, "ok")
                elif name == "mode":
                    mode = body.decode()
                    behave(stream, "ok")
                elif name == "count":
                    stream.sendall(with_length(json.dumps(requests).encode()))
                elif name == "keys":
                    requests += 1
                    behave(stream, mode)
                else:
                    behave(stream, name)
                if context is not None:
                    stream.unwrap()
    except OSError:
        pass  # the peer hung up, which is what most of these tests are about


def listen(context: ssl.SSLContext | None) -> int:
    """Serve a free port on loopback from now on; return its number."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve_one, args=(connection, context), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def tls(certificate: str, key: str) -> ssl.SSLContext:
    """Return a server context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def main() -> None:
    """Serve until the standard input ends."""
    ports = {"http": listen(None)}
    for argument in sys.argv[1:]:
        name, _, files = argument.partition("=")
        ports[name] = listen(tls(*files.split(",")))
    print(json.dumps(ports), flush=True)  # noqa: T201 - how the test learns the ports
    sys.stdin.read()
    stopped.set()


if __name__ == "__main__":
    main()
