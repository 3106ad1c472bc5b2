import { type MovableRequester } from "../../../exchange";
import { type RequestHead } from "../../../http1/request-head";
import { ResponseHead } from "../../../http1/response-head";
import { type StaleOptions } from "../../../options/group-options";
import { type Origin } from "../../../route";
import { fieldText, forbidsKeeping, type Freshness, freshness, satisfies, varied } from "./freshness";
import { Recording } from "./recording";
import { StoredLink } from "./stored-link";

/** Those that ask, and change nothing (RFC 9110 section 9.2.1). */
const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);
/** Part of the store that one answer may take. */
const LARGEST_PART = 1 / 8;
/** Bytes that an answer takes besides its own text, about. */
const OVERHEAD_BYTES = 1_024;
/** Answers to one target that differ by fields of the request. */
const MAX_VARIANTS = 8;
/** What is stored was within its origin's bounds, and has a few fields more. */
const LIMITS = { maxHeaderBytes: 1_048_576, maxHeaderCount: 100_000 };
/** Of this connection, or told anew of the answer when it is given. */
const NOT_KEPT = new Set(["content-length", "transfer-encoding", "trailer", "age"]);

interface StoredAnswer {
  /** The request's fields that it depends on, as they were. */
  readonly variant: ReadonlyMap<string, string>;
  readonly freshness: Freshness;
  /** Milliseconds, by a clock that is never set. */
  readonly since: number;
  /** Status line and fields. */
  readonly lines: string;
  readonly body: Buffer;
}

/**
 * Answers of a group's origins, for when none of them answers (RFC 9111, RFC 5861): bounded, by what was used last, and
 * nothing that is private. An origin that can be asked always is.
 */
export class StaleStore {
  /** Bytes of all that is kept. */
  bytes = 0;
  private readonly kept = new Map<string, readonly StoredAnswer[]>();

  /** @param origin whom a client's request is written for, where nobody reads it */
  constructor(
    private readonly options: StaleOptions,
    private readonly origin: Origin,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  /** An answer has begun: takes it down where it may be kept. @param waited seconds since its request */
  record(requester: MovableRequester, answer: ResponseHead, waited: number): Recording | undefined {
    const { head } = requester;
    const key = keyOf(head);
    if (!SAFE_METHODS.has(requester.method)) {
      // What was changed there is not what it was (section 4.4).
      if (answer.status >= 200 && answer.status < 400) this.forget(key);
      return undefined;
    }
    if (requester.method !== "GET" || requester.upgrading || forbidsKeeping(head)) return undefined;
    const found = freshness(head, answer, this.options.ifError, waited, Date.now());
    if (found === undefined) return undefined;
    const lines = keptLines(answer);
    const variant = new Map(varied(answer).map((name) => [name, fieldText(head, name)]));
    const since = this.clock();
    return new Recording(
      answer.chunked && !requester.wantsPayload,
      this.options.bytes * LARGEST_PART - lines.length - OVERHEAD_BYTES,
      (body) => this.keep(key, { variant, freshness: found, since, lines, body }),
    );
  }

  /** What may be answered to this request in the origins' place. */
  find(requester: MovableRequester): (() => void) | undefined {
    const { head, method } = requester;
    if ((method !== "GET" && method !== "HEAD") || requester.upgrading) return undefined;
    const key = keyOf(head);
    const variants = this.kept.get(key);
    const stored = variants?.find(
      (each) => matches(each, head) && satisfies(head, each.freshness, this.ageOf(each)),
    );
    if (stored === undefined) return undefined;
    this.kept.delete(key);
    this.kept.set(key, variants!);
    return () => this.give(stored, requester);
  }

  private give(stored: StoredAnswer, requester: MovableRequester): void {
    const age = this.ageOf(stored);
    const left = Math.floor(stored.freshness.lifetime - age);
    const text = Buffer.from(
      `${stored.lines}Age: ${Math.floor(age)}\r\nContent-Length: ${stored.body.length}\r\n` +
        `Cache-Status: tricloud-proxy; hit; ttl=${left}; detail=stale-if-error\r\n\r\n`,
      "latin1",
    );
    const head = new ResponseHead(LIMITS);
    head.parse(text, 0, text.length);
    const body = requester.method === "HEAD" ? stored.body.subarray(0, 0) : stored.body;
    new StoredLink(this.origin, requester, head, body).answer();
  }

  private keep(key: string, answer: StoredAnswer): void {
    const others = (this.kept.get(key) ?? []).filter((each) => !sameVariant(each.variant, answer.variant));
    this.forget(key);
    const variants = [answer, ...others].slice(0, MAX_VARIANTS);
    this.kept.set(key, variants);
    this.bytes += sizeOf(key, variants);
    for (const oldest of this.kept.keys()) {
      if (this.bytes <= this.options.bytes) return;
      this.forget(oldest);
    }
  }

  private forget(key: string): void {
    const variants = this.kept.get(key);
    if (variants === undefined) return;
    this.bytes -= sizeOf(key, variants);
    this.kept.delete(key);
  }

  private ageOf({ freshness: { age }, since }: StoredAnswer): number {
    return age + (this.clock() - since) / 1000;
  }
}

const keyOf = (head: RequestHead): string => `${head.host.toLowerCase()} ${head.target}`;

const sizeOf = (key: string, variants: readonly StoredAnswer[]): number =>
  variants.reduce((sum, { lines, body }) => sum + lines.length + body.length + OVERHEAD_BYTES, key.length);

const matches = ({ variant }: StoredAnswer, head: RequestHead): boolean =>
  [...variant].every(([name, value]) => fieldText(head, name) === value);

const sameVariant = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([name, value]) => b.get(name) === value);

/** Status line and those fields that belong to the answer itself. */
function keptLines(answer: ResponseHead): string {
  const [status, ...fields] = answer.forwarded().split("\r\n").slice(0, -1);
  const kept = fields.filter((line) => !NOT_KEPT.has(line.slice(0, line.indexOf(":")).toLowerCase()));
  return [status, ...kept].map((line) => `${line}\r\n`).join("");
}
