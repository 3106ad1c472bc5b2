/** The other end of the channel that Node's cluster keeps between a supervisor and a worker. */
export interface Peer {
  send?(message: unknown, sent: (error: Error | null) => void): unknown;
  on(event: "message", listener: (message: Message) => void): unknown;
}

/** A question, or the answer to the one with the same number. */
interface Message {
  /** Not there where nobody waits for an answer. */
  readonly number?: number;
  readonly question?: string;
  /** What the question is about. */
  readonly subject?: unknown;
  readonly answer?: unknown;
}

/** Milliseconds to wait for an answer. */
const ANSWER_MS = 2_000;

/** Questions and answers between a supervisor and one worker, in both directions. */
export class Channel {
  private readonly open = new Map<number, (answer: unknown) => void>();
  private last = 0;

  /** @param answers what is said to each question that the other end may ask */
  constructor(
    private readonly peer: Peer,
    answers: Readonly<Record<string, (subject: unknown) => unknown>>,
  ) {
    peer.on("message", ({ number, question, subject, answer }) => {
      if (question === undefined) this.settle(number!, answer);
      else if (number === undefined) void answers[question]?.(subject);
      else
        void Promise.resolve(answers[question]?.(subject)).then((said) =>
          this.post({ number, answer: said }),
        );
    });
  }

  /** The other end's answer; undefined when it has gone or is silent for too long. */
  ask(question: string, subject?: unknown): Promise<unknown> {
    const number = ++this.last;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.settle(number, undefined), ANSWER_MS);
      this.open.set(number, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
      this.post({ number, question, subject });
    });
  }

  /** Says something that needs no answer. */
  tell(question: string, subject: unknown): void {
    this.post({ question, subject });
  }

  private post(message: Message): void {
    this.peer.send?.(message, (error) => {
      if (error !== null && message.number !== undefined) this.settle(message.number, undefined);
    });
  }

  private settle(number: number, answer: unknown): void {
    const settle = this.open.get(number);
    this.open.delete(number);
    settle?.(answer);
  }
}
