"""The bytes of a generate call, and its answer as bytes."""

import socket
import struct

STRING, MAP, CALL = 11, 13, 0x80010001
# Behind the rows: STOP of the response and of the result.
END = b"\0\0"


def string(text: bytes) -> bytes:
    return struct.pack(">i", len(text)) + text


def field(kind: int, number: int) -> bytes:
    return struct.pack(">bh", kind, number)


def generate(table: str, context: bytes) -> bytes:
    return (
        struct.pack(">I", CALL) + string(b"call") + struct.pack(">i", 0)
        + field(STRING, 1) + string(b"table")
        + field(STRING, 2) + string(table.encode())
        + field(MAP, 3) + struct.pack(">bbi", STRING, STRING, 2)
        + string(b"action") + string(b"generate") + string(b"context") + string(context)
        + b"\0"
    )


def connect(path: str) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(120)
    client.connect(path)
    return client
