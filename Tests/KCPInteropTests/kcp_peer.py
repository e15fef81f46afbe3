"""The original ikcp.c, from PyPI's package kcp, on a UDP socket: sends back whatever it receives.

    kcp_peer.py CONVERSATION message|stream WINDOW

Prints its port; ends when the datagram "end" arrives, or after two minutes.
"""
import ctypes
import select
import socket
import sys
import time

import kcp.extension


class Queue(ctypes.Structure):
    _fields_ = [("next", ctypes.c_void_p), ("previous", ctypes.c_void_p)]


class Control(ctypes.Structure):
    """The beginning of ikcp's control block, up to the field `stream`, which has no function."""

    _fields_ = (
        [(f"word{index}", ctypes.c_uint32) for index in range(33)]
        + [(f"queue{index}", Queue) for index in range(4)]
        + [
            ("acklist", ctypes.c_void_p),
            ("ackcount", ctypes.c_uint32),
            ("ackblock", ctypes.c_uint32),
            ("user", ctypes.c_void_p),
            ("buffer", ctypes.c_void_p),
            ("fastresend", ctypes.c_int),
            ("fastlimit", ctypes.c_int),
            ("nocwnd", ctypes.c_int),
            ("stream", ctypes.c_int),
        ]
    )


OUTPUT = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_char), ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p
)


def milliseconds():
    return int(time.monotonic() * 1000) & 0xFFFFFFFF


def main(conversation, mode, window):
    library = ctypes.CDLL(kcp.extension.__file__)
    library.ikcp_create.restype = ctypes.POINTER(Control)
    library.ikcp_create.argtypes = [ctypes.c_uint32, ctypes.c_void_p]
    control = library.ikcp_create(conversation, None)

    endpoint = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    endpoint.bind(("127.0.0.1", 0))
    peer = None

    def output(data, length, _control, _user):
        if peer:
            endpoint.sendto(ctypes.string_at(data, length), peer)
        return length

    callback = OUTPUT(output)
    library.ikcp_setoutput(control, callback)
    library.ikcp_nodelay(control, 1, 10, 2, 1)
    library.ikcp_wndsize(control, window, window)
    control.contents.stream = 1 if mode == "stream" else 0
    if control.contents.fastresend != 2 or control.contents.nocwnd != 1:
        sys.exit("the control block is not laid out as expected")
    buffer = ctypes.create_string_buffer(1 << 20)
    print(endpoint.getsockname()[1], flush=True)

    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        library.ikcp_update(control, milliseconds())
        wait = library.ikcp_check(control, milliseconds()) - milliseconds()
        select.select([endpoint], [], [], min(max(wait, 1), 10) / 1000)
        while True:
            try:
                datagram, peer = endpoint.recvfrom(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            if datagram == b"end":
                return
            if library.ikcp_input(control, datagram, len(datagram)) < 0:
                sys.exit("ikcp_input refuses a datagram")
        while (size := library.ikcp_recv(control, buffer, len(buffer))) > 0:
            if library.ikcp_send(control, buffer, size) < 0:
                sys.exit("ikcp_send refuses a message")


main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
