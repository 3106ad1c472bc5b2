import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** One request, as the access log tells it: chocon's fields. */
export interface AccessRecord {
  readonly remoteAddress: string;
  readonly method: string;
  /** Path without query. */
  readonly uri: string;
  readonly status: number;
  /** Bytes of body sent. */
  readonly size: number;
  readonly userAgent: string;
  /** Seconds. */
  readonly seconds: number;
  readonly host: string;
  readonly id: string;
}

export interface AccessLogOptions {
  /** Directory; `stdout`, `none`, or empty for stderr. */
  readonly accessLogDir: string;
  /** Files kept. */
  readonly accessLogRotate: number;
  /** Minutes per file. */
  readonly accessLogRotateTime: number;
}

const FLUSH_MS = 200;
const FLUSH_CHARS = 65_536;
const FILE_NAME = /^access_log\.\d{12}$/;

/** JSON lines, written a batch at a time. In a directory: one file per period and a link `current` to the latest. */
export class AccessLog {
  private lines = "";
  private readonly timer: NodeJS.Timeout;
  private fd = -1;
  private fileName = "";
  private second = 0;
  private timeText = "";

  /** @throws when the directory cannot be written to */
  constructor(private readonly options: AccessLogOptions) {
    const { accessLogDir } = options;
    if (accessLogDir === "" || accessLogDir === "stdout") this.fd = accessLogDir === "" ? 2 : 1;
    else this.openFor(Date.now());
    this.timer = setInterval(() => this.flush(), FLUSH_MS).unref();
  }

  /** A log for these options, or undefined when none is wanted. */
  static from(options: AccessLogOptions): AccessLog | undefined {
    return options.accessLogDir === "none" ? undefined : new AccessLog(options);
  }

  write(record: AccessRecord): void {
    const started = Date.now() - record.seconds * 1000;
    this.lines +=
      `{"time":"${this.timeOf(started)}","remote_addr":"${record.remoteAddress}","method":"${record.method}",` +
      `"uri":${JSON.stringify(record.uri)},"status":${record.status},"size":${record.size},` +
      `"ua":${JSON.stringify(record.userAgent)},"ptime":${record.seconds.toFixed(6)},` +
      `"host":${JSON.stringify(record.host)},"chocon_req":${JSON.stringify(record.id)}}\n`;
    if (this.lines.length > FLUSH_CHARS) this.flush();
  }

  flush(): void {
    if (this.lines === "") return;
    const { lines } = this;
    this.lines = "";
    if (this.fileName !== "") this.openFor(Date.now());
    writeAll(this.fd, Buffer.from(lines));
  }

  close(): void {
    clearInterval(this.timer);
    this.flush();
    if (this.fileName !== "") closeSync(this.fd);
  }

  /** Opens the file that `now` (ms) belongs to, unless it is open; removes the oldest beyond the number to keep. */
  private openFor(now: number): void {
    const { accessLogDir, accessLogRotate, accessLogRotateTime } = this.options;
    const offset = new Date(now).getTimezoneOffset() * 60_000;
    const period = accessLogRotateTime * 60_000;
    const start = Math.floor((now - offset) / period) * period;
    const stamp = new Date(start).toISOString().replace(/\D/g, "").slice(0, 12);
    const name = `access_log.${stamp}`;
    if (name === this.fileName) return;
    mkdirSync(accessLogDir, { recursive: true });
    const fd = openSync(join(accessLogDir, name), "a", 0o644);
    if (this.fileName !== "") closeSync(this.fd);
    this.fd = fd;
    this.fileName = name;
    // By a second name, since a link cannot be replaced in one step.
    const link = join(accessLogDir, `current.${process.pid}`);
    rmSync(link, { force: true });
    symlinkSync(name, link);
    renameSync(link, join(accessLogDir, "current"));
    const files = readdirSync(accessLogDir)
      .filter((file) => FILE_NAME.test(file))
      .sort();
    for (const old of files.slice(0, Math.max(0, files.length - accessLogRotate)))
      rmSync(join(accessLogDir, old), { force: true });
  }

  /** `2026/01/31 23:59:59 UTC`, in the local time zone. */
  private timeOf(ms: number): string {
    const second = Math.floor(ms / 1000);
    if (second !== this.second) {
      this.second = second;
      this.timeText = formatTime(new Date(second * 1000));
    }
    return this.timeText;
  }
}

function formatTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zoneOf(date)}`;
}

/** Abbreviations such as JST are a locale's: the first that has one for this zone wins, else `GMT+9`. */
const ZONE_NAMES = ["en-US", "en-GB", "ja-JP"].map(
  (locale) => new Intl.DateTimeFormat(locale, { timeZoneName: "short" }),
);

function zoneOf(date: Date): string {
  const names = ZONE_NAMES.map(
    (format) => format.formatToParts(date).find(({ type }) => type === "timeZoneName")?.value ?? "",
  );
  return names.find((name) => !/^(?:GMT|UTC)[+-]/.test(name)) ?? names[0]!;
}

/** Writes everything, also to a pipe whose reader is slow (EAGAIN): a log line is not worth losing for a millisecond. */
function writeAll(fd: number, bytes: Buffer): void {
  let at = 0;
  let patience = 100;
  while (at < bytes.length) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EAGAIN" && patience-- > 0) {
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        continue;
      }
      // Nobody reads any more, or the disk is full: requests go on.
      return;
    }
  }
}
