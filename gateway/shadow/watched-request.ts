import {
  type Failure,
  type MovableRequester,
  type OriginLink,
  type RequestHead,
  type ResponseHead,
} from "../../proxy/engine";
import { RecordedAnswer } from "../asking/recorded-answer";
import { RecordingLink } from "./recording-link";

const NO_BODY = Buffer.alloc(0);

/** The primary's request: passes on all that comes of it as it comes, and remembers it. */
export class WatchedRequest implements MovableRequester {
  readonly answer: RecordedAnswer;
  private link: OriginLink | undefined;
  private recording: RecordingLink | undefined;
  /** An answer that came of no link is a substitute's. */
  private substituted = false;

  /** @param onUseless called when it turns out that the answer cannot be compared */
  constructor(
    private readonly requester: MovableRequester,
    private readonly maxBytes: number,
    private readonly onUseless: () => void,
  ) {
    this.answer = new RecordedAnswer(maxBytes);
  }

  get id(): string {
    return this.requester.id;
  }

  get method(): string {
    return this.requester.method;
  }

  get head(): RequestHead {
    return this.requester.head;
  }

  get requestDone(): boolean {
    return this.requester.requestDone;
  }

  get upgrading(): boolean {
    return this.requester.upgrading;
  }

  get wantsPayload(): boolean {
    return this.requester.wantsPayload;
  }

  get answerBegun(): boolean {
    return this.requester.answerBegun;
  }

  get replayable(): boolean {
    return this.requester.replayable;
  }

  /** All of a service's answer has come. */
  get answered(): boolean {
    return this.answer.whole && !this.substituted;
  }

  /** The request's body as it was framed; undefined where not all of it was sent, or kept. */
  get sentBody(): Buffer | undefined {
    if (!this.requester.requestDone) return undefined;
    return this.recording === undefined ? NO_BODY : this.recording.body;
  }

  send(link: OriginLink): void {
    this.link = link;
    this.recording = this.head.hasBody ? new RecordingLink(link, this.maxBytes) : undefined;
    this.requester.send(this.recording ?? link);
  }

  detach(): void {
    this.link = undefined;
    this.requester.detach();
  }

  adopt(link: OriginLink): void {
    this.link = link;
    this.requester.adopt(link);
  }

  originDrained(): void {
    this.requester.originDrained();
  }

  inform(head: ResponseHead): void {
    this.requester.inform(head);
  }

  respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean {
    this.substituted = this.link === undefined;
    this.answer.begin(head, !this.wantsPayload);
    this.record(bytes, from, to, last);
    return this.requester.respond(head, bytes, from, to, last);
  }

  body(bytes: Buffer, from: number, to: number, last: boolean): boolean {
    this.record(bytes, from, to, last);
    return this.requester.body(bytes, from, to, last);
  }

  trailers(lines: string): void {
    this.requester.trailers(lines);
  }

  switched(head: ResponseHead, bytes: Buffer, from: number, to: number): boolean {
    return this.requester.switched(head, bytes, from, to);
  }

  originEnded(): void {
    this.requester.originEnded();
  }

  lost(link: OriginLink, failure: Failure, answered: boolean): void {
    this.requester.lost(this.recording?.link === link ? this.recording : link, failure, answered);
  }

  fail(failure: Failure): void {
    this.requester.fail(failure);
  }

  private record(bytes: Buffer, from: number, to: number, last: boolean): void {
    this.answer.add(bytes, from, to, last);
    if (!this.answer.comparable) this.onUseless();
  }
}
