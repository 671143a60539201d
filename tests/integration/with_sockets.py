"""Runs a command with listening sockets, as a service manager does (man 3 sd_listen_fds):

    with_sockets.py ADDRESS... -- COMMAND [ARGUMENT...]

ADDRESS: IP:PORT, [IP]:PORT, or /path of a UNIX socket; `udp:IP:PORT` is a socket of no use. The same
IP address several times makes as many sockets of one port, as with ReusePort=yes. systemd-socket-activate
cannot do that, and it starts the command only when a client comes.
"""

import os
import socket
import sys

FIRST = 3  # SD_LISTEN_FDS_START
IP_FREEBIND = 15  # linux/in.h


def make(address):
    kind = socket.SOCK_DGRAM if address.startswith("udp:") else socket.SOCK_STREAM
    address = address.removeprefix("udp:")
    if address.startswith("/"):
        made = socket.socket(socket.AF_UNIX)
        made.bind(address)
    else:
        host, _, port = address.rpartition(":")
        made = socket.socket(socket.AF_INET6 if host.startswith("[") else socket.AF_INET, kind)
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):  # systemd sets the first one always.
            made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)  # As FreeBind=yes: an address need not be there yet.
        made.bind((host.strip("[]"), int(port)))
    if kind == socket.SOCK_STREAM:
        made.listen(128)
    return made


split = sys.argv.index("--")
addresses, command = sys.argv[1:split], sys.argv[split + 1:]
made = [make(address) for address in addresses]
# By way of high numbers: a socket may have the number that another one is to have.
for number, each in enumerate(made):
    os.dup2(each.fileno(), FIRST + len(made) + 100 + number)
for number in range(len(made)):
    os.dup2(FIRST + len(made) + 100 + number, FIRST + number)
os.closerange(FIRST + len(made), FIRST + 2 * len(made) + 100)
os.environ.update(LISTEN_FDS=str(len(made)), LISTEN_PID=str(os.getpid()),
                  LISTEN_FDNAMES=":".join(f"socket-{number}" for number in range(len(made))))
os.execvp(command[0], command)
