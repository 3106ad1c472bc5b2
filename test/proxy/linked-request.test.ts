import { type Destination, type Failure, type MovableRequester, type OriginLink } from "../../proxy/exchange";
import { type RequestHead } from "../../proxy/http1/request-head";
import { LinkedRequest } from "../../proxy/linked-request";

const REFUSED: Failure = { status: 502, problem: "refused", untouched: true };
const RESET: Failure = { status: 502, problem: "reset" };
const LATE: Failure = { status: 504, problem: "late" };

const linkThatServed = (served: number) =>
  ({ served, abandon: jest.fn() }) as unknown as OriginLink & { abandon: jest.Mock };

/** A request that has been read to its end, and what becomes of it. */
class Noted extends LinkedRequest {
  readonly id = "1";
  readonly requestDone = true;
  readonly upgrading = false;
  readonly wantsPayload = false;
  readonly answerBegun = false;
  readonly head: RequestHead;
  readonly events: string[] = [];

  constructor(method: string) {
    super();
    this.head = { method, idempotent: method === "GET" } as RequestHead;
    this.destination = {
      key: "api.example.com",
      acquire: (_: MovableRequester, fresh?: boolean) =>
        this.events.push(`acquire ${fresh ? "fresh" : "any"}`),
      forget: () => this.events.push("forget"),
    } satisfies Destination;
  }

  send(link: OriginLink): void {
    this.link = link;
  }
  fail({ problem }: Failure): void {
    this.events.push(`fail ${problem}`);
  }
  leave(): void {
    this.letGo();
  }
  protected repeated(): void {
    this.events.push("repeated");
  }
  originDrained(): void {}
  inform(): void {}
  respond = () => true;
  body = () => true;
  trailers(): void {}
}

/** What becomes of a request whose link is lost. */
function lost(method: string, served: number, failure: Failure, answered = false): string[] {
  const request = new Noted(method);
  const link = linkThatServed(served);
  request.send(link);
  request.lost(link, failure, answered);
  return request.events;
}

const AGAIN = ["repeated", "acquire fresh"];

test.each<[what: string, events: string[], becomes: string[]]>([
  ["that was never sent", lost("POST", 0, REFUSED), AGAIN],
  ["that may be repeated, on a link that served before", lost("GET", 3, RESET), AGAIN],
  ["that may be repeated, on a new link", lost("GET", 0, RESET), ["fail reset"]],
  ["that may do something twice", lost("POST", 3, RESET), ["fail reset"]],
  ["whose answer had begun", lost("GET", 3, RESET, true), ["fail reset"]],
  ["whose time was up", lost("GET", 3, LATE), ["fail late"]],
])("a request %s", (_, events, becomes) => {
  expect(events).toEqual(becomes);
});

test("a request is not sent again for ever", () => {
  // GIVEN an origin that refuses every link WHEN each is lost in turn THEN at last it fails
  const request = new Noted("GET");
  for (let times = 0; times < 10 && !request.events.includes("fail refused"); times++) {
    const link = linkThatServed(0);
    request.send(link);
    request.lost(link, REFUSED, false);
  }
  expect(request.events.at(-1)).toBe("fail refused");
  expect(request.replayable).toBe(false);
});

test("a link that it has no more does nothing to it", () => {
  // GIVEN a request that has gone on to another link WHEN the first one dies
  const request = new Noted("GET");
  const first = linkThatServed(1);
  request.send(first);
  request.send(linkThatServed(1));
  request.lost(first, RESET, false);
  // THEN
  expect(request.events).toEqual([]);
});

test("one that wants nothing any more gives up its link and its place", () => {
  const request = new Noted("GET");
  const link = linkThatServed(0);
  request.send(link);
  request.leave();
  expect(link.abandon).toHaveBeenCalledTimes(1);
  expect(request.events).toEqual(["forget"]);
  // AND the link's death is nothing to it any more
  request.lost(link, RESET, false);
  expect(request.events).toEqual(["forget"]);
});
