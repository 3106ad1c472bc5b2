import { type IncomingMessage, type ServerResponse } from "node:http";
import { becomes, eventually, metricsOf, type RunningProxy } from "../proxy-process";
import { GROUP, groupLab, type Origin, origin } from "../groups/group-lab";
import { type Caller, type CallerAnswer, callersOf } from "./callers";

const lab = groupLab();
const NAME = `${GROUP}.ccnproxy`;

/** An origin that answers when it is told to. */
class Held {
  readonly under: ServerResponse[] = [];
  readonly at = origin((request, response) => {
    this.under.push(response);
    request.on("error", () => undefined);
    response.on("close", () => {
      const index = this.under.indexOf(response);
      if (index >= 0) this.under.splice(index, 1);
    });
  });

  answer(): void {
    for (const response of this.under.splice(0)) response.end("done");
  }

  /** So many requests have come, and not been answered. */
  has(count: number): Promise<void> {
    return becomes(() => this.under.length, count);
  }

  /** Has this caller ask until it has so many under way: what others had may be some time in coming. */
  async filledBy(caller: Caller, count: number): Promise<Promise<CallerAnswer>[]> {
    const asked: Promise<CallerAnswer>[] = [];
    await becomes(() => {
      if (this.under.length < count) asked.push(caller.ask(NAME));
      return this.under.length;
    }, count);
    return asked;
  }
}

/** A proxy of two workers, and a caller of each. */
function usingTwo(
  group: unknown,
  use: (one: Caller, other: Caller, proxy: RunningProxy) => Promise<void>,
  more: object = {},
): Promise<void> {
  return lab.usingGroup(group, async (proxy) => use(...(await callersOf(proxy)), proxy), {
    workers: 2,
    shutdownTimeout: "1s",
    ...more,
  });
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);
const statuses = (answers: readonly CallerAnswer[]): number[] => answers.map(({ status }) => status);
/** How many have their answer. */
const whole = (answers: readonly CallerAnswer[]): number =>
  answers.filter(({ status }) => status === 200).length;
const hostOf = ({ url }: Origin): string => url.slice("http://".length).replace(":", ".ccnproxy:");

test("GIVEN a limit of 4 WHEN one worker has it all THEN the other one has nothing, and all of it once it is free", async () => {
  const held = new Held();
  const group = { origins: [{ url: (await held.at).url, limit: 4 }], firstByteTimeout: 0 };
  await usingTwo(group, async (one, other) => {
    for (const [taking, left] of [
      [one, other],
      [other, one],
    ] as const) {
      const taken = await held.filledBy(taking, 4);
      for (const caller of [left, taking])
        expect(statuses(await Promise.all(times(3, () => caller.ask(NAME))))).toEqual([503, 503, 503]);
      expect(held.under.length).toBe(4);
      held.answer();
      expect(whole(await Promise.all(taken))).toBe(4);
    }
  });
});

test("GIVEN a limit that one worker has all of WHEN that worker is killed THEN the other one has it", async () => {
  const held = new Held();
  const group = { origins: [{ url: (await held.at).url, limit: 4 }], firstByteTimeout: 0 };
  await usingTwo(group, async (one, other, proxy) => {
    const lost = await held.filledBy(one, 4);
    process.kill(one.pid, "SIGKILL");
    expect(whole(await Promise.all(lost))).toBe(0);
    await held.has(0);
    await proxy.said("worker ended and is replaced");
    const taken = await held.filledBy(other, 4);
    // AND the one that replaces it has nothing until then
    const [first, second] = await callersOf(proxy);
    const replacement = first.pid === other.pid ? second : first;
    expect(await replacement.ask(NAME)).toMatchObject({ status: 503 });
    held.answer();
    expect(whole(await Promise.all(taken))).toBe(4);
    const late = await held.filledBy(replacement, 4);
    held.answer();
    expect(whole(await Promise.all(late))).toBe(4);
  });
});

test("GIVEN 2 connections at most WHEN both workers are asked much THEN there are 2, and each worker comes to its turn", async () => {
  let open = 0;
  let most = 0;
  const busy = await origin((_request, response) => {
    most = Math.max(most, ++open);
    setTimeout(() => response.end("done"), 5);
    response.on("close", () => open--);
  });
  await usingTwo(
    [busy.url],
    async (one, other) => {
      const host = hostOf(busy);
      for (const callers of [
        [one, one],
        [one, other],
        [other, other],
      ]) {
        const answers = callers.flatMap((caller) => times(20, () => caller.ask(host)));
        expect(new Set(statuses(await Promise.all(answers)))).toEqual(new Set([200]));
      }
      expect(most).toBe(2);
    },
    { allow: ["localhost"], maxConnsPerHost: 2 },
  );
});

test("GIVEN 2 that may wait WHEN one worker has both THEN the other one's is refused", async () => {
  const held = new Held();
  const at = await held.at;
  await usingTwo(
    [at.url],
    async (one, other, proxy) => {
      const series = `tricloud_proxy_origin_waiting{origin="${at.url}"}`;
      const waiting = (count: number): Promise<void> =>
        becomes(async () => (await metricsOf(proxy)).get(series), count);
      const asked = [one.ask(hostOf(at))];
      await held.has(1);
      for (const count of [1, 2]) {
        asked.push(one.ask(hostOf(at)));
        await waiting(count);
      }
      expect(await other.ask(hostOf(at))).toMatchObject({ status: 503 });
      for (let left = asked.length; left > 0; left--) {
        await held.has(1);
        held.answer();
      }
      expect(statuses(await Promise.all(asked))).toEqual([200, 200, 200]);
    },
    { allow: ["localhost"], maxConnsPerHost: 1, maxQueue: 2 },
  );
});

describe.each(["a group's origin", "an origin"])("GIVEN %s that fails", (what) => {
  test("WHEN one worker has seen that THEN no worker asks it, one alone tries it, and all hear that it is well again", async () => {
    let well = false;
    const tries: (() => void)[] = [];
    const failing = await origin((request, response) => {
      const answer = (): unknown => (well ? response.end("well") : request.socket.destroy());
      if (well && tries.length < 1) tries.push(answer as () => void);
      else answer();
    });
    const host = what === "an origin" ? hostOf(failing) : NAME;
    const circuit = { circuitFailures: 3, circuitPause: "1s" };
    const group = { origins: [failing.url], returnTime: 0, firstByteTimeout: 0, ...circuit };
    await usingTwo(
      group,
      async (one, other) => {
        for (let i = 0; i < 3; i++) expect((await one.ask(host, "POST")).status).not.toBe(200);
        // What a worker sees it tells at once, but not before its own client has the answer.
        const asked = failing.requests;
        const refused = async (): Promise<boolean> => {
          const before = failing.requests;
          const { status } = await other.ask(host, "POST");
          return status >= 500 && failing.requests === before;
        };
        await eventually(refused);
        expect(failing.requests).toBeLessThanOrEqual(asked + 1);
        well = true;
        let answered = 0;
        const trying = async (caller: Caller): Promise<void> => {
          await eventually(async () => {
            const { status } = await caller.ask(host);
            if (status === 200) answered++;
            return status === 200;
          });
        };
        const before = failing.requests;
        const both = [trying(one), trying(other)];
        await eventually(() => tries.length === 1);
        // The other worker asks again and again meanwhile; a second try would be answered, and close the circuit.
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        expect([failing.requests - before, answered]).toEqual([1, 0]);
        tries[0]!();
        await Promise.all(both);
        expect(answered).toBe(2);
      },
      { allow: ["localhost"], ...circuit },
    );
  });
});

test("GIVEN a retry budget WHEN one worker has earned THEN the other one may spend it", async () => {
  let well = true;
  const failing = await Promise.all(
    times(4, () =>
      origin((request, response) => {
        request.resume().on("end", () => response.writeHead(well ? 200 : 503).end());
      }),
    ),
  );
  const group = { origins: failing.map(({ url }) => url), retryBudget: 1, circuitFailures: 1_000_000 };
  await usingTwo(group, async (one, other) => {
    await Promise.all(times(100, () => one.ask(NAME)));
    well = false;
    // Each moves three times, the first of which is free, and earns one: a worker by itself would soon be through.
    for (let i = 0; i < 30; i++) expect(await other.ask(NAME)).toMatchObject({ status: 503 });
    expect(failing[3]!.requests).toBeGreaterThan(20);
  });
});

test("GIVEN a health check THEN one worker makes it, another one when that has ended, and all go by it", async () => {
  let well = true;
  const ports = new Set<number>();
  let checks = 0;
  const checked = (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url !== "/healthz") {
      response.end("first");
      return;
    }
    checks++;
    ports.add(request.socket.remotePort!);
    response.writeHead(well ? 200 : 500).end();
  };
  const first = await origin(checked);
  const second = await origin((_request, response) => response.end("second"));
  const group = {
    origins: [first.url, second.url],
    check: { path: "/healthz", interval: "100ms" },
    returnTime: 0,
    circuitFailures: 1_000_000,
  };
  const moreChecks = async (): Promise<void> => {
    checks = 0;
    await eventually(() => checks >= 4);
  };
  await usingTwo(group, async (one, other, proxy) => {
    await moreChecks();
    // Every worker has a connection of its own, which its checks would use.
    expect([first.connections, ports.size]).toEqual([2, 1]);
    const asked = async (callers: Iterable<Caller>, name: string): Promise<void> => {
      for (const caller of callers) await eventually(async () => (await caller.ask(NAME)).body === name);
    };
    well = false;
    await asked([one, other], "second");
    well = true;
    await asked([one, other], "first");
    for (const pid of [one.pid, other.pid]) {
      process.kill(pid, "SIGKILL");
      await proxy.said(`"pid":${pid},"code":null`);
      const callers = await callersOf(proxy);
      ports.clear();
      await moreChecks();
      expect(ports.size).toBe(1);
      well = false;
      await asked(callers, "second");
      well = true;
      await asked(callers, "first");
    }
  });
});
