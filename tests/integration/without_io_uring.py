"""Runs a command in which io_uring_setup(2) fails:

    without_io_uring.py [--error NAME] [--call NUMBER] COMMAND [ARGUMENT...]

With EPERM, as in a container of Docker or containerd, or with another error. --call: only the call of
that number, counted over all threads, fails. A filter cannot count, so it asks a process beside the
command (man 2 seccomp_unotify); strace cannot do it either, it counts for each thread.
"""

import argparse
import array
import ctypes
import errno
import fcntl
import os
import select
import socket
import struct
import sys

# <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h>
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER = 1, 8
SECCOMP_RET_ERRNO, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ALLOW = 0x00050000, 0x7fc00000, 0x7fff0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
# struct seccomp_notif begins with the id of the call; struct seccomp_notif_resp.
NOTIFICATION_BYTES, RESPONSE = 80, "=QqiI"
NOTIF_RECV, NOTIF_SEND, NOTIF_FLAG_CONTINUE = 0xc0502100, 0xc0182101, 1

# The same number on every architecture (calls added since Linux 5.1).
IO_URING_SETUP = 425
SECCOMP = {"x86_64": 317, "aarch64": 277}[os.uname().machine]

libc = ctypes.CDLL(None, use_errno=True)


def must(result, what):
    if result < 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def install(verdict, flags=0):
    """What the filter says of io_uring_setup. With the flag: the descriptor that notifications come from."""
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (LOAD_WORD, 0, 0, 0),  # seccomp_data.nr
        (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
        (RETURN, 0, 0, verdict),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW)))
    instructions = ctypes.create_string_buffer(program, len(program))
    filter_program = struct.pack("HP", len(program) // 8, ctypes.addressof(instructions))
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, *[ctypes.c_ulong(word) for word in (1, 0, 0, 0)]), "prctl")
    return must(libc.syscall(ctypes.c_long(SECCOMP), ctypes.c_ulong(SECCOMP_SET_MODE_FILTER),
                             ctypes.c_ulong(flags), ctypes.c_char_p(filter_program)), "seccomp")


def answer(listener, error, call):
    """Until the command and all of its threads have ended."""
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    calls = 0
    while poll.poll()[0][1] & select.POLLIN:
        notification = bytearray(NOTIFICATION_BYTES)
        fcntl.ioctl(listener, NOTIF_RECV, notification)
        calls += 1
        verdict = (-error, 0) if calls == call else (0, NOTIF_FLAG_CONTINUE)
        fcntl.ioctl(listener, NOTIF_SEND,
                    struct.pack(RESPONSE, *struct.unpack_from("=Q", notification), 0, *verdict))


def fail_one(error, call):
    ours, childs = socket.socketpair()
    if os.fork() == 0:
        ours.close()
        _, rights, _, _ = childs.recvmsg(1, socket.CMSG_SPACE(4))
        answer(array.array("i", rights[0][2])[0], error, call)
        os._exit(0)
    listener = install(SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER)
    # exec() closes our own: while it is open, calls would wait for ever if nobody answered any more.
    ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener]))])


parser = argparse.ArgumentParser()
parser.add_argument("--error", default="EPERM")
parser.add_argument("--call", type=int)
parser.add_argument("command", nargs=argparse.REMAINDER)
arguments = parser.parse_args()
code = getattr(errno, arguments.error)
if arguments.call:
    fail_one(code, arguments.call)
else:
    install(SECCOMP_RET_ERRNO | code)
os.execvp(arguments.command[0], arguments.command)
