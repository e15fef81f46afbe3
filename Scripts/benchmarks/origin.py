"""The service that is measured through tunnels, and its clients. Standard library only.

A connection begins with one byte that says what it is for:

    D  the service sends until the client has enough
    U  the service reads until the client ends, then answers with eight bytes: how many they were
    E  the service sends back what it gets
"""

import os
import socket
import struct
import threading
import time

CHUNK = 1 << 18
PAYLOAD = os.urandom(CHUNK)
ECHO_BYTES = 100


def serve():
    """Serves from a thread of its own for as long as the process lives; returns the port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    threading.Thread(target=_accept, args=(listener,), daemon=True).start()
    return listener.getsockname()[1]


def _accept(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection):
    try:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            purpose = connection.recv(1)
            if purpose == b"D":
                while True:
                    connection.sendall(PAYLOAD)
            elif purpose == b"U":
                connection.sendall(struct.pack("!Q", _drain(connection)))
            elif purpose == b"E":
                while data := connection.recv(1 << 16):
                    connection.sendall(data)
    except OSError:
        pass


def _drain(connection):
    buffer = bytearray(CHUNK)
    total = 0
    while count := connection.recv_into(buffer):
        total += count
    return total


def connect(port, purpose):
    """A connection whose purpose is already said; the first bytes may travel with it."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(purpose)
    return connection


def download(port, streams, seconds):
    """Bytes a second over all streams, after a short start-up."""
    counts = [0] * streams
    over = threading.Event()

    def read(index):
        buffer = bytearray(CHUNK)
        with connect(port, b"D") as connection:
            while not over.is_set():
                count = connection.recv_into(buffer)
                if count == 0:
                    return
                counts[index] += count

    threads = [threading.Thread(target=read, args=(i,), daemon=True) for i in range(streams)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 5)
    before, begin = sum(counts), time.monotonic()
    time.sleep(seconds)
    after, end = sum(counts), time.monotonic()
    over.set()
    for thread in threads:
        thread.join()
    if not all(counts):
        raise RuntimeError("a stream carried nothing")
    return (after - before) / (end - begin)


def upload(port, megabytes):
    """Bytes a second of one stream whose every byte the service has counted."""
    pieces = megabytes * (1 << 20) // CHUNK
    with connect(port, b"U") as connection:
        begin = time.monotonic()
        for _ in range(pieces):
            connection.sendall(PAYLOAD)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while len(answer) < 8:
            part = connection.recv(8 - len(answer))
            if not part:
                raise RuntimeError("no count came back")
            answer += part
        elapsed = time.monotonic() - begin
    if struct.unpack("!Q", answer)[0] != pieces * CHUNK:
        raise RuntimeError("bytes are missing")
    return pieces * CHUNK / elapsed


def _echo(connection):
    message = os.urandom(ECHO_BYTES)
    connection.sendall(message)
    answer = b""
    while len(answer) < ECHO_BYTES:
        part = connection.recv(ECHO_BYTES)
        if not part:
            raise RuntimeError("the echo ended")
        answer += part
    if answer != message:
        raise RuntimeError("the echo is another message")


def echoes(port, count):
    """Seconds of each of `count` echoes in a row on one connection."""
    times = []
    with connect(port, b"E") as connection:
        _echo(connection)
        for _ in range(count):
            begin = time.perf_counter()
            _echo(connection)
            times.append(time.perf_counter() - begin)
    return times


def opens(port, count):
    """Seconds from connecting to the first echo, for `count` connections in a row."""
    times = []
    for _ in range(count):
        begin = time.perf_counter()
        with connect(port, b"E") as connection:
            _echo(connection)
            times.append(time.perf_counter() - begin)
    return times
