"""Joins two network namespaces by a line that delays every packet.

Usage: long-line.py NAMESPACE_A NAMESPACE_B DEVICE ONE_WAY_MILLISECONDS

Makes a TUN device of the same name in both namespaces and carries packets between the two, each one
held back for the given time. Prints "ready" once both devices exist; runs until it is ended.
For kernels without netem; needs CAP_SYS_ADMIN.
"""

import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
PR_SET_TIMERSLACK = 29
LARGEST_PACKET = 65536

libc = ctypes.CDLL(None, use_errno=True)


def open_tun(namespace, device):
    with open("/run/netns/" + namespace) as handle:
        if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns " + namespace)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def carry(ends, delay):
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    waiting = collections.deque()  # (due, end to write to, packet): one delay for all, so in order of due
    while True:
        timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for end in select.select(ends, [], [], timeout)[0]:
            try:
                while True:
                    packet = os.read(end, LARGEST_PACKET)
                    waiting.append((time.monotonic() + delay, other[end], packet))
            except BlockingIOError:
                pass
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, end, packet = waiting.popleft()
            try:
                os.write(end, packet)
            except OSError:
                pass  # a full or downed line loses packets; the ends are used to that


def main():
    namespace_a, namespace_b, device, milliseconds = sys.argv[1:]
    libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)  # wake on time: the default slack adds 50 us a packet
    ends = [open_tun(namespace_a, device), open_tun(namespace_b, device)]
    print("ready", flush=True)
    carry(ends, float(milliseconds) / 1000)


main()
