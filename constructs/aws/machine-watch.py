#!/usr/bin/python3
"""Sends what the machine's journal says to CloudWatch Logs, and how the machine is to CloudWatch.

usage: machine-watch CONFIG

CONFIG, a JSON file: region, domain, logGroup, group, checks (a directory of programs; what each is called is a metric, 1
while it succeeds and else 0) and state (a file: how far the journal has been sent). Each machine has a stream of its own,
named for its instance. What cannot be sent now is sent later. Told to end, it sends what there is and ends.
"""
import datetime
import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

METADATA = "http://169.254.169.254/latest/"
JOURNAL_SECONDS = 10
METRICS_SECONDS = 60
# CloudWatch's own bounds, of a batch in bytes and events, and of the time between its first and last event; 26 bytes
# more count for each event. A longer message is cut.
BATCH_BYTES = 1_000_000
BATCH_EVENTS = 10_000
BATCH_MS = 23 * 3600 * 1000
EVENT_BYTES = 26
MESSAGE_BYTES = 200_000


def metadata(path, token):
    request = urllib.request.Request(METADATA + path, headers={"X-aws-ec2-metadata-token": token})
    with urllib.request.urlopen(request, timeout=5) as answer:
        return answer.read().decode()


def identity():
    """The instance's id, and the credentials that its role has for now."""
    request = urllib.request.Request(
        METADATA + "api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        token = answer.read().decode()
    roles = "meta-data/iam/security-credentials/"
    role = metadata(roles, token).split()[0]
    return metadata("meta-data/instance-id", token), json.loads(metadata(roles + role, token))


def signed(service, host, region, headers, body, credentials):
    """The headers of a request with AWS's signature, version 4."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        **{name.lower(): value for name, value in headers.items()},
        "host": host,
        "x-amz-date": now,
        "x-amz-security-token": credentials["Token"],
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(["POST", "/", "", lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{now[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = ("AWS4" + credentials["SecretAccessKey"]).encode()
    for part in [*scope.split("/"), text]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    access = f"{credentials['AccessKeyId']}/{scope}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={access}, SignedHeaders={names}, Signature={key.hex()}"
    return headers


class Watch:
    def __init__(self, config):
        self.config = config
        self.stream_made = False

    def call(self, service, headers, body, credentials):
        region = self.config["region"]
        host = f"{service}.{region}.{self.config['domain']}"
        request = urllib.request.Request(
            f"https://{host}/", data=body, headers=signed(service, host, region, headers, body, credentials)
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read()

    def call_logs(self, action, parameters, credentials):
        headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": f"Logs_20140328.{action}"}
        return self.call("logs", headers, json.dumps(parameters).encode(), credentials)

    def send_journal(self):
        """Sends what is new, batch by batch; what has arrived is not sent again."""
        instance, credentials = identity()
        where = {"logGroupName": self.config["logGroup"], "logStreamName": instance}
        if not self.stream_made:
            try:
                self.call_logs("CreateLogStream", where, credentials)
            except urllib.error.HTTPError as error:
                if b"ResourceAlreadyExistsException" not in error.read():
                    raise
            self.stream_made = True
        for events, cursor in batches(self.entries()):
            self.call_logs("PutLogEvents", {**where, "logEvents": events}, credentials)
            self.remember(cursor)

    def entries(self):
        """What the journal has since the last that was sent; of the boot that is, at first."""
        command = ["journalctl", "--quiet", "--no-pager", "--output=json"]
        command += [f"--after-cursor={cursor}"] if (cursor := self.remembered()) else ["--boot"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as journal:
            for line in journal.stdout:
                yield json.loads(line)

    def remembered(self):
        try:
            with open(self.config["state"], encoding="utf8") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def remember(self, cursor):
        unfinished = self.config["state"] + ".new"
        with open(unfinished, "w", encoding="utf8") as file:
            file.write(cursor)
        os.replace(unfinished, self.config["state"])

    def send_metrics(self):
        _, credentials = identity()
        form = {"Action": "PutMetricData", "Version": "2010-08-01", "Namespace": "Tricloud"}
        values = [("DiskUsed", disk_used(), "Percent"), ("MemoryUsed", memory_used(), "Percent"), *self.checks()]
        for number, (name, value, unit) in enumerate(values, start=1):
            member = f"MetricData.member.{number}"
            form[f"{member}.MetricName"] = name
            form[f"{member}.Value"] = f"{value:.1f}"
            form[f"{member}.Unit"] = unit
            form[f"{member}.Dimensions.member.1.Name"] = "Group"
            form[f"{member}.Dimensions.member.1.Value"] = self.config["group"]
        headers = {"content-type": "application/x-www-form-urlencoded"}
        self.call("monitoring", headers, urllib.parse.urlencode(form).encode(), credentials)

    def checks(self):
        folder = self.config["checks"]
        for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
            yield name, float(succeeds(os.path.join(folder, name))), "None"


def succeeds(program):
    try:
        quiet = subprocess.DEVNULL
        return subprocess.run([program], timeout=20, stdout=quiet, stderr=quiet, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def disk_used():
    """Percent of the root file system, as those see it who are not root."""
    disk = os.statvfs("/")
    used = disk.f_blocks - disk.f_bfree
    return 100 * used / (used + disk.f_bavail)


def memory_used():
    with open("/proc/meminfo", encoding="utf8") as file:
        kib = {name: int(value.split()[0]) for name, value in (line.split(":") for line in file)}
    return 100 * (1 - kib["MemAvailable"] / kib["MemTotal"])


def event_of(entry):
    message = entry.get("MESSAGE") or ""
    # What is not text, the journal gives as a list of bytes.
    text = message if isinstance(message, str) else bytes(message).decode(errors="replace")
    who = entry.get("SYSLOG_IDENTIFIER") or entry.get("_COMM") or "?"
    line = f"{who}: {text}".encode(errors="replace")[:MESSAGE_BYTES].decode(errors="ignore")
    return {"timestamp": int(entry["__REALTIME_TIMESTAMP"]) // 1000, "message": line}


def batches(entries):
    """Events as CloudWatch takes them together, in order of time, each lot with the journal's place behind it."""
    events, size, cursor = [], 0, None
    for entry in entries:
        event = event_of(entry)
        bytes_more = len(event["message"].encode()) + EVENT_BYTES
        if events and (
            size + bytes_more > BATCH_BYTES
            or len(events) == BATCH_EVENTS
            or abs(event["timestamp"] - events[0]["timestamp"]) > BATCH_MS
        ):
            yield sorted(events, key=lambda one: one["timestamp"]), cursor
            events, size = [], 0
        events.append(event)
        size += bytes_more
        cursor = entry["__CURSOR"]
    if events:
        yield sorted(events, key=lambda one: one["timestamp"]), cursor


def attempt(task):
    """Whether it has succeeded."""
    try:
        task()
        return True
    except (OSError, ValueError, KeyError, IndexError) as error:
        # Into the journal, which is sent when things are better. A refusal says why in its body.
        why = error.read().decode(errors="replace") if isinstance(error, urllib.error.HTTPError) else ""
        print(f"not sent: {error} {why}".strip(), file=sys.stderr, flush=True)
        return False


def main():
    with open(sys.argv[1], encoding="utf8") as file:
        watch = Watch(json.load(file))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    due = 0
    while not ended.is_set():
        attempt(watch.send_journal)
        if due <= 0 and attempt(watch.send_metrics):
            due = METRICS_SECONDS
        due -= JOURNAL_SECONDS
        ended.wait(JOURNAL_SECONDS)
    attempt(watch.send_journal)


if __name__ == "__main__":
    main()
