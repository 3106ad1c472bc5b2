import { type Destination, type Failure, type MovableRequester, type OriginLink } from "../../proxy/engine";
import { fieldLines } from "../asking/field-lines";
import { type Miss, OwnRequest } from "../asking/own-request";
import { hostOf } from "../call";
import { type OwnCall } from "../own-call";
import { BadRequest } from "./bad-request";
import { CallAnswer, type CallListener, failed } from "./call-answer";
import { CapturedRequest } from "../asking/captured-request";
import { ClientAnswer } from "../asking/client-answer";
import { CODE, codeOfHttp } from "./grpc-status";
import { type Translation } from "./translation";

/** Fields of a client's request that are of its body, of its hop, or of gRPC's own making. */
const NOT_METADATA =
  /^(?:content-.*|accept|accept-encoding|te|transfer-encoding|expect|connection|host|grpc-.*|x-grpc-web)$/;

/** To whom a call goes, and how. */
export interface CallTarget {
  /** Connections to the service, by HTTP/2. */
  readonly service: Destination;
  /** The service reads the client's Host. */
  readonly keepHost: boolean;
  /** Seconds that the route gives it; 0 for any time. */
  readonly timeout: number;
}

/** One client's request, put to a service as a call. */
export class TranscodedRequest implements OwnCall {
  readonly keepsTime = false;
  private call: OwnRequest | undefined;

  constructor(
    private readonly translation: Translation,
    private readonly target: CallTarget,
  ) {}

  begin(requester: MovableRequester): void {
    const { translation } = this;
    const captured = new CapturedRequest(requester.head, {
      abandon: () => this.cancel(),
      resume: () => this.call?.resume(),
    });
    requester.send(captured);
    const answer = new ClientAnswer(requester);
    let body: Buffer;
    try {
      body = translation.request(captured.body);
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      translation.refuse(answer, failed(codeOfHttp(error.status), error.message), error.status);
      return;
    }
    this.ask(requester, captured, body, translation.listener(answer), answer);
  }

  cancel(): void {
    this.call?.cancel();
  }

  private ask(
    requester: MovableRequester,
    captured: CapturedRequest,
    body: Buffer,
    listener: CallListener,
    client: ClientAnswer,
  ): void {
    const { translation, target } = this;
    const { head, id } = requester;
    const own = deadlineOf(head.fieldValue("grpc-timeout"));
    const deadline = Math.min(own ?? Infinity, target.timeout > 0 ? target.timeout : Infinity);
    const subtype = translation.subtype === "" ? "+proto" : translation.subtype;
    const lines =
      fieldLines(captured.head, NOT_METADATA) +
      `content-type: application/grpc${subtype}\r\ngrpc-accept-encoding: identity\r\n` +
      timeoutLine(deadline) +
      `content-length: ${body.length}\r\n\r\n`;
    const headFor = ({ origin }: OriginLink): string =>
      `POST ${translation.path} HTTP/1.1\r\nHost: ${hostOf(origin, target.keepHost, head)}\r\n${lines}`;
    const answer = new CallAnswer(listener, translation.maxMessageBytes);
    this.call = new OwnRequest(
      { service: target.service, head, id, method: "POST", body, timeout: own ?? 0, headFor },
      answer,
      (miss, failure) => this.missed(requester, answer, client, listener, miss, failure),
    );
    this.call.begin();
  }

  /** The call came to no end of its own. */
  private missed(
    requester: MovableRequester,
    answer: CallAnswer,
    client: ClientAnswer,
    listener: CallListener,
    miss: Miss | undefined,
    failure: Failure = { status: 504, problem: "no answer within the time that the client gave it" },
  ): void {
    if (miss === undefined || !answer.useful) return;
    if (!client.begun) requester.fail(failure);
    else {
      const code = miss === "timed_out" ? CODE.DEADLINE_EXCEEDED : CODE.UNAVAILABLE;
      listener.ended(failed(code, "the service's answer was cut short"), "");
    }
  }
}

/** Seconds that a client gives a call (gRPC over HTTP2, Timeout); undefined where it says none, or more than a day. */
function deadlineOf(text: string | undefined): number | undefined {
  const [, value, unit] = /^(\d{1,8})([HMSmun])$/.exec(text ?? "") ?? [];
  if (value === undefined) return undefined;
  const seconds = Number(value) * SECONDS[unit as keyof typeof SECONDS];
  return seconds > DAY ? undefined : Math.max(seconds, LEAST);
}

/** The same as a service reads it, which has room for eight digits. */
function timeoutLine(seconds: number): string {
  if (seconds === Infinity) return "";
  return `grpc-timeout: ${seconds > DAY ? `${Math.round(seconds)}S` : `${Math.round(seconds * 1000)}m`}\r\n`;
}

const DAY = 86_400;
/** Where a client gives no time at all: a call ends as one whose time is up. */
const LEAST = 0.001;
const SECONDS = { H: 3600, M: 60, S: 1, m: 1e-3, u: 1e-6, n: 1e-9 };
