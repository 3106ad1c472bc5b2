"""Calls a URL at a steady rate as an application would, and writes a line of JSON for each call.

    calls.py OUTPUT RATE URL...     (ends on SIGTERM)

A call looks the name up, tries the addresses it got in turn, a second each, and takes nothing but status 200.
"""

import http.client
import itertools
import json
import signal
import socket
import sys
import threading
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

CONNECT_SECONDS = 1
ANSWER_SECONDS = 10


def call(url):
    parts = urllib.parse.urlsplit(url)
    port = parts.port or 80
    found = {where[4][0]: where[4] for where in socket.getaddrinfo(parts.hostname, port, socket.AF_INET)}
    why = None
    for address in found.values():
        try:
            channel = socket.create_connection(address, CONNECT_SECONDS)
        except OSError as error:
            why = error
            continue
        channel.settimeout(ANSWER_SECONDS)
        connection = http.client.HTTPConnection(parts.hostname, port)
        connection.sock = channel
        try:
            connection.request("GET", parts.path)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise OSError(f"status {answer.status} of {address[0]}")
            return address[0]
        finally:
            connection.close()
    raise why


def main(output, rate, urls):
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    written = threading.Lock()

    def one(url):
        began = time.time()
        result = {"url": url, "askedAt": began * 1000}
        try:
            result.update(ok=True, address=call(url))
        except Exception as error:
            result.update(ok=False, why=f"{type(error).__name__}: {error}")
        result["took"] = (time.time() - began) * 1000
        with written:
            print(json.dumps(result), file=output, flush=True)

    with ThreadPoolExecutor(64) as pool:
        due = time.monotonic()
        for url in itertools.cycle(urls):
            if stop.wait(max(0, due - time.monotonic())):
                break
            pool.submit(one, url)
            due += 1 / rate


with open(sys.argv[1], "w", encoding="utf8") as out:
    main(out, float(sys.argv[2]), sys.argv[3:])
