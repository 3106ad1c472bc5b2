import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { clock } from "../clock";
import { LogLines } from "./log-lines";

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
  /** The name in its certificate, where another region's proxy sent it. */
  readonly peer?: string;
  /** By which route a gateway took it, and to which service. */
  readonly route?: string;
  readonly service?: string;
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

/**
 * Looks once, before anything is served, whether the log can be written where it is to be: later a disk may be full.
 *
 * @throws naming the directory
 */
export function requireDirectory({ accessLogDir }: AccessLogOptions): void {
  if (["", "none", "stdout"].includes(accessLogDir)) return;
  mkdirSync(accessLogDir, { recursive: true });
  accessSync(accessLogDir, constants.W_OK);
}

/** JSON lines, written a batch at a time. In a directory: one file per period and a link `current` to the latest. */
export class AccessLog {
  readonly lines = new LogLines();
  private readonly timer: NodeJS.Timeout;
  private fd = -1;
  private fileName = "";
  private readonly inDirectory: boolean;
  private flushAgainAt = 0;
  private second = 0;
  private timeText = "";

  /** Where the directory cannot be written to, lines wait until it can be. */
  constructor(private readonly options: AccessLogOptions) {
    const { accessLogDir } = options;
    this.inDirectory = accessLogDir !== "" && accessLogDir !== "stdout";
    if (this.inDirectory) this.rotate();
    else this.fd = accessLogDir === "" ? 2 : 1;
    (this.fd === 1 ? process.stdout : process.stderr).on("error", () => undefined);
    this.timer = setInterval(() => this.flush(), FLUSH_MS).unref();
  }

  /** A log for these options, or undefined when none is wanted. */
  static from(options: AccessLogOptions): AccessLog | undefined {
    return options.accessLogDir === "none" ? undefined : new AccessLog(options);
  }

  write(record: AccessRecord): void {
    const started = Date.now() - record.seconds * 1000;
    this.lines.add(
      `{"time":"${this.timeOf(started)}","remote_addr":"${record.remoteAddress}","method":"${record.method}",` +
        `"uri":${JSON.stringify(record.uri)},"status":${record.status},"size":${record.size},` +
        `"ua":${JSON.stringify(record.userAgent)},"ptime":${record.seconds.toFixed(6)},` +
        `"host":${JSON.stringify(record.host)},"chocon_req":${JSON.stringify(record.id)}` +
        `${record.peer === undefined ? "" : `,"peer":"${record.peer}"`}` +
        `${record.route === undefined ? "" : `,"route":"${record.route}","service":"${record.service}"`}}\n`,
    );
    if (this.lines.size > FLUSH_CHARS && clock.now > this.flushAgainAt) this.flush();
  }

  flush(): void {
    if (this.lines.empty) return;
    if (this.inDirectory) this.rotate();
    this.lines.flush(this.fd);
    // What could not be written waits for the timer, or each request would try.
    if (!this.lines.empty) this.flushAgainAt = clock.now + FLUSH_MS;
  }

  /** Opens the file that is due; while it cannot be had, the last one is written on. */
  private rotate(): void {
    try {
      this.openFor(Date.now());
    } catch {
      this.lines.counts.failures++;
    }
  }

  close(): void {
    clearInterval(this.timer);
    this.flush();
    if (this.fd > 2) closeSync(this.fd);
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
    if (this.fd >= 0) closeSync(this.fd);
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
