import { type Log, type MovableRequester } from "../../proxy/engine";
import { type Call, headTo } from "../call";
import { SHADOW_LINE } from "../hop-fields";
import { type ShadowOptions } from "../options/gateway-options";
import { compare, type Comparison } from "./comparison";
import { RecordedAnswer } from "../asking/recorded-answer";
import { type Outcome, type ShadowCounts } from "./shadow-counts";
import { type Miss, OwnRequest } from "../asking/own-request";
import { WatchedRequest } from "./watched-request";

/** Who takes part, as log and metrics call them. */
export interface Parties {
  readonly route: string;
  readonly primary: string;
  readonly shadow: string;
}

/** To a client that has the answer already, by a tag of one side's that the other need not know. */
const NOT_MODIFIED = 304;

/**
 * One request's shadow. It is asked once the client has the primary's answer: until then nothing is known to compare
 * with, and there is nothing that it could delay.
 */
export class Shadow {
  private watched: WatchedRequest | undefined;
  private over = false;

  /** @param call to whom and how the shadow's request goes */
  constructor(
    private readonly parties: Parties,
    private readonly call: Call,
    private readonly options: ShadowOptions,
    private readonly counts: ShadowCounts,
    private readonly log: Log,
  ) {
    counts.active++;
  }

  /** Who is to stand in the place of the primary's requester. */
  watching(requester: MovableRequester): MovableRequester {
    return (this.watched ??= new WatchedRequest(requester, this.options.maxBytes, () =>
      this.end("not_compared"),
    ));
  }

  /** The primary's exchange has ended, however; its request's head is still what it was. */
  primaryEnded(): void {
    const { watched, over } = this;
    if (over) return;
    if (watched?.answered !== true) {
      this.end("unasked");
      return;
    }
    const body = watched.sentBody;
    if (body === undefined || watched.answer.status === NOT_MODIFIED) this.end("not_compared");
    else this.ask(watched, body);
  }

  private ask({ head, id, answer }: WatchedRequest, body: Buffer): void {
    const { call, options } = this;
    const own = head.copy();
    own.expectContinue = false;
    const theirs = new RecordedAnswer(options.maxBytes);
    const request = new OwnRequest(
      {
        service: call.service,
        head: own,
        id,
        body,
        timeout: options.timeout,
        headFor: ({ origin }) => `${headTo(origin, call, own, id)}${SHADOW_LINE}\r\n`,
      },
      theirs,
      (miss) => void this.answered(own.path, id, answer, theirs, miss),
    );
    request.begin();
  }

  private async answered(
    uri: string,
    id: string,
    ours: RecordedAnswer,
    theirs: RecordedAnswer,
    miss: Miss | undefined,
  ): Promise<void> {
    if (miss !== undefined) {
      this.end(miss);
      return;
    }
    const comparison = await compare(ours, theirs, this.options.ignore).catch(
      (error: unknown): Comparison => {
        this.log.event("error", "shadow not compared", {
          ...this.parties,
          problem: String(error),
          chocon_req: id,
        });
        return { outcome: "not_compared" };
      },
    );
    this.end(comparison.outcome);
    if (comparison.outcome.endsWith("_differs")) this.tell(comparison, uri, id, ours, theirs);
  }

  private tell(
    { outcome, at }: Comparison,
    uri: string,
    id: string,
    ours: RecordedAnswer,
    theirs: RecordedAnswer,
  ): void {
    const differences = this.counts.sample(performance.now());
    if (differences === 0) return;
    this.log.event("warn", "shadow differs", {
      ...this.parties,
      outcome,
      at,
      status: ours.status,
      shadow_status: theirs.status,
      uri,
      differences,
      chocon_req: id,
    });
  }

  private end(outcome: Outcome): void {
    if (this.over) return;
    this.over = true;
    this.counts.active--;
    this.counts.add(this.parties.shadow, outcome);
  }
}
