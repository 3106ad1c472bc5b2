import { type RequestListener, type ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type GroupReport, type UpstreamsReport } from "../../../proxy/observation/group-report";
import { eventually, type RunningProxy } from "../proxy-process";
import { type Answer, type Asked, askHttp1, askHttp2, groupLab, type Origin, origin } from "./group-lab";

const { usingGroup, certificates } = groupLab();

/** An origin that answers with its name, but for requests that are to be held: these wait until they are let go. */
class Holding {
  readonly held: ServerResponse[] = [];
  holds = false;
  private constructor(readonly name: string) {}

  static async start(name: string, http2 = false): Promise<Holding & { at: Origin }> {
    const holding = new Holding(name);
    const listener: RequestListener = (request, response) => {
      request.resume().on("end", () => {
        if (holding.holds) holding.held.push(response);
        else response.end(name);
      });
    };
    return Object.assign(holding, { at: await origin(listener, http2 ? certificates : undefined) });
  }

  letGo(text = this.name): void {
    for (const response of this.held.splice(0)) response.end(text);
  }

  lose(): void {
    for (const response of this.held.splice(0)) response.destroy();
  }
}

/** What the proxy tells of its group. */
async function reportOf(proxy: RunningProxy): Promise<GroupReport> {
  const answer = await fetch(`http://127.0.0.1:${proxy.adminPort}/upstreams`, {
    headers: { accept: "application/json" },
  });
  return ((await answer.json()) as UpstreamsReport).groups[0]!;
}

/** More than kernel and proxy hold. */
const LONG = "x".repeat(30_000_000);

type Asking = (proxy: RunningProxy, asked?: Asked) => Promise<Answer>;

interface Hedged {
  readonly proxy: RunningProxy;
  readonly first: Holding & { at: Origin };
  readonly second: Holding & { at: Origin };
}

/** Two origins of which the first is preferred, and has answered so often that it is known how long it takes. */
async function usingTwo(
  use: (hedged: Hedged) => Promise<void>,
  { asking = askHttp1, http2 = false, more = {} }: { asking?: Asking; http2?: boolean; more?: object } = {},
): Promise<void> {
  const first = await Holding.start("first", http2);
  const second = await Holding.start("second", http2);
  const group = { origins: [first.at.url, second.at.url], firstByteTimeout: "20s", hedge: true, ...more };
  await usingGroup(group, async (proxy) => {
    for (let i = 0; i < 25; i++) expect(await asking(proxy)).toMatchObject({ status: 200 });
    // A crowded machine may have been slow to answer one of these.
    first.holds = true;
    await use({ proxy, first, second });
    first.letGo();
    second.letGo();
  });
  await first.at.close();
  await second.at.close();
}

describe.each([
  ["HTTP/1.1 throughout", askHttp1, false],
  ["an HTTP/2 client and HTTP/1.1 origins", askHttp2, false],
  ["HTTP/2 throughout", askHttp2, true],
] as const)("GIVEN %s, and an origin that holds a GET", (_, asking, http2) => {
  test("WHEN another one can be asked THEN that one's answer is the client's, and the first keeps its connection", () =>
    usingTwo(
      async ({ proxy, first }) => {
        const { connections } = first.at;
        expect(await asking(proxy)).toMatchObject({ status: 200, body: "second" });
        // WHEN it answers after all THEN nobody hears of it, and it is asked again
        first.holds = false;
        first.letGo();
        await eventually(async () => (await asking(proxy)).body === "first");
        expect(first.at.connections).toBe(connections);
      },
      { asking, http2 },
    ));

  test("WHEN it answers before the other one THEN its answer is the client's", () =>
    usingTwo(
      async ({ proxy, first, second }) => {
        second.holds = true;
        const answer = asking(proxy);
        await eventually(() => second.held.length === 1);
        first.letGo();
        expect(await answer).toMatchObject({ status: 200, body: "first" });
      },
      { asking, http2 },
    ));

  test.each(["first", "second"] as const)(
    "WHEN both have it and the %s answers more than is written at once THEN all of that comes",
    (answering) =>
      usingTwo(
        async ({ proxy, first, second }) => {
          second.holds = true;
          const answer = asking(proxy);
          await eventually(() => first.held.length === 1 && second.held.length === 1);
          (answering === "first" ? first : second).letGo(LONG);
          const { status, body } = await answer;
          expect([status, body.length]).toEqual([200, LONG.length]);
        },
        { asking, http2 },
      ),
  );

  test.each(["first", "second"] as const)(
    "WHEN both have it and the connection of the %s is lost THEN the other one's answer is the client's",
    (lost) =>
      usingTwo(
        async ({ proxy, first, second }) => {
          second.holds = true;
          const before = (await reportOf(proxy)).hedgesWon;
          const answer = asking(proxy);
          await eventually(() => first.held.length === 1 && second.held.length === 1);
          const [gone, left] = lost === "first" ? [first, second] : [second, first];
          gone.lose();
          // The other one has to have it still when the loss has been noticed, which nobody outside sees.
          await sleep(200);
          left.letGo(LONG);
          const { status, body } = await answer;
          expect([status, body.length]).toEqual([200, LONG.length]);
          // AND it was worth asking the second one, where its answer came
          expect((await reportOf(proxy)).hedgesWon - before).toBe(lost === "first" ? 1 : 0);
        },
        { asking, http2 },
      ),
  );
});

test.each(["POST", "PUT"])(
  "GIVEN a %s and a GET that are held WHEN the GET is answered elsewhere THEN the other was asked once",
  (method) =>
    usingTwo(async ({ proxy, first, second }) => {
      const before = second.at.requests;
      const other = askHttp1(proxy, { method, body: "order" });
      await eventually(() => first.held.length === 1);
      expect(await askHttp1(proxy)).toMatchObject({ body: "second" });
      expect(second.at.requests - before).toBe(1);
      first.letGo();
      expect(await other).toMatchObject({ status: 200, body: "first" });
    }),
);

test("GIVEN no budget WHEN a hundred are held at once THEN the other origin is asked a few of them", () =>
  usingTwo(
    async ({ proxy, first, second }) => {
      const before = second.at.requests;
      const answers = Array.from({ length: 100 }, () => askHttp1(proxy));
      await eventually(() => first.held.length === 100 && second.at.requests > before);
      first.letGo();
      await Promise.all(answers);
      // Three a second are always allowed.
      expect(second.at.requests - before).toBeLessThan(50);
    },
    { more: { retryBudget: 0 } },
  ));

test("GIVEN an origin that answers nothing any more THEN it is left alone, though others answer for it", () =>
  usingTwo(
    async ({ proxy, first }) => {
      let asked = 0;
      const isLeftAlone = async (): Promise<boolean> => {
        expect(await askHttp1(proxy)).toMatchObject({ status: 200, body: "second" });
        asked++;
        return (await reportOf(proxy)).origins[0]!.state === "circuit open";
      };
      await eventually(isLeftAlone);
      // What is under way there ends as well.
      await eventually(async () => (await reportOf(proxy)).origins[0]!.active === 0);
      const { origins, ...group } = await reportOf(proxy);
      expect(origins[0]).toMatchObject({ origin: first.at.url, why: "no answer within 1 s" });
      // AND each of these requests is counted, and nothing else
      expect(group.hedges).toBeGreaterThan(0);
      expect([group.hedges <= asked, group.hedgesWon, group.unaffordable]).toEqual([true, group.hedges, 0]);
    },
    { more: { firstByteTimeout: "1s", circuitFailures: 2, circuitPause: "1m", retryBudget: 1 } },
  ));

test("GIVEN a client that leaves while two origins have its request THEN both are let go", () =>
  usingTwo(async ({ proxy, first, second }) => {
    second.holds = true;
    const { connect } = await import("node:net");
    const socket = connect({ host: "127.0.0.1", port: proxy.port });
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\nHost: search.example.test.ccnproxy\r\n\r\n");
    await eventually(() => first.held.length === 1 && second.held.length === 1);
    const ended = [...first.held, ...second.held].map(
      (response) => new Promise((resolve) => response.on("close", resolve)),
    );
    socket.destroy();
    await Promise.all(ended);
  }));
