"""Endpoints that say who they are: `python3 who.py NAME=ADDRESS:PORT ...`. Each connection gets one line, "NAME <address of
the one that connected>", and then everything back that it sends. Ends with its process."""

import selectors
import socket
import sys

CHUNK = 64 * 1024


def main():
    selector = selectors.DefaultSelector()
    for word in sys.argv[1:]:
        name, _, address = word.partition("=")
        where, _, port = address.rpartition(":")
        listener = socket.create_server((where, int(port)), backlog=1024)
        selector.register(listener, selectors.EVENT_READ, name)
    print("serving", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data:
                connection, source = key.fileobj.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(connection, selectors.EVENT_READ, "")
                send(selector, connection, f"{key.data} {source[0]}\n".encode())
                continue
            try:
                data = key.fileobj.recv(CHUNK)
            except OSError:
                data = b""
            if data:
                send(selector, key.fileobj, data)
            else:
                drop(selector, key.fileobj)


def send(selector, connection, data):
    """Messages here fit into the buffer of a socket."""
    try:
        connection.sendall(data)
    except OSError:
        drop(selector, connection)


def drop(selector, connection):
    selector.unregister(connection)
    connection.close()


if __name__ == "__main__":
    main()
