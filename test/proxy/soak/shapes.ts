/** The client's protocol, and whether its connection is TLS. */
export type ClientKind = "h1" | "h2c" | "h2";
/**
 * What the exchange goes to. The `rough` origins end whole sessions, with every exchange on them; `leaving` says GOAWAY
 * and lets exchanges end; `h2c` is reached by gRPC's content type only.
 */
export type OriginKind = "h1" | "h1-tls" | "h2" | "h2-rough" | "h2-leaving" | "h2c";
export type Framing = "length" | "chunked";

/** How the origin breaks an exchange off: its stream (HTTP/2), its connection, or all of its session. */
export type Fault = "reset" | "refuse" | "cut" | "goaway-error" | "goaway-graceful";

/** One side's body: bytes `at`..`at + size` of the noise, written in pieces. */
export interface Body {
  readonly at: number;
  readonly size: number;
  readonly framing: Framing;
  readonly trailers: boolean;
  readonly pieces: number;
  readonly pauseMs: number;
}

/** All that is decided of one exchange before it begins. */
export interface Shape {
  readonly id: string;
  readonly client: ClientKind;
  readonly origin: OriginKind;
  readonly method: "GET" | "HEAD" | "PUT" | "POST";
  /** Undefined: a request without a body. */
  readonly request: Body | undefined;
  readonly status: number;
  readonly response: Body;
  /** Interim responses (103) before the final one. */
  readonly interims: number;
  /** The origin answers without reading the request's body. */
  readonly early: boolean;
  /** Where in the response's body the origin breaks off; -1 is before the head. */
  readonly fault: { readonly kind: Fault; readonly at: number } | undefined;
  /** Milliseconds between two reads of the client, and of the origin. */
  readonly clientReadMs: number;
  readonly originReadMs: number;
  /** The client leaves after so many bytes of the response's body; -1 is before its head. */
  readonly leavesAt: number | undefined;
}

/** What every body is cut from. */
export const NOISE = noise(3_000_000);

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function noise(size: number): Buffer {
  const next = random(size);
  return Buffer.from(Uint8Array.from({ length: size }, () => next() * 256));
}

export function bytesOf({ at, size }: Body): Buffer {
  return NOISE.subarray(at, at + size);
}

/** Fields after the body: a number that is the exchange's own. */
export function trailersOf(shape: Shape): Record<string, string> {
  return { "x-sum": `sum of ${shape.id}`, "x-also": "a, b" };
}

/** Sizes about which something changes: what travels with a head, a read, a window. */
const EDGES = [1, 8_191, 8_192, 8_193, 16_384, 16_385, 65_535, 65_536, 65_537, 262_144, 262_145, 1_000_000];

/** Which kinds take part, where only some are asked for: `SOAK_CLIENTS=h2c SOAK_ORIGINS=h1,h1-tls`. */
function kinds<Kind extends string>(variable: string, all: readonly Kind[]): readonly Kind[] {
  const wanted = process.env[variable]?.split(",");
  return wanted === undefined ? all : all.filter((kind) => wanted.includes(kind));
}

const CLIENTS = kinds<ClientKind>("SOAK_CLIENTS", ["h1", "h2c", "h2"]);
const ORIGINS = kinds<OriginKind>("SOAK_ORIGINS", [
  "h1",
  "h1-tls",
  "h2",
  "h2",
  "h2-rough",
  "h2-leaving",
  "h2c",
]);

/** Exchanges of random shape, named `PREFIX-0`, `PREFIX-1`, ...; the same ones for the same seed. */
export function* shapes(seed: number, prefix: string): Generator<Shape, never> {
  const next = random(seed);
  const chance = (probability: number): boolean => next() < probability;
  const oneOf = <T>(choices: readonly T[]): T => choices[Math.floor(next() * choices.length)]!;
  const upTo = (most: number): number => Math.floor(next() * (most + 1));
  const size = (): number => {
    if (chance(0.15)) return 0;
    if (chance(0.25)) return oneOf(EDGES);
    return upTo(oneOf([100, 2_000, 20_000, 100_000, 1_000_000]));
  };
  const body = (bytes: number): Body => ({
    at: upTo(NOISE.length - 1_000_001),
    size: bytes,
    framing: oneOf(["length", "chunked"]),
    trailers: chance(0.3),
    pieces: 1 + upTo(oneOf([0, 3, 20])),
    pauseMs: chance(0.15) ? upTo(10) : 0,
  });
  for (let count = 0; ; count++) {
    const client = oneOf(CLIENTS);
    const origin = oneOf(client === "h1" ? ORIGINS.filter((kind) => kind !== "h2c") : ORIGINS);
    const method = oneOf(["GET", "GET", "HEAD", "PUT", "POST", "POST"] as const);
    const request = method === "PUT" || method === "POST" ? body(size()) : undefined;
    const status = oneOf([200, 200, 200, 200, 201, 204, 304, 404, 500]);
    const response = body(method === "HEAD" || status === 204 || status === 304 ? 0 : size());
    const faults: Record<OriginKind, readonly Fault[]> = {
      h1: ["cut"],
      "h1-tls": ["cut"],
      h2: ["reset", "refuse"],
      "h2-rough": ["cut", "goaway-error"],
      "h2-leaving": ["goaway-graceful"],
      h2c: ["reset"],
    };
    // Each end of a session is felt by all of its exchanges.
    const kind = chance(origin === "h2-leaving" ? 0.02 : 0.12) ? oneOf(faults[origin]) : undefined;
    const atHead = response.size === 0 || kind === "refuse" || kind === "goaway-graceful" || chance(0.4);
    yield {
      id: `${prefix}-${count}`,
      client,
      origin,
      method,
      request,
      status,
      response,
      interims: chance(0.1) ? 1 + upTo(2) : 0,
      early: request !== undefined && chance(0.1),
      fault: kind === undefined ? undefined : { kind, at: atHead ? -1 : upTo(response.size - 1) },
      clientReadMs: chance(0.1) ? 1 + upTo(10) : 0,
      originReadMs: chance(0.1) ? 1 + upTo(10) : 0,
      leavesAt: chance(0.08) ? (chance(0.5) ? -1 : upTo(response.size)) : undefined,
    };
  }
}
