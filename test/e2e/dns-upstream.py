"""An upstream DNS server that knows every name: dns-upstream.py ADDRESS TTL

Every A question is answered 192.0.2.7, everything else with no data.
"""

import socket
import struct
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 53))
ttl = int(sys.argv[2])
while True:
    message, client = server.recvfrom(4096)
    end = 12
    while message[end]:
        end += 1 + message[end]
    end += 5
    kind = struct.unpack(">H", message[end - 4 : end - 2])[0]
    answers = 1 if kind == 1 else 0
    header = message[:2] + struct.pack(">5H", 0x8180, 1, answers, 0, 0)
    record = b"\xc0\x0c" + struct.pack(">2HIH", 1, 1, ttl, 4) + bytes([192, 0, 2, 7])
    server.sendto(header + message[12:end] + record * answers, client)
