"""Looks names up at a steady rate as a stub resolver would, and writes a line of JSON for each look-up.

    dns-load.py OUTPUT RATE SERVERS NAMES     (SERVERS and NAMES separated by commas; ends on SIGTERM)

SERVERS are `ADDRESS` or `ADDRESS@PORT`.

A look-up asks the servers in order, one second each, twice around, as glibc does with `timeout:1 attempts:2`; an
error or silence of one server leads to the next.
"""

import asyncio
import itertools
import json
import random
import signal
import struct
import sys
import time

TIMEOUT_SECONDS = 1
ATTEMPTS = 2
FINAL = {0: "empty", 3: "no such name"}


def question(name, number):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", number, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">2H", 1, 1)


def skip_name(message, at):
    while True:
        length = message[at]
        if length >= 0xC0:
            return at + 2
        at += 1 + length
        if length == 0:
            return at


def read_answer(message):
    """Error code, and the IPv4 addresses of the answer."""
    _, flags, questions, answers, _, _ = struct.unpack(">6H", message[:12])
    at = 12
    for _ in range(questions):
        at = skip_name(message, at) + 4
    addresses = []
    for _ in range(answers):
        at = skip_name(message, at)
        kind, _, _, length = struct.unpack(">HHIH", message[at : at + 10])
        at += 10
        if kind == 1:
            addresses.append(".".join(map(str, message[at : at + 4])))
        at += length
    return flags & 0xF, addresses


class Exchange(asyncio.DatagramProtocol):
    def __init__(self, number):
        self.number = number
        self.reply = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, _):
        if struct.unpack(">H", data[:2])[0] == self.number and not self.reply.done():
            self.reply.set_result(data)

    def error_received(self, error):
        if not self.reply.done():
            self.reply.set_exception(error)


async def ask(server, name):
    number = random.randrange(65536)
    address, _, port = server.partition("@")
    transport, exchange = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Exchange(number), remote_addr=(address, int(port or 53))
    )
    try:
        transport.sendto(question(name, number))
        return read_answer(await asyncio.wait_for(exchange.reply, TIMEOUT_SECONDS))
    finally:
        transport.close()


async def look_up(servers, name):
    why = "silence"
    for _ in range(ATTEMPTS):
        for server in servers:
            try:
                code, addresses = await ask(server, name)
            except asyncio.TimeoutError:
                why = "silence"
                continue
            except OSError as error:
                why = error.strerror
                continue
            if addresses:
                return {"ok": True, "addresses": addresses, "server": server}
            why = FINAL.get(code, f"error {code}")
            if code in FINAL:
                return {"ok": False, "why": why, "server": server}
    return {"ok": False, "why": why}


async def main(output, rate, servers, names):
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    under_way = set()

    async def one(name):
        asked = time.time()
        result = await look_up(servers, name)
        result.update(name=name, askedAt=asked * 1000, took=(time.time() - asked) * 1000)
        print(json.dumps(result), file=output, flush=True)

    loop = asyncio.get_running_loop()
    due = loop.time()
    for name in itertools.cycle(names):
        if stop.is_set():
            break
        task = loop.create_task(one(name))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        due += 1 / rate
        await asyncio.sleep(max(0, due - loop.time()))
    await asyncio.gather(*under_way)


with open(sys.argv[1], "w", encoding="utf8") as out:
    asyncio.run(main(out, float(sys.argv[2]), sys.argv[3].split(","), sys.argv[4].split(",")))
