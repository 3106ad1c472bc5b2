import { type ResponseHead } from "../../proxy/engine";
import { type AnswerTaker } from "../asking/own-request";
import { CODE, codeOfStranger, type GrpcStatus, statusOf } from "./grpc-status";
import { type FrameProblem, MessageFrames } from "./message-frames";

/** What is told of a call as it goes on. */
export interface CallListener {
  /** The service answers, and messages may follow. @param metadata field lines, each ended by CRLF */
  begun(metadata: string): void;
  /** @param bytes lent until this returns @returns false to be given no more for now */
  message(bytes: Buffer): boolean;
  /** Nothing follows. @param metadata field lines that came at the end */
  ended(status: GrpcStatus, metadata: string): void;
}

const GRPC = /^application\/grpc(?:[+;]|$)/i;
/** Fields of an answer that are its own business, and no metadata. */
const NOT_METADATA =
  /^(?:grpc-(?:status|message|status-details-bin|encoding|accept-encoding)|content-.*|transfer-encoding|trailer|te|connection|server|date|x-chocon-id)$/;

const PROBLEMS: Readonly<Record<FrameProblem, GrpcStatus>> = {
  too_large: failed(CODE.RESOURCE_EXHAUSTED, "the service sent a larger message than the route takes"),
  compressed: failed(CODE.INTERNAL, "the service sent a compressed message that nobody asked for"),
};

/** A service's answer to a call, taken apart. */
export class CallAnswer implements AnswerTaker {
  status = 0;
  private over = false;
  private trailers: string | undefined;
  private readonly frames: MessageFrames;

  constructor(
    private readonly listener: CallListener,
    maxMessageBytes: number,
  ) {
    this.frames = new MessageFrames(maxMessageBytes);
  }

  get useful(): boolean {
    return !this.over;
  }

  begin(head: ResponseHead): void {
    this.status = head.status;
    if (head.status !== 200 || !GRPC.test(head.fieldValue("content-type") ?? "")) {
      this.end(
        failed(
          codeOfStranger(head.status),
          `the service answered with HTTP status ${head.status}, and not in gRPC`,
        ),
        "",
      );
      return;
    }
    const { status, metadata } = toldByHead(head.text);
    if (status !== undefined) this.end(status, metadata);
    else this.listener.begun(metadata);
  }

  trail(lines: string): void {
    this.trailers = lines;
  }

  add(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    if (this.over) return true;
    let flowing = true;
    const problem = this.frames.add(bytes, from, to, (message) => {
      if (!this.listener.message(message)) flowing = false;
    });
    if (problem !== undefined) this.end(PROBLEMS[problem], "");
    else if (last) this.endWith(this.trailers ?? "");
    return flowing;
  }

  private endWith(trailers: string): void {
    const { status, metadata } = toldByTrailers(trailers);
    if (status === undefined)
      this.end(failed(CODE.UNKNOWN, "the service ended the call without a status"), metadata);
    else if (status.code === CODE.OK && !this.frames.complete)
      this.end(failed(CODE.INTERNAL, "the service ended the call within a message"), "");
    else this.end(status, metadata);
  }

  private end(status: GrpcStatus, metadata: string): void {
    if (this.over) return;
    this.over = true;
    this.listener.ended(status, metadata);
  }
}

/** A status of the gateway's own. */
export function failed(code: number, message: string): GrpcStatus {
  return { code, message, details: [] };
}

/** The field lines of a head. */
const linesOf = (head: string): string => head.slice(head.indexOf("\r\n") + 2, -2);

/** What field lines say of a call. */
interface Told {
  readonly status: GrpcStatus | undefined;
  readonly metadata: string;
}

const toldBy = (lines: string): Told => ({ status: statusOf(fieldsOf(lines)), metadata: metadataOf(lines) });

/** Most answers have the fields of the one before: what these say is kept. */
function keptOf<T>(make: (text: string) => T): (text: string) => T {
  let last: { readonly text: string; readonly made: T } | undefined;
  return (text) => {
    if (last?.text !== text) last = { text, made: make(text) };
    return last.made;
  };
}

const toldByHead = keptOf((head) => toldBy(linesOf(head)));
const toldByTrailers = keptOf(toldBy);

function metadataOf(lines: string): string {
  let kept = "";
  for (const line of lines.split("\r\n")) {
    if (line !== "" && !NOT_METADATA.test(line.slice(0, line.indexOf(":")).toLowerCase()))
      kept += `${line}\r\n`;
  }
  return kept;
}

const fieldsOf =
  (lines: string) =>
  (name: string): string | undefined => {
    for (const line of lines.split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon === name.length && line.slice(0, colon).toLowerCase() === name)
        return line.slice(colon + 1).trim();
    }
    return undefined;
  };
