import { type OwnBody } from "../../proxy/engine";
import { BadRequest } from "./bad-request";
import { type CallListener } from "./call-answer";
import { type ClientAnswer } from "../asking/client-answer";
import { type GrpcStatus } from "./grpc-status";
import { framed } from "./message-frames";
import { type Translation } from "./translation";

/** The flag of the frame that tells status and trailing metadata (gRPC-Web, Protocol differences vs gRPC over HTTP2). */
const TRAILERS = 0x80;

/** A call in gRPC-Web: what gRPC says in trailers comes as a last frame, since browsers show no trailers. */
export class WebTranslation implements Translation {
  /**
   * @param text all of it is in base64
   * @param subtype `+proto`, for one, or empty
   */
  constructor(
    readonly path: string,
    readonly subtype: string,
    private readonly text: boolean,
    readonly maxMessageBytes: number,
  ) {}

  request(body: Buffer): Buffer {
    const bytes = this.text ? decoded(body) : body;
    let at = 0;
    while (at < bytes.length) {
      if (bytes.length - at < 5) throw new BadRequest("the body ends within a frame");
      if (bytes[at] !== 0) throw new BadRequest("a frame is compressed, or holds no message");
      at += 5 + bytes.readUInt32BE(at + 1);
    }
    if (at !== bytes.length) throw new BadRequest("the body ends within a frame");
    return bytes;
  }

  listener(answer: ClientAnswer): CallListener {
    return {
      begun: (metadata) => this.begin(answer, metadata),
      message: (bytes) => answer.write(this.encoded(framed(bytes))),
      ended: (status, metadata) => {
        if (!answer.begun) this.begin(answer, "");
        answer.end(this.encoded(trailerFrame(status, metadata)));
      },
    };
  }

  /** As gRPC's answers that are all trailers: the status is in the head. */
  refuse(answer: ClientAnswer, status: GrpcStatus): void {
    answer.whole(200, statusLines(status), this.contentType, Buffer.alloc(0));
  }

  told({ message }: GrpcStatus): OwnBody {
    return { contentType: "text/plain", text: Buffer.from(`${message}\n`).toString("latin1") };
  }

  private begin(answer: ClientAnswer, metadata: string): void {
    answer.begin(200, `Content-Type: ${this.contentType}\r\n${metadata}`);
  }

  private get contentType(): string {
    return `application/grpc-web${this.text ? "-text" : ""}${this.subtype === "" ? "+proto" : this.subtype}`;
  }

  private encoded(frame: Buffer): Buffer {
    return this.text ? Buffer.from(frame.toString("base64")) : frame;
  }
}

function trailerFrame(status: GrpcStatus, metadata: string): Buffer {
  const frame = framed(
    Buffer.from(
      metadata.replace(/^[^:\r\n]+/gm, (name) => name.toLowerCase()) + statusLines(status),
      "latin1",
    ),
  );
  frame[0] = TRAILERS;
  return frame;
}

function statusLines({ code, message, raw }: GrpcStatus): string {
  const told = message === "" ? "" : `grpc-message: ${encodeURIComponent(message)}\r\n`;
  return `grpc-status: ${code}\r\n${told}${raw === undefined ? "" : `grpc-status-details-bin: ${raw}\r\n`}`;
}

/** Base64 that may be several, each padded, one after the other. @throws BadRequest */
function decoded(body: Buffer): Buffer {
  const text = body.toString("latin1");
  if (!/^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/.test(text))
    throw new BadRequest("the body is not in base64");
  return Buffer.concat(
    (text.match(/[A-Za-z0-9+/]+={0,2}/g) ?? []).map((part) => Buffer.from(part, "base64")),
  );
}
