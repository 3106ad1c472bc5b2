import { type Destination, type MovableRequester, type OriginLink } from "../../proxy/engine";
import { fieldLines } from "../asking/field-lines";
import { OwnRequest } from "../asking/own-request";
import { hostOf } from "../call";
import { RecordedAnswer } from "../asking/recorded-answer";
import { type OwnCall } from "../own-call";
import { type JoinPart } from "../options/join-options";
import { CapturedRequest } from "../asking/captured-request";
import { ClientAnswer } from "../asking/client-answer";
import { type PartAnswer, partAnswer } from "./part-answer";

/** Names the parts that an answer does without, each with the reason. */
export const MISSING_FIELD = "X-Tricloud-Gateway-Missing";

/** Fields of a client's request that are of its hop, or of an answer that it would take whole or not at all. */
const NOT_PASSED =
  /^(?:host|accept-encoding|if-.*|range|content-.*|te|transfer-encoding|expect|connection|upgrade)$/;
const EMPTY = Buffer.alloc(0);

/** One part of an answer, and where it is had. */
export interface Asking {
  readonly part: JoinPart;
  readonly service: Destination;
  /** The service reads the client's Host. */
  readonly keepHost: boolean;
  /** Path and query. */
  readonly target: string;
}

/** One client's request that several services answer: their answers become the members of one JSON object. */
export class JoinedRequest implements OwnCall {
  readonly keepsTime = true;
  private readonly requests: OwnRequest[] = [];
  private over = false;

  /**
   * @param seconds within which all of it has to be there
   * @param count told of each part what came of it
   */
  constructor(
    private readonly parts: readonly Asking[],
    private readonly seconds: number,
    private readonly count: (part: string, outcome: string) => void,
  ) {}

  begin(requester: MovableRequester): void {
    const captured = new CapturedRequest(requester.head, {
      abandon: () => this.cancel(),
      resume: () => undefined,
    });
    requester.send(captured);
    const fields = fieldLines(captured.head, NOT_PASSED);
    const answers = this.parts.map((asking) => this.ask(asking, requester, fields));
    // Without one that it cannot do without there is nothing to wait for.
    for (const [index, answer] of answers.entries()) {
      const { part } = this.parts[index]!;
      if (!part.soft)
        void answer.then((came) => {
          if (!("json" in came)) this.fail(requester, part, came);
        });
    }
    void Promise.all(answers).then((all) => this.answer(requester, all));
  }

  cancel(): void {
    this.over = true;
    for (const request of this.requests) request.cancel();
  }

  private ask(
    { part, service, keepHost, target }: Asking,
    { head, id }: MovableRequester,
    fields: string,
  ): Promise<PartAnswer> {
    const timeout = part.timeout > 0 ? Math.min(part.timeout, this.seconds) : this.seconds;
    const headFor = ({ origin }: OriginLink): string =>
      `GET ${target} HTTP/1.1\r\nHost: ${hostOf(origin, keepHost, head)}\r\n${fields}\r\n`;
    const recorded = new RecordedAnswer(part.maxBytes);
    return new Promise((resolve) => {
      const request = new OwnRequest(
        { service, head, id, method: "GET", body: EMPTY, timeout, headFor },
        recorded,
        (miss, failure) => {
          if (this.over) return;
          void partAnswer(recorded, miss, failure?.problem).then((came) => {
            this.count(part.name, "json" in came ? "answered" : came.reason);
            resolve(came);
          });
        },
      );
      this.requests.push(request);
      request.begin();
    });
  }

  /** A part that the answer cannot do without is not there: what the service says against the request is the answer. */
  private fail(
    requester: MovableRequester,
    part: JoinPart,
    came: Exclude<PartAnswer, { json: string }>,
  ): void {
    if (this.over) return;
    this.cancel();
    const { refusal, reason, problem } = came;
    if (refusal !== undefined)
      new ClientAnswer(requester).whole(
        refusal.status,
        "Cache-Control: no-store\r\n",
        refusal.contentType,
        refusal.body,
      );
    else
      requester.fail({
        status: reason === "timed_out" ? 504 : 502,
        problem: `part ${part.name}: ${problem}`,
      });
  }

  private answer(requester: MovableRequester, all: readonly PartAnswer[]): void {
    if (this.over) return;
    this.over = true;
    const missing = all.flatMap((came, index) =>
      "json" in came ? [] : [`${this.parts[index]!.part.name}=${came.reason}`],
    );
    const members = all.map(
      (came, index) =>
        `${JSON.stringify(this.parts[index]!.part.name)}:${"json" in came ? came.json : "null"}`,
    );
    // Of several answers nobody has said for how long they belong together.
    const lines =
      "Cache-Control: no-store\r\n" +
      (missing.length === 0 ? "" : `${MISSING_FIELD}: ${missing.join(", ")}\r\n`);
    const body = Buffer.from(`{${members.join(",")}}`);
    new ClientAnswer(requester).whole(200, lines, "application/json", body);
  }
}
