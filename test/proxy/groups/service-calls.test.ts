import { createServer, type Server } from "node:http";
import { type AddressInfo, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { dnsServer, type DnsServer, type Records } from "../dns-server";
import { eventually, type RunningProxy } from "../proxy-process";
import { type Answer, askHttp1, groupLab } from "./group-lab";

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
  readonly connections: number;
  /** Ends as one does that its callers have let go of: what is open breaks. */
  end(): Promise<void>;
}

const running = new Set<Instance>();
afterEach(() => Promise.all([...running].map((each) => each.end())));

/** An instance that answers with its address, after a while that spans other calls. */
async function instance(address: string, port = 0): Promise<Instance> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
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

const using = (port: number, use: (proxy: RunningProxy) => Promise<void>): Promise<void> =>
  lab.usingGroup([`http://search.service.consul:${port}`], use, {
    groups: { [CALLED]: [`http://search.service.consul:${port}`] },
    dnsServer: [dns.at],
    allowAny: true,
  });

/** A call every 10 ms, every third a POST, until it is told to end. */
function load(proxy: RunningProxy): { end(): Promise<Answer[]> } {
  const answers: Promise<Answer>[] = [];
  const timer = setInterval(() => {
    const method = answers.length % 3 === 2 ? "POST" : "GET";
    answers.push(askHttp1(proxy, { host: CALLED, method, body: method === "POST" ? "once" : "" }));
  }, 10);
  return {
    end: () => {
      clearInterval(timer);
      return Promise.all(answers);
    },
  };
}

test("GIVEN a called service WHEN all of its instances are replaced THEN no call is lost, and all are asked", async () => {
  // GIVEN two instances that its name leads to, and calls
  const old = [await instance("127.0.4.1")];
  const { port } = old[0]!;
  old.push(await instance("127.0.4.2", port));
  records.addresses = old.map(({ address }) => address);
  await using(port, async (proxy) => {
    const calls = load(proxy);
    expect(await eventually(() => old.every(({ connections }) => connections > 0))).toBe(true);

    // WHEN each leaves its name to another one, and ends once nobody holds a connection to it
    for (const [index, leaving] of old.entries()) {
      const coming = await instance(`127.0.4.${3 + index}`, port);
      records.addresses = [...records.addresses.filter((each) => each !== leaving.address), coming.address];
      expect([leaving.address, await eventually(() => leaving.connections === 0)]).toEqual([
        leaving.address,
        true,
      ]);
      await leaving.end();
    }
    await sleep(500);

    // THEN every call had an answer, and each instance gave some
    const answers = await calls.end();
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
