import { createServer, type Server } from "node:http";
import { type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { dnsServer, type DnsServer, type Records } from "../dns-server";
import { eventually, freePort, type RunningProxy } from "../proxy-process";
import { type Answer, askHttp1, GROUP, groupLab, origin, says } from "./group-lab";

const lab = groupLab();

/** Name by which callers ask for the service, whose instances `search.service.consul` names. */
const CALLED = "search.ccnproxy-service";

let records: Records;
let dns: DnsServer;

beforeEach(async () => {
  records = { addresses: [], ttl: 1, silent: false };
  dns = await dnsServer(records);
});
afterEach(() => dns.close());

interface Instance {
  readonly address: string;
  readonly port: number;
  readonly requests: number;
  /** What its last request had in Host. */
  readonly asked: string | undefined;
  readonly connections: number;
  /** Ends as one does that its callers have let go of: what is open breaks. */
  end(): Promise<void>;
}

const running = new Set<Instance>();
afterEach(() => Promise.all([...running].map((each) => each.end())));

/** An instance that answers with its address, after a while that spans other calls. */
async function instance(address: string, port = 0): Promise<Instance> {
  const sockets = new Set<Socket>();
  let requests = 0;
  let asked: string | undefined;
  const server: Server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    requests++;
    asked = request.headers.host;
    request.resume().on("end", () => setTimeout(() => response.end(address), 20));
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  const made: Instance = {
    address,
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
    get asked() {
      return asked;
    },
    get connections() {
      return sockets.size;
    },
    end: () =>
      new Promise((resolve) => {
        running.delete(made);
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
  running.add(made);
  return made;
}

/** A proxy that sends calls to the region's own instances, and then to the entrances of other regions. */
const using = (
  port: number,
  use: (proxy: RunningProxy) => Promise<void>,
  ...entrances: readonly string[]
): Promise<void> =>
  lab.usingGroup([], use, {
    groups: { [CALLED]: [`http://search.service.consul:${port}`, ...entrances] },
    dnsServer: [dns.at],
    allowAny: true,
  });

/** A call every 10 ms, every third a POST, for as long as `use` takes: what became of them. */
async function underLoad(proxy: RunningProxy, use: () => Promise<void>): Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  const timer = setInterval(() => {
    const method = answers.length % 3 === 2 ? "POST" : "GET";
    answers.push(askHttp1(proxy, { host: CALLED, method, body: method === "POST" ? "once" : "" }));
  }, 10);
  try {
    await use();
  } finally {
    clearInterval(timer);
  }
  return Promise.all(answers);
}

test("GIVEN a called service WHEN all of its instances are replaced THEN no call is lost, and all are asked", async () => {
  // GIVEN two instances that its name leads to, and calls
  const old = [await instance("127.0.4.1")];
  const { port } = old[0]!;
  old.push(await instance("127.0.4.2", port));
  records.addresses = old.map(({ address }) => address);
  await using(port, async (proxy) => {
    const answers = await underLoad(proxy, async () => {
      await eventually(() => old.every(({ connections }) => connections > 0));

      // WHEN each leaves its name to another one, and ends once nobody holds a connection to it
      for (const [index, leaving] of old.entries()) {
        const coming = await instance(`127.0.4.${3 + index}`, port);
        records.addresses = [...records.addresses.filter((each) => each !== leaving.address), coming.address];
        await eventually(() => leaving.connections === 0);
        await leaving.end();
      }
      await sleep(500);
    });

    // THEN every call had an answer, and each instance gave some
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    expect([...new Set(answers.map(({ body }) => body))].sort()).toEqual(
      [1, 2, 3, 4].map((n) => `127.0.4.${n}`),
    );
  });
});

test("GIVEN a proxy that may call anybody WHEN it is asked for another service THEN it says which, and asks nobody", async () => {
  // GIVEN a name server that would lead any name to an instance
  const only = await instance("127.0.4.1");
  records.addresses = [only.address];
  await using(only.port, async (proxy) => {
    expect(await askHttp1(proxy, { host: CALLED })).toMatchObject({ status: 200, body: only.address });
    // WHEN / THEN
    expect(await askHttp1(proxy, { host: "stock.ccnproxy-service" })).toMatchObject({ status: 403 });
    await proxy.said("service stock is none that may be called here");
    // AND neither by a port that it might listen on
    expect(await askHttp1(proxy, { host: `stock.ccnproxy-service:${only.port}` })).toMatchObject({
      status: 403,
    });
  });
});

test("GIVEN a service in two regions WHEN it leaves this one, and comes back, THEN calls follow it, and none is lost", async () => {
  // GIVEN two instances here and the entrance of another region, and calls
  const here = [await instance("127.0.4.1")];
  const { port } = here[0]!;
  here.push(await instance("127.0.4.2", port));
  const named = here.map(({ address }) => address);
  const entrance = await origin(says("elsewhere"), lab.certificates);
  records.addresses = named;
  await using(
    port,
    async (proxy) => {
      const answers = await underLoad(proxy, async () => {
        await eventually(() => here.every(({ connections }) => connections > 0));
        const goingElsewhere = async (): Promise<boolean> => {
          const before = entrance.requests;
          await sleep(300);
          return entrance.requests > before;
        };
        const served = () => here.reduce((sum, { requests }) => sum + requests, 0);
        // AND nobody asks elsewhere while there are instances here
        expect(await goingElsewhere()).toBe(false);

        // WHEN nothing here has its name any more, though what was open still answers
        records.addresses = [];
        await proxy.said('"state":"no address"');
        // THEN what has left is asked nothing more once it has answered what it was asked, and may end
        await sleep(1_500);
        const before = served();
        await sleep(2_000);
        expect(served()).toBe(before);
        expect(await goingElsewhere()).toBe(true);
        await Promise.all(here.map((each) => each.end()));

        // WHEN instances are here again
        const back = await Promise.all(named.map((address) => instance(address, port)));
        records.addresses = named;
        // THEN calls are answered here, and no longer elsewhere
        await eventually(() => back.some(({ requests }) => requests > 0));
        await eventually(async () => !(await goingElsewhere()), 30_000);
      });
      expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    },
    entrance.url,
  );
});

test("GIVEN a service by its SRV records, where nothing listens at the place that is preferred, WHEN it is called THEN another one answers, and that one once it does", async () => {
  const SERVICE = "_search._tcp.service.consul";
  const other = await instance("127.0.4.2");
  const port = freePort();
  records.services = [
    { host: "one.node.consul", port, priority: 1, weight: 1 },
    { host: "two.node.consul", port: other.port, priority: 2, weight: 1 },
  ];
  records.hosts = { "one.node.consul": ["127.0.4.1"], "two.node.consul": [other.address] };
  await lab.usingGroup(
    [],
    async (proxy) => {
      const answer = (): Promise<Answer> => askHttp1(proxy, { host: CALLED, method: "POST", body: "once" });
      for (let i = 0; i < 5; i++) expect(await answer()).toMatchObject({ status: 200, body: other.address });
      expect(other.asked).toBe(SERVICE);
      const preferred = await instance("127.0.4.1", port);
      await eventually(async () => (await answer()).body === preferred.address);
      const before = other.requests;
      for (let i = 0; i < 5; i++)
        expect(await answer()).toMatchObject({ status: 200, body: preferred.address });
      // AND when it leaves the records, those that are left answer
      records.services = records.services!.slice(1);
      await eventually(() => preferred.connections === 0);
      expect(await answer()).toMatchObject({ status: 200, body: other.address });
      expect(other.requests).toBe(before + 1);
    },
    { groups: { [CALLED]: [`http://${SERVICE}`] }, dnsServer: [dns.at] },
  );
});

test("GIVEN a service by its SRV records that speaks HTTP/2 WHEN the place that is preferred comes back THEN the session with another one is given up for it", async () => {
  const other = await origin(says("other"), lab.certificates);
  const port = freePort();
  const host = "one.node.consul";
  records.services = [
    { host, port, priority: 1, weight: 1 },
    { host, port: Number(new URL(other.url).port), priority: 2, weight: 1 },
  ];
  records.hosts = { [host]: ["127.0.0.1"] };
  await lab.usingGroup(
    [],
    async (proxy) => {
      expect(await askHttp1(proxy)).toMatchObject({ status: 200, body: "other" });
      await origin(says("preferred"), lab.certificates, port);
      await eventually(async () => {
        const { status, body } = await askHttp1(proxy);
        expect(status).toBe(200);
        return body === "preferred";
      });
    },
    {
      groups: { [GROUP]: [{ url: "https://_search._tcp.service.consul", host: "keep" }] },
      dnsServer: [dns.at],
    },
  );
});
