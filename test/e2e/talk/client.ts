import type { EventEmitter } from "node:events";
import {
  type CallOptions,
  type Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type MetadataValue,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";
import { until } from "../../testbed";
import { FIELDS, type Line, Talk } from "./protocol";

/** Where the service is reached from outside. */
export interface Entrance {
  /** `HOST:PORT` that takes TLS. */
  readonly at: string;
  readonly name: string;
  /** PEM certificate of the authority that signed the entrance's. */
  readonly authority: Buffer;
}

/** What came of a call. */
export interface Outcome {
  readonly lines: readonly string[];
  readonly code: number;
  readonly details: string;
  /** Metadata before the answer, and at its end. */
  readonly initial: readonly MetadataValue[];
  readonly trailing: readonly MetadataValue[];
}

/** A stream that is open. */
export interface Listening {
  /** Returns once it has brought this line. */
  hears(line: string): Promise<unknown>;
  readonly outcome: Promise<Outcome>;
}

type Calls = Client &
  Record<
    "Say" | "End",
    (
      asked: Line,
      fields: Metadata,
      options: CallOptions,
      done: (error: ServiceError | null, said?: Line) => void,
    ) => EventEmitter
  > & { Listen(asked: Line): ClientReadableStream<Line> };

/** A call that no answer ends is no success. */
const ANSWER_WITHIN_MS = 20_000;

/** A client of `talk.Talk`. */
export class TalkClient {
  private readonly calls: Calls;
  private readonly streams: ClientReadableStream<Line>[] = [];

  private constructor({ at, name, authority }: Entrance) {
    this.calls = new Talk(at, credentials.createSsl(authority), {
      "grpc.ssl_target_name_override": name,
      "grpc.default_authority": name,
      "grpc.enable_http_proxy": 0,
    }) as unknown as Calls;
  }

  /** Breaks off what is under way once `use` is over. */
  static async using(entrance: Entrance, use: (client: TalkClient) => Promise<void>): Promise<void> {
    const client = new TalkClient(entrance);
    try {
      await use(client);
    } finally {
      for (const stream of client.streams) stream.cancel();
      client.calls.close();
    }
  }

  /** Has all who listen read a line; an empty one is refused. */
  say(text: string, asked: readonly string[] = []): Promise<Outcome> {
    return this.unary("Say", text, asked);
  }

  /** Ends the streams of all who listen. */
  end(): Promise<Outcome> {
    return this.unary("End", "end", []);
  }

  listen(): Listening {
    const lines: string[] = [];
    const stream = this.calls.Listen({ text: "" });
    this.streams.push(stream);
    // What went wrong the status says too.
    stream.on("data", ({ text }: Line) => lines.push(text)).on("error", () => undefined);
    const outcome = outcomeOf(stream, lines);
    const early = outcome.then((came) => {
      throw new Error(`the stream has ended: ${JSON.stringify(came)}`);
    });
    early.catch(() => undefined);
    const hears = (line: string) =>
      until(`line ${line}`, ANSWER_WITHIN_MS, async () => lines.includes(line) || undefined);
    return { outcome, hears: (line) => Promise.race([hears(line), early]) };
  }

  private unary(method: "Say" | "End", text: string, asked: readonly string[]): Promise<Outcome> {
    const fields = new Metadata();
    for (const value of asked) fields.add(FIELDS.asked, value);
    const lines: string[] = [];
    const options = { deadline: Date.now() + ANSWER_WITHIN_MS };
    const call = this.calls[method]({ text }, fields, options, (_, said) => {
      if (said !== undefined) lines.push(said.text);
    });
    return outcomeOf(call, lines);
  }
}

const outcomeOf = (call: EventEmitter, lines: readonly string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    let initial: MetadataValue[] = [];
    call.on("metadata", (fields: Metadata) => (initial = fields.get(FIELDS.initial)));
    call.on("status", ({ code, details, metadata }: StatusObject) =>
      resolve({ lines, code, details, initial, trailing: metadata.get(FIELDS.trailing) }),
    );
  });
