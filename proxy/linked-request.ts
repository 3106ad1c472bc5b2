import {
  type Destination,
  type Failure,
  type MovableRequester,
  type OriginLink,
  RETRIES,
  triesAfterLoss,
} from "./exchange";
import { type RequestHead } from "./http1/request-head";
import { type ResponseHead } from "./http1/response-head";

/**
 * What every request has that is taken from one link to another, whoever makes it: where it goes, the link that it has,
 * and how often it may still be sent. How it is read and answered is its protocol's.
 */
export abstract class LinkedRequest implements MovableRequester {
  destination: Destination | undefined;

  protected link: OriginLink | undefined;
  /** How often the request may still be sent again; none once a part of it is not at hand any more. */
  protected triesLeft = RETRIES;

  abstract readonly head: RequestHead;
  abstract readonly id: string;
  abstract readonly requestDone: boolean;
  abstract readonly upgrading: boolean;
  abstract readonly wantsPayload: boolean;
  abstract readonly answerBegun: boolean;

  get method(): string {
    return this.head.method;
  }

  get replayable(): boolean {
    return this.triesLeft > 0;
  }

  abstract send(link: OriginLink): void;
  abstract originDrained(): void;
  abstract inform(head: ResponseHead): void;
  abstract respond(head: ResponseHead, bytes: Buffer, from: number, to: number, last: boolean): boolean;
  abstract body(bytes: Buffer, from: number, to: number, last: boolean): boolean;
  abstract trailers(lines: string): void;
  abstract fail(failure: Failure): void;

  switched(head: ResponseHead, bytes: Buffer, from: number, to: number): boolean {
    const more = bytes.subarray(from, to).length;
    throw new Error(`${this.id} asked for no other protocol: got ${head.status} and ${more} bytes of one`);
  }

  originEnded(): void {
    throw new Error(`${this.id} asked for no other protocol: got the end of one`);
  }

  detach(): void {
    this.link = undefined;
  }

  adopt(link: OriginLink): void {
    this.link = link;
  }

  /** Sent again where that can do nothing twice, and else failed. */
  lost(link: OriginLink, failure: Failure, answered: boolean): void {
    if (this.link !== link) return;
    this.detach();
    const triesLeft = triesAfterLoss(this.triesLeft, link, failure, answered, this);
    if (triesLeft === undefined) {
      this.fail(failure);
      return;
    }
    this.triesLeft = triesLeft;
    this.repeated();
    this.destination!.acquire(this, true);
  }

  /** Told before the request is asked a link for once more. */
  protected abstract repeated(): void;

  /** Wants nothing any more of whom it has asked. */
  protected letGo(): void {
    const { link } = this;
    this.link = undefined;
    link?.abandon();
    this.destination?.forget(this);
  }
}
