import { clock } from "../../../../proxy/clock";
import { type OriginLink, type Requester } from "../../../../proxy/exchange";
import { ResponseHead } from "../../../../proxy/http1/response-head";
import { type Checked, HealthCheck } from "../../../../proxy/origins/groups/health-check";
import { type OriginPool } from "../../../../proxy/origins/origin-pool";

const INTERVAL = 10;
const TIMEOUT = 2;
const began = clock.now;
afterEach(() => (clock.now = began));

/** An origin whose checks are answered by hand. */
class Origin implements Checked {
  readonly problems: string[] = [];
  readonly sent: string[] = [];
  proofs = 0;
  forgotten = 0;
  abandoned = 0;
  circuitState = "closed";
  asked: Requester | undefined;
  readonly circuit = { problem: "", proved: () => void this.proofs++ };
  readonly check = new HealthCheck(this, { path: "/healthz", interval: INTERVAL, timeout: TIMEOUT });

  failed(problem: string): void {
    this.problems.push(problem);
  }

  pool(): OriginPool {
    const pool = {
      circuit: { state: this.circuitState },
      acquire: (requester: Requester) => (this.asked = requester),
      forget: () => this.forgotten++,
    };
    return pool as unknown as OriginPool;
  }

  /** Lets time pass, second by second. */
  wait(seconds: number): void {
    for (let i = 0; i < seconds; i++) this.check.sweep((clock.now += 1000));
  }

  /** Waits for the next check, and takes it. */
  next(): Requester | undefined {
    this.asked = undefined;
    for (let i = 0; i < 2 * INTERVAL && this.asked === undefined; i++) this.wait(1);
    return this.asked;
  }

  connect(requester: Requester): void {
    const link = {
      origin: { authority: "search.example.com:8443" },
      writeText: (text: string) => this.sent.push(text),
      abandon: () => this.abandoned++,
    };
    requester.send(link as unknown as OriginLink);
  }

  answer(requester: Requester, status: number): void {
    this.connect(requester);
    const text = Buffer.from(`HTTP/1.1 ${status} x\r\nContent-Length: 0\r\n\r\n`);
    const head = new ResponseHead({ maxHeaderBytes: 1024, maxHeaderCount: 10 });
    head.parse(text, 0, text.length);
    requester.respond(head, text, 0, 0, true);
  }

  /** The outcome of the next checks. */
  answers(...statuses: number[]): boolean {
    for (const status of statuses) this.answer(this.next()!, status);
    return this.check.failing;
  }
}

test("asks the path of its options by the origin's own name", () => {
  // GIVEN an origin WHEN a check has a connection
  const origin = new Origin();
  origin.connect(origin.next()!);
  // THEN
  expect(origin.sent).toEqual([
    "GET /healthz HTTP/1.1\r\nHost: search.example.com:8443\r\nUser-Agent: tricloud-proxy\r\nAccept: */*\r\n\r\n",
  ]);
});

test("two failures in a row convince, and so do two successes", () => {
  // GIVEN an origin that is well WHEN one check fails THEN nothing is thought of it
  const origin = new Origin();
  expect(origin.answers(200, 503, 200, 503)).toBe(false);
  // WHEN a second one does THEN it is failing, until two in a row have passed
  expect(origin.answers(500)).toBe(true);
  expect(origin.answers(200, 404, 200)).toBe(true);
  const before = origin.check.passingAgainAt;
  expect(origin.answers(302)).toBe(false);
  expect(origin.check.passingAgainAt).toBeGreaterThan(before);
  // AND what the status was is told of each
  expect(origin.problems).toEqual(
    ["status 503", "status 503", "status 500", "status 404"].map((x) => `check: ${x}`),
  );
});

test("a check without an answer in time is given up, whether it has a connection or not", () => {
  // GIVEN one check that never gets a connection, and one that never gets an answer
  const origin = new Origin();
  origin.next();
  origin.connect(origin.next()!);
  origin.wait(TIMEOUT + 1);
  // THEN
  expect(origin.problems.slice(0, 2)).toEqual(
    Array(2).fill(`check: no answer to a check within ${TIMEOUT} s`),
  );
  expect([origin.forgotten > 0, origin.abandoned > 0, origin.check.failing]).toEqual([true, true, true]);
});

test("what is lost with its connection is not counted twice", () => {
  // GIVEN a check WHEN its connection is lost, which the pool has counted
  const origin = new Origin();
  origin.next()!.fail({ status: 502, problem: "refused" });
  // THEN it only says whose
  expect([origin.problems, origin.circuit.problem]).toEqual([[], "check: refused"]);
});

test("an origin that is left alone is not asked", () => {
  const origin = new Origin();
  origin.circuitState = "open";
  expect(origin.next()).toBeUndefined();
});
