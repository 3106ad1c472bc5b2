import { connect } from "node:http2";
import { get as httpGet, type IncomingMessage } from "node:http";
import { Agent, request as httpsRequest, type RequestOptions } from "node:https";
import { connect as tlsConnect, type TLSSocket } from "node:tls";
import { FRONT_PATHS } from "../../../constructs/front/front-paths";
import { FrontRig, haproxy, socat } from "./front-rig";

jest.setTimeout(120_000);

const describeWithHaproxy = haproxy === undefined || socat === undefined ? describe.skip : describe;

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

describeWithHaproxy("a front by the real HAProxy (needs haproxy and socat here)", () => {
  let rig: FrontRig;
  const agents: Agent[] = [];

  beforeEach(async () => {
    rig = await FrontRig.make();
    for (const instance of rig.instances) await instance.start();
    rig.name("web", rig.instances.slice(0, 2));
    rig.name("api", rig.instances.slice(2, 3));
  });

  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.destroy();
    await rig.stop();
  });

  const start = async (options: Parameters<FrontRig["configure"]>[0] = {}) => {
    rig.configure(options);
    await rig.start();
    await rig.until("known", async () => (await ask("/")).status === 200);
    for (const { asked } of rig.instances) asked.length = 0;
  };

  function ask(path: string, options: RequestOptions = {}, body?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const request = httpsRequest({
        host: "127.0.0.1",
        port: rig.httpsPort,
        path,
        ca: rig.authority,
        servername: "www.example.test",
        agent: false,
        ...options,
        headers: { Host: "www.example.test", ...options.headers },
      });
      request.on("response", (response) => {
        let said = "";
        response.on("data", (part: Buffer) => (said += part.toString("latin1")));
        response.on("aborted", () => reject(new Error("the answer ended early")));
        response.on("end", () =>
          resolve({ status: response.statusCode!, headers: response.headers, body: said }),
        );
      });
      request.on("error", reject);
      request.end(body);
    });
  }

  /** Calls that do not end until told to, over connections that are kept, a third of them POSTs; none is tried twice. */
  function load() {
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    agents.push(agent);
    const seen = { gets: 0, posts: [] as string[], failures: [] as string[] };
    let calls = 0;
    const underWay = new Set<Promise<void>>();
    const timer = setInterval(() => {
      const at = calls++;
      const isPost = at % 3 === 2;
      const id = `post-${at}`;
      const ca = [rig.authority, rig.newestAuthority].filter((pem) => pem !== "");
      const call = ask("/", { agent, ca, method: isPost ? "POST" : "GET" }, isPost ? id : undefined)
        .then(({ status, body }) => {
          if (status !== 200) seen.failures.push(`${status} ${body}`);
          else if (isPost) seen.posts.push(id);
          else seen.gets++;
        })
        .catch((error: Error) => void seen.failures.push(error.message))
        .finally(() => underWay.delete(call));
      underWay.add(call);
    }, 5);
    return async () => {
      clearInterval(timer);
      await Promise.all(underWay);
      const ran = rig.instances.flatMap(({ asked }) => asked.filter(({ method }) => method === "POST"));
      return { ...seen, twice: ran.length - new Set(ran.map(({ body }) => body)).size };
    };
  }

  it("follows instances that change every second, and loses no request of theirs", async () => {
    // GIVEN two of four instances, and calls
    await start();
    const end = load();
    // AND a client that says no more than the beginning of a request
    const slow = await secured(
      tlsConnect({
        host: "127.0.0.1",
        port: rig.httpsPort,
        ca: rig.authority,
        servername: "www.example.test",
      }),
    );
    let said = "";
    slow.on("data", (part: Buffer) => (said += part.toString()));
    slow.write("POST /slow HTTP/1.1\r\nHost: www.example.test\r\nContent-Length: 100\r\n\r\nbeg");

    // WHEN each second another one comes for one that, a while after nobody can be told of it any more, ends
    for (let second = 0; second < 8; second++) {
      const comes = rig.instances[(second + 2) % 4]!;
      await comes.stop();
      await comes.start();
      rig.name("web", [rig.instances[(second + 1) % 4]!, comes]);
      await seconds(1);
    }
    const { gets, posts, failures, twice } = await end();

    // THEN all were answered, every POST once, by all instances
    console.log(
      `changes: ${gets} GET, ${posts.length} POST, failed: ${failures.length}, run twice: ${twice}`,
    );
    expect({ failures, twice }).toEqual({ failures: [], twice: 0 });
    for (const { asked } of rig.instances) expect(asked.length).toBeGreaterThan(0);
    // AND the slow one is told so, and nobody has been asked
    await rig.until("refused", () => said !== "");
    expect(said).toMatch(/^HTTP\/1.1 408 /);
    slow.destroy();
    expect(rig.instances.flatMap(({ asked }) => asked).filter(({ url }) => url === "/slow")).toEqual([]);
  });

  it("takes another certificate and another configuration under load, and refuses bad ones", async () => {
    // GIVEN calls
    await start();
    const end = load();

    // WHEN it gets a certificate for somebody else, one that has ended, one of another key, and a bad configuration
    const { certificate, key } = rig.certificateFor(["shop.example.test"]);
    const refused = [
      await bad(FRONT_PATHS.certificate, certificate),
      await bad(FRONT_PATHS.certificate, rig.endedCertificate()),
      await bad(FRONT_PATHS.key, key),
      await bad(FRONT_PATHS.config, "frontend x\n  bind :nonsense\n"),
    ];
    // THEN each is told
    expect(refused[0]).toContain("front: the certificate is not for www.example.test");
    expect(refused[1]).toMatch(/front: the certificate has ended: \w+ +\d+/);
    expect(refused[2]).toMatch(/inconsistenc|match|private key/i);
    expect(refused[3]).toContain("nonsense");

    // WHEN another one for the same name comes, and other limits
    const other = rig.certificateFor(["www.example.test"]);
    rig.put(FRONT_PATHS.certificate, other.certificate);
    rig.put(FRONT_PATHS.key, other.key);
    rig.configure({ maxBodyMegabytes: 1 });
    const reload = await rig.guardBeside("reload");
    const { gets, posts, failures, twice } = await end();

    // THEN it is what clients are shown, and no call was lost
    expect(reload).toMatchObject({ status: 0 });
    await expect(ask("/")).rejects.toThrow(/certificate/);
    expect((await ask("/", { ca: rig.newestAuthority })).status).toBe(200);
    console.log(`reload: ${gets} GET, ${posts.length} POST, failed: ${failures.length}, run twice: ${twice}`);
    expect({ failures, twice }).toEqual({ failures: [], twice: 0 });
  });

  it("knows its instances when another process takes over, though nobody names them", async () => {
    // GIVEN a front whose discovery has gone away
    await start();
    rig.dns.stop();
    // WHEN another process takes over
    expect(await rig.guardBeside("reload")).toMatchObject({ status: 0 });
    // THEN it answers from its first request on
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask("/")));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  });

  it("speaks HTTP/2, and no TLS before 1.2", async () => {
    await start();
    // WHEN asked by HTTP/2
    const session = connect(`https://127.0.0.1:${rig.httpsPort}`, {
      ca: rig.authority,
      servername: "www.example.test",
    });
    const status = await new Promise<unknown>((resolve, reject) => {
      session.on("error", reject);
      const stream = session.request({ ":path": "/", ":authority": "www.example.test" });
      stream.on("response", (headers) => resolve(headers[":status"]));
      stream.on("error", reject);
      stream.resume().end();
    });
    session.close();
    // THEN it answers
    expect(status).toBe(200);
    // WHEN a client knows old versions alone THEN there is no connection
    const socket = tlsConnect({
      host: "127.0.0.1",
      port: rig.httpsPort,
      ca: rig.authority,
      servername: "www.example.test",
      maxVersion: "TLSv1.1",
      minVersion: "TLSv1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    await expect(secured(socket)).rejects.toThrow(/protocol|version|alert/i);
  });

  it("leads each host and path where it shall, and others nowhere", async () => {
    await start();
    const [web, , api] = rig.instances;
    const by = async (path: string, options?: RequestOptions) => (await ask(path, options)).body;
    expect(await by("/apis")).not.toContain(api!.address);
    for (const path of ["/api", "/api/", "/api/v1?q=/"]) expect(await by(path)).toContain(api!.address);
    // AND a host that nobody named is told so
    expect((await ask("/", { headers: { Host: "other.example.test" } })).status).toBe(421);
    // AND plain HTTP is sent on, with all that was asked for
    const sent = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { Host: `www.example.test:${rig.httpPort}` };
      httpGet({ host: "127.0.0.1", port: rig.httpPort, path: "/a?b=c", headers, agent: false }, resolve).on(
        "error",
        reject,
      );
    });
    sent.resume();
    expect([sent.statusCode, sent.headers.location]).toEqual([
      308,
      `https://www.example.test:${rig.httpsPort}/a?b=c`,
    ]);
    // AND where only paths lead somewhere, others do not
    expect(web!.asked.every(({ url }) => url === "/apis" || url === "/")).toBe(true);
  });

  it("tells a service who asks, whatever a client says, and clients to come by HTTPS", async () => {
    await start({ services: [{ ...WEB, port: rig.port, paths: ["/"] }] });
    const forged = {
      "X-Forwarded-For": "203.0.113.9",
      "X-Forwarded-Proto": "http",
      "X-Forwarded-Host": "evil.example",
      "X-Forwarded-Port": "1",
      "X-Real-IP": "203.0.113.9",
      Forwarded: "for=203.0.113.9",
      Proxy: "http://evil.example",
      "Keep-Alive": "timeout=5",
      "X-Other": "stays",
    };
    const { headers } = await ask("/", { headers: forged });
    expect(headers["strict-transport-security"]).toBe("max-age=86400");
    const told = rig.instances.flatMap(({ asked }) => asked)[0]!.headers;
    expect(told).toMatchObject({
      host: "www.example.test",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "https",
      "x-forwarded-host": "www.example.test",
      "x-forwarded-port": String(rig.httpsPort),
      "x-other": "stays",
    });
    for (const gone of ["x-real-ip", "forwarded", "proxy", "keep-alive"]) expect(told[gone]).toBeUndefined();
  });

  it("bounds bodies, connections and requests of one address", async () => {
    await start({ maxBodyMegabytes: 1, connectionsPerAddress: 6, requestsPerSecond: 3 });
    const post = (headers: Record<string, string>, body?: string) =>
      ask("/", { method: "POST", headers }, body);
    // WHEN a body is too large, or does not tell its length
    expect((await post({ "Content-Length": "1000001", Connection: "close" }, "")).status).toBe(413);
    expect((await post({ "Transfer-Encoding": "chunked" }, "some")).status).toBe(411);
    expect((await post({ "Content-Length": "4" }, "some")).status).toBe(200);
    // THEN nobody was asked but for the last
    const asked = rig.instances.flatMap((instance) => instance.asked.map(({ body }) => body));
    expect(asked).toEqual(["some"]);
    // WHEN one address asks more often than it may
    const statuses = [];
    for (let at = 0; at < 40; at++) statuses.push((await ask("/")).status);
    expect(statuses).toContain(429);
    // WHEN it holds more connections than it may
    const sockets = Array.from({ length: 7 }, () =>
      tlsConnect({
        host: "127.0.0.1",
        port: rig.httpsPort,
        ca: rig.authority,
        servername: "www.example.test",
      }),
    );
    const held = await Promise.allSettled(sockets.map(secured));
    expect(held.filter(({ status }) => status === "rejected")).toHaveLength(1);
    for (const socket of sockets) socket.destroy();
  });

  it("shows a page of its own while nobody answers, and no other instead of a service's own", async () => {
    await start({ services: [{ ...WEB, port: rig.port }] });
    // GIVEN a service that says itself that it failed
    expect(await ask("/broken")).toMatchObject({
      status: 500,
      body: expect.stringContaining("from 127.77.") as string,
    });
    // WHEN all its instances are gone
    for (const instance of rig.instances) await instance.stop();
    // THEN people see the page
    expect(await ask("/")).toMatchObject({
      status: 503,
      headers: { "content-type": "text/html; charset=utf-8" },
      body: expect.stringContaining("Not available right now") as string,
    });
  });

  it("sends nothing twice that has been sent, and asks another instance where nothing was", async () => {
    await start({ services: [{ ...WEB, port: rig.port }] });
    const [one, two] = rig.instances as [(typeof rig.instances)[number], (typeof rig.instances)[number]];
    // GIVEN an instance that takes connections no more, and that nobody has noticed yet
    await one.stop();
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => ask("/", { method: "POST" }, "first")),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(200));
    expect(two.asked).toHaveLength(10);
    // WHEN the other one ends while a POST is under way
    await one.start();
    two.delay = 60_000;
    one.delay = 60_000;
    await rig.until("both known", async () => (await rig.servers()) === 2);
    const call = ask("/", { method: "POST" }, "under way");
    const ran = () => [one, two].filter(({ asked }) => asked.some(({ body }) => body === "under way"));
    await rig.until("under way", () => ran().length > 0);
    for (const instance of ran()) await instance.stop();
    // THEN it has failed, and ran once
    expect((await call).status).toBe(502);
    expect(ran()).toHaveLength(1);
  });

  it("says that it goes while it still serves, and when its certificate ends soon", async () => {
    await start();
    // GIVEN a certificate for two days
    expect((await askAdmin("/certificate")).status).toBe(200);
    expect(rig.guard("note")).toEqual({ status: 0, output: "" });
    expect((await askAdmin("/certificate")).status).toBe(429);
    expect((await askAdmin("/metrics")).body).toContain("haproxy_backend_http_responses_total");
    expect((await ask("/healthz")).status).toBe(200);
    // WHEN it is on its way out
    const leaving = rig.guardBeside("leave", "3");
    await rig.until("leaving", () => rig.guard("ready").status !== 0);
    // THEN it goes on serving, and says so to whoever looks by a service's health whether to send clients here
    expect((await ask("/")).status).toBe(200);
    expect((await ask("/healthz")).status).toBe(503);
    expect(await leaving).toEqual({ status: 0, output: "" });
  });

  it("says that it goes where clients are led by something else than the health of what it leads to", async () => {
    // GIVEN a gateway's host, of whose health nobody asks here
    await start({ services: [{ ...WEB, port: rig.port, healthPath: undefined, toldAt: "/v1/ping" }] });
    expect((await ask("/v1/ping")).status).toBe(200);
    // WHEN it is on its way out
    const leaving = rig.guardBeside("leave", "3");
    await rig.until("leaving", () => rig.guard("ready").status !== 0);
    // THEN it says so there, and serves
    expect([(await ask("/v1/ping")).status, (await ask("/healthz")).status]).toEqual([503, 200]);
    expect(await leaving).toEqual({ status: 0, output: "" });
  });

  it("packs texts for those who can unpack them", async () => {
    await start();
    const packed = await ask("/large", { headers: { "Accept-Encoding": "gzip" } });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(packed.body.length).toBeLessThan(5000);
    expect((await ask("/large")).body).toHaveLength(50_000);
  });

  /** What the guard says of another file in place of the one that is there, which is put back. */
  async function bad(path: string, content: string): Promise<string> {
    const before = rig.get(path);
    rig.put(path, content);
    const { status, output } = await rig.guardBeside("check", "www.example.test");
    rig.put(path, before);
    expect(status).not.toBe(0);
    return output;
  }

  function askAdmin(path: string): Promise<Pick<Answer, "status" | "body">> {
    return new Promise((resolve, reject) => {
      httpGet({ host: "127.0.0.1", port: rig.adminPort, path, agent: false }, (response) => {
        let body = "";
        response.on("data", (part: Buffer) => (body += part.toString()));
        response.on("end", () => resolve({ status: response.statusCode!, body }));
      }).on("error", reject);
    });
  }
});

const WEB = { name: "web", healthPath: "/healthz", hosts: ["www.example.test"] };

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1000));

/** A connection once it is ready to be written to. */
const secured = (socket: TLSSocket): Promise<TLSSocket> =>
  new Promise((resolve, reject) => {
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
