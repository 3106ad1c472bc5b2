import { type OwnBody } from "../../proxy/engine";
import { type CallListener, failed } from "./call-answer";
import { type ClientAnswer } from "../asking/client-answer";
import { type BodyEncoding, type Codec, type Content, type Encoding, type RequestContent } from "./codec";
import { type ErrorAnswers } from "./error-answer";
import { CODE, type GrpcStatus } from "./grpc-status";
import { type FoundBinding } from "./method-table";
import { type Translation } from "./translation";

/** What a stream of messages is written as. */
export type StreamForm = "lines" | "events";

/** What the client's head says of the request, and of what it wants. */
export interface Wishes {
  readonly query: string;
  readonly contentType: string;
  /** Of the request's body. */
  readonly sent: BodyEncoding;
  readonly wanted: Encoding;
  readonly stream: StreamForm;
}

const STREAM_TYPES: Readonly<Record<StreamForm, string>> = {
  lines: "application/x-ndjson",
  // What is held back on the way is no stream any more.
  events: "text/event-stream\r\nCache-Control: no-cache\r\nX-Accel-Buffering: no",
};

/** A request in JSON, or in Protocol Buffers, that stands for a call. */
export class JsonTranslation implements Translation {
  readonly subtype = "";
  readonly path: string;

  constructor(
    readonly found: FoundBinding,
    private readonly codec: Codec,
    private readonly errors: ErrorAnswers,
    private readonly wishes: Wishes,
    readonly maxMessageBytes: number,
  ) {
    const { parent, name } = found.binding.method.method;
    this.path = `/${parent.typeName}/${name}`;
  }

  request(body: Buffer): Buffer {
    const { query, contentType, sent } = this.wishes;
    const content: RequestContent = { query, body, contentType, encoding: sent };
    return this.codec.message(this.found, content);
  }

  listener(answer: ClientAnswer): CallListener {
    return this.found.binding.method.method.methodKind === "server_streaming"
      ? new StreamListener(this, answer, this.wishes.stream)
      : new UnaryListener(this, answer);
  }

  refuse(answer: ClientAnswer, status: GrpcStatus, http = this.errors.statusFor(status.code)): void {
    const { contentType, body } = this.errors.content(status, http, this.wishes.wanted);
    answer.whole(http, "", contentType, body);
  }

  /** The same, with what the service said besides. */
  fail(answer: ClientAnswer, status: GrpcStatus, lines: string): void {
    const http = this.errors.statusFor(status.code);
    const { contentType, body } = this.errors.content(status, http, this.wishes.wanted);
    answer.whole(http, lines, contentType, body);
  }

  told(status: GrpcStatus, http: number): OwnBody {
    return this.errors.told(status, http, this.wishes.wanted);
  }

  content(message: Buffer): Content {
    return this.codec.answer(this.found, message, this.wishes.wanted);
  }

  line(message: Buffer): string {
    return this.codec.line(this.found, message);
  }

  /** A status within a stream. */
  statusLine(status: GrpcStatus): string {
    return this.errors.content(status, this.errors.statusFor(status.code), "json").body.toString();
  }
}

/** The one message of a call. */
class UnaryListener implements CallListener {
  private metadata = "";
  private messages = 0;
  private told: Content | Error | undefined;

  constructor(
    private readonly translation: JsonTranslation,
    private readonly answer: ClientAnswer,
  ) {}

  begun(metadata: string): void {
    this.metadata = metadata;
  }

  message(bytes: Buffer): true {
    // The bytes are not there any more when the call ends.
    if (++this.messages === 1) this.told = this.tell(bytes);
    return true;
  }

  ended(status: GrpcStatus, metadata: string): void {
    const { translation, answer, told, messages } = this;
    const lines = this.metadata + metadata;
    if (status.code !== CODE.OK) {
      translation.fail(answer, status, lines);
      return;
    }
    if (told === undefined || messages > 1) {
      translation.fail(
        answer,
        failed(CODE.INTERNAL, `the service sent ${messages} messages where one is due`),
        lines,
      );
      return;
    }
    if (told instanceof Error)
      translation.fail(
        answer,
        failed(CODE.INTERNAL, `the service's message cannot be told: ${told.message}`),
        lines,
      );
    else answer.whole(200, lines, told.contentType, told.body);
  }

  private tell(message: Buffer): Content | Error {
    try {
      return this.translation.content(message);
    } catch (error) {
      return error as Error;
    }
  }
}

/** Messages as they come: a line each, or an event each. What goes wrong in their midst is the last of them. */
class StreamListener implements CallListener {
  constructor(
    private readonly translation: JsonTranslation,
    private readonly answer: ClientAnswer,
    private readonly form: StreamForm,
  ) {}

  begun(metadata: string): void {
    this.answer.begin(200, `Content-Type: ${STREAM_TYPES[this.form]}\r\n${metadata}`);
  }

  message(bytes: Buffer): boolean {
    let line: string;
    try {
      line = this.translation.line(bytes);
    } catch (error) {
      this.ended(
        failed(CODE.INTERNAL, `the service's message cannot be told: ${(error as Error).message}`),
        "",
      );
      return true;
    }
    return this.answer.write(Buffer.from(this.form === "events" ? `data: ${line}\n\n` : `${line}\n`));
  }

  ended(status: GrpcStatus, metadata: string): void {
    const { translation, answer, form } = this;
    if (!answer.begun) {
      if (status.code === CODE.OK) this.begun(metadata);
      else {
        translation.fail(answer, status, metadata);
        return;
      }
    }
    const trailers = `${metadata}grpc-status: ${status.code}\r\n`;
    if (status.code === CODE.OK) answer.end(Buffer.alloc(0), trailers);
    else {
      const line = translation.statusLine(status);
      answer.end(
        Buffer.from(form === "events" ? `event: error\ndata: ${line}\n\n` : `{"error":${line}}\n`),
        trailers,
      );
    }
  }
}
