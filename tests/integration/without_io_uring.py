"""Runs a command in which io_uring_setup(2) fails with EPERM, as in a container of Docker or containerd:

    without_io_uring.py COMMAND [ARGUMENT...]
"""

import ctypes
import errno
import os
import struct
import sys

# <linux/prctl.h>, <linux/seccomp.h>, <linux/bpf_common.h>
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x00050000, 0x7fff0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06

# The same number on every architecture (calls added since Linux 5.1).
IO_URING_SETUP = 425


def deny():
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (LOAD_WORD, 0, 0, 0),  # seccomp_data.nr
        (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | errno.EPERM),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW)))
    instructions = ctypes.create_string_buffer(program, len(program))
    length = len(program) // 8
    filter_program = struct.pack("HP", length, ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    for option in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                   (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, filter_program, 0, 0)):
        arguments = [ctypes.c_char_p(word) if isinstance(word, bytes) else ctypes.c_ulong(word)
                     for word in option[1:]]
        if libc.prctl(ctypes.c_int(option[0]), *arguments) != 0:
            sys.exit(f"prctl({option[0]}): {os.strerror(ctypes.get_errno())}")


deny()
os.execvp(sys.argv[1], sys.argv[1:])
