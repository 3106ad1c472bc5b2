import { readFileSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ask, exchange, gatewayLab, type RunningGateway, service, type TestService } from "./gateway-lab";
import { claims, TestKey, testIssuer, type TestIssuer, unsigned } from "./test-issuer";
import { eventually, metricsOf } from "../proxy/proxy-process";
import { talk } from "../proxy/raw-http";

const lab = gatewayLab();
const key = TestKey.ec("k1");
const FORWARD = { sub: "X-User-Id", "/profile/roles": "X-User-Roles", name: "X-User-Name" };
let api: TestService;
beforeAll(async () => {
  api = await service("api");
});

const issuer = (more: object = {}): object => ({
  issuer: "https://issuer.example",
  audience: "api",
  algorithms: ["ES256", "RS256"],
  keys: [key.jwk],
  forward: FORWARD,
  ...more,
});
const config = (users: object, more: object = {}): object => ({
  services: { api: api.url },
  issuers: { users },
  routes: {
    open: { path: "/open/**", service: "api" },
    closed: { path: "/closed/**", service: "api", jwt: "users" },
    scoped: {
      path: "/scoped",
      service: "api",
      jwt: { issuer: "users", scopes: ["read", "write"], claims: { "/profile/roles": ["admin", "ops"] } },
    },
  },
  ...more,
});
/** The channel between workers gives up after 2 s. */
const LONGER_THAN_WORKERS_WAIT_MS = 2_500;
const bearing = (token: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${token}` },
});
const statusOf = async (gateway: RunningGateway, token: string): Promise<number> =>
  (await ask(gateway, "/closed/x", bearing(token))).status;
const readiness = (gateway: RunningGateway): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ port: gateway.adminPort, path: "/readyz", agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    }).on("error", reject);
  });

describe("GIVEN a route that asks for a token", () => {
  test("WHEN one comes that is right THEN the service reads its claims, in fields that nobody else can fill", async () => {
    await lab.using(config(issuer()), async (gateway) => {
      const told = { name: "Zoë\r\nX-User-Id: root, %", profile: { roles: ["a,b", "ops"] } };
      const token = key.token(claims(told));
      const forged = {
        "X-USER-ID": "root",
        x_user_id: "root",
        "x.user.id": "root",
        "X-User_Name": "root",
        X_Forwarded_For: "10.0.0.1",
      };
      const { headers } = bearing(token);
      expect(await ask(gateway, "/closed/x", { headers: { ...headers, ...forged } })).toMatchObject({
        status: 200,
      });
      const seen = api.requests.at(-1)!.message;
      expect(seen.headers).toMatchObject({
        "x-user-id": "u1",
        "x-user-roles": "a%2Cb, ops",
        "x-user-name": "Zo%C3%AB%0D%0AX-User-Id: root, %25",
      });
      expect(seen.rawHeaders.filter((_, i) => i % 2 === 0)).toEqual(
        expect.not.arrayContaining(["x_user_id", "x.user.id", "X-User_Name", "X_Forwarded_For", "X-USER-ID"]),
      );
      // AND on a route that asks for none
      expect(await ask(gateway, "/open/x", { headers: forged })).toMatchObject({ status: 200 });
      expect(JSON.stringify(api.requests.at(-1)!.message.rawHeaders)).not.toMatch(/root|user|10\.0\.0\.1/i);
      // AND not after a body either
      const before = api.requests.length;
      const head = "POST /open/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
      const trailed = await talk(gateway.port, `${head}1\r\na\r\n0\r\nX_User-Id: root\r\n\r\n`);
      expect(trailed).toMatch(/^HTTP\/1\.1 400 /);
      expect(api.requests.slice(before).map(({ body }) => body)).toEqual([]);
      // AND what was signed is told to nobody
      expect(gateway.output()).not.toContain(token.slice(0, 20));
    });
  });

  const now = Math.floor(Date.now() / 1000);
  const other = TestKey.ec("k1");
  const rsa = TestKey.rsa("k2");
  const hmacSigned = `${unsigned(claims(), { alg: "HS256", kid: "k1" })}.${Buffer.alloc(32).toString("base64url")}`;
  const REFUSED: readonly [why: string, token: string | undefined, reason: string, told: string][] = [
    ["is none", undefined, "no_token", '^Bearer realm="users"$'],
    ["is another kind", "Basic dTpw", "no_token", '^Bearer realm="users"$'],
    ["has expired", key.token(claims({ exp: now - 40 })), "expired", "has expired"],
    ["never expires", key.token({ ...claims(), exp: undefined }), "malformed", "missing or malformed"],
    ["is not valid yet", key.token(claims({ nbf: now + 4000 })), "not_yet", "not valid yet"],
    ["is another issuer's", key.token(claims({ iss: "https://evil.example" })), "issuer", "another issuer's"],
    ["is for somebody else", key.token(claims({ aud: ["web"] })), "audience", "another audience"],
    ["was signed by somebody else", other.token(claims()), "signature", "signature"],
    ["was signed by nobody", `${unsigned(claims(), { alg: "none" })}.`, "algorithm", "algorithm"],
    ["was signed with the public key as secret", hmacSigned, "algorithm", "algorithm"],
    ["was signed with a key that is not known", rsa.token(claims()), "unknown_key", "key"],
    [
      "must be understood otherwise",
      key.token(claims(), { crit: ["b64"], b64: false }),
      "malformed",
      "JWT|supported",
    ],
    ["is no JWT", "a.b", "malformed", "no signed JWT"],
  ];
  test("WHEN it is none that is right THEN it is 401, with what RFC 6750 asks for, and nothing of it in the log", async () => {
    await lab.using(config(issuer()), async (gateway) => {
      const before = api.requests.length;
      const seen = new Map<string, number>();
      for (const [why, token, reason, told] of REFUSED) {
        const authorization = token?.startsWith("Basic") ? token : `Bearer ${token}`;
        const sent = token === undefined ? {} : { headers: { authorization } };
        const { status, headers } = await exchange(gateway, "/closed/x", sent);
        const error = reason === "no_token" ? "" : "invalid_token";
        expect({ why, status, told: headers["www-authenticate"] }).toEqual({
          why,
          status: 401,
          told: expect.stringMatching(new RegExp(`${error}.*${told}`)) as string,
        });
        seen.set(reason, (seen.get(reason) ?? 0) + 1);
        const refused = `tricloud_gateway_route_refused_total{route="closed",reason="${reason}"}`;
        expect((await metricsOf(gateway)).get(refused)).toBe(seen.get(reason));
      }
      expect(api.requests.length).toBe(before);
      await gateway.said(
        '"level":"info","message":"exchange failed","status":401,"problem":"the token has expired"',
      );
      for (const [, token] of REFUSED) if (token !== undefined) expect(gateway.output()).not.toContain(token);
    });
  });

  test("WHEN clocks are a little apart THEN the token is taken", async () => {
    await lab.using(config(issuer()), async (gateway) => {
      expect(await statusOf(gateway, key.token(claims({ exp: now - 10 + 10, nbf: now + 10 })))).toBe(200);
    });
  });

  test("WHEN there are two tokens THEN it is 400; WHEN it is not for this THEN 403, with what would do", async () => {
    await lab.using(config(issuer()), async (gateway) => {
      const token = key.token(claims());
      const twice = await talk(
        gateway.port,
        `GET /closed/x HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer ${token}\r\nauthorization: Bearer ${token}\r\n\r\n`,
      );
      expect(twice).toMatch(/^HTTP\/1\.1 400 [^]*error="invalid_request"/);
      const asked = async (more: object): Promise<string> => {
        const { status, headers } = await exchange(gateway, "/scoped", bearing(key.token(claims(more))));
        return `${status} ${headers["www-authenticate"] ?? ""}`;
      };
      const roles = { profile: { roles: ["ops"] } };
      expect(await asked({ scope: "read", ...roles })).toMatch(
        /^403 .*error="insufficient_scope".*, scope="read write"$/,
      );
      expect(await asked({ scope: "read write", profile: { roles: ["user"] } })).toMatch(/^403 /);
      expect(await asked({ scope: "read write" })).toMatch(/^403 /);
      expect(await asked({ scope: "write other read", ...roles })).toBe("200 ");
      expect(await asked({ scp: ["write", "read"], ...roles })).toBe("200 ");
    });
  });

  test.each([0, 65_536])(
    "WHEN its body is on its way, of which %i bytes are collected, THEN a refusal comes without it, and nothing of it is taken for a request",
    async (requestBuffering) => {
      await lab.using(config(issuer(), { requestBuffering }), async (gateway) => {
        const before = api.requests.length;
        const inner = "GET /open/smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
        const post = (more: string): string => `POST /closed/x HTTP/1.1\r\nHost: h\r\n${more}`;
        // THEN who awaits 100 (Continue) is told at once, and not to send
        const expecting = await talk(gateway.port, post("Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
        expect(expecting).toMatch(/^HTTP\/1\.1 401 [^]*Connection: close\r\n/);
        // AND a body that is not all here ends the connection
        const begun = await talk(gateway.port, `${post("Content-Length: 9999\r\n\r\n")}${inner}${inner}`);
        expect(begun.match(/HTTP\/1\.1 /g)).toHaveLength(1);
        // AND one that is here whole is followed by the next request
        const whole = await talk(
          gateway.port,
          `${post(`Content-Length: ${inner.length}\r\n\r\n`)}${inner}GET /open/next HTTP/1.1\r\nHost: h\r\n\r\n`,
        );
        expect(whole.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 401", "HTTP/1.1 200"]);
        // AND who has a token is asked to send, and it arrives
        const token = `Authorization: Bearer ${key.token(claims())}\r\n`;
        const taken = await talk(
          gateway.port,
          post(`${token}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`),
          600,
        );
        expect(taken).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
        const sent = await talk(gateway.port, `${post(`${token}Content-Length: 5\r\n\r\n`)}hello`);
        expect(sent).toMatch(/^HTTP\/1\.1 200 /);
        // (What waits for its body is begun at the service where nothing is collected.)
        const begunThere = requestBuffering === 0 ? ["/closed/x "] : [];
        expect(api.requests.slice(before).map(({ message, body }) => `${message.url} ${body}`)).toEqual([
          "/open/next ",
          ...begunThere,
          "/closed/x hello",
        ]);
      });
    },
  );

  test("WHEN a client of HTTP/2 asks THEN it is the same, a body that comes while its token is looked at included", async () => {
    await lab.using(config(issuer()), async (gateway) => {
      const session = connectHttp2(`http://127.0.0.1:${gateway.port}`);
      const asked = (headers: object, body: string): Promise<string> =>
        new Promise((resolve, reject) => {
          const stream = session.request({ ":method": "POST", ":path": "/closed/h2", ...headers });
          let said = "";
          stream.on("response", (head) => (said = `${head[":status"]} ${head["www-authenticate"] ?? ""}`));
          stream
            .on("data", () => undefined)
            .on("end", () => resolve(said))
            .on("error", reject);
          stream.end(body);
        });
      expect(await asked({}, "x".repeat(100_000))).toBe('401 Bearer realm="users"');
      const body = "y".repeat(100_000);
      expect(await asked({ authorization: `bearer ${key.token(claims())}` }, body)).toBe("200 ");
      expect(api.requests.at(-1)).toMatchObject({ body, message: { headers: { "x-user-id": "u1" } } });
      session.destroy();
    });
  });
});

describe("GIVEN an issuer that tells its keys by URL", () => {
  const remote = (at: TestIssuer, more: object = {}): object => {
    const { keys: _, ...rest } = issuer(more) as Record<string, unknown>;
    return { ...rest, jwks: at.url };
  };
  const configured = (at: TestIssuer, more: object = {}): object =>
    config(remote(at, more), { caFile: lab.file(at.certificate) });

  test("WHEN it has not told them yet THEN the gateway is not ready; once it has, it is, and tokens are taken", async () => {
    const at = await testIssuer(key);
    at.fault = 500;
    await lab.using(configured(at), async (gateway) => {
      expect(await readiness(gateway)).toBe(503);
      expect(await statusOf(gateway, key.token(claims()))).toBe(503);
      expect((await ask(gateway, "/open/x")).status).toBe(200);
      await gateway.said('"keys of an issuer not had","issuer":"users","problem":"the answer is 500"');
      at.fault = undefined;
      await eventually(async () => (await readiness(gateway)) === 200);
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
    });
  });

  test("WHEN a gateway has two workers THEN one asks, for longer than workers wait for each other, and both have what it was told; so has one that starts later", async () => {
    const at = await testIssuer(key);
    const [second, third] = [TestKey.ec("k2"), TestKey.ec("k3")];
    const hold = (): (() => void) => {
      let release: (() => void) | undefined;
      at.held = new Promise((resolve) => (release = resolve));
      return release!;
    };
    // Connections go to the workers in turn, so that of four each has two.
    const statuses = (token: string): Promise<number[]> =>
      Promise.all([1, 2, 3, 4].map(() => statusOf(gateway!, token)));
    let gateway: RunningGateway | undefined;
    let release = hold();
    await lab.using({ ...configured(at), workers: 2 }, async (running) => {
      gateway = running;
      await delay(LONGER_THAN_WORKERS_WAIT_MS);
      expect(at.asked).toBe(1);
      expect(await readiness(running)).toBe(503);
      release();
      await eventually(async () => (await readiness(running)) === 200);
      expect(await statuses(key.token(claims()))).toEqual([200, 200, 200, 200]);
      expect(at.asked).toBe(1);
      // AND when both find a key that they do not know, one asks
      at.keys = [key.jwk, second.jwk];
      release = hold();
      const asked = statuses(second.token(claims()));
      await delay(LONGER_THAN_WORKERS_WAIT_MS);
      release();
      expect(await asked).toEqual([200, 200, 200, 200]);
      expect(await statuses(third.token(claims()))).toEqual([401, 401, 401, 401]);
      expect(at.asked).toBe(2);
      // AND a worker in the place of one that ended has what was told last, though the issuer is out
      at.fault = 503;
      const [, pid] = /"listening".*"pid":(\d+)/.exec(running.output())!;
      process.kill(Number(pid), "SIGKILL");
      await running.said("worker ended and is replaced");
      await eventually(async () => (await readiness(running)) === 200);
      expect(await statuses(second.token(claims()))).toEqual([200, 200, 200, 200]);
      expect(at.asked).toBe(2);
      const metrics = await metricsOf(running);
      expect(metrics.get('tricloud_gateway_issuer_looks_total{issuer="users"}')).toBeLessThanOrEqual(2);
    });
  });

  test("WHEN it changes its key THEN the new one is asked for, and tokens of made-up keys ask no more", async () => {
    const at = await testIssuer(key);
    const next = TestKey.ec("k2");
    await lab.using(configured(at), async (gateway) => {
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
      expect(at.asked).toBe(1);
      at.keys = [next.jwk];
      const statuses = await Promise.all([1, 2, 3, 4].map(() => statusOf(gateway, next.token(claims()))));
      expect(statuses).toEqual([200, 200, 200, 200]);
      expect(at.asked).toBe(2);
      expect(await statusOf(gateway, key.token(claims()))).toBe(401);
      const madeUp = Array.from({ length: 50 }, (_, i) => TestKey.ec(`made-up-${i}`).token(claims()));
      expect(new Set(await Promise.all(madeUp.map((token) => statusOf(gateway, token))))).toEqual(
        new Set([401]),
      );
      expect(at.asked).toBe(2);
      expect(await statusOf(gateway, next.token(claims()))).toBe(200);
    });
  });

  test("WHEN it falls out THEN its keys serve on, for as long as is said and no longer; and what is no key set changes nothing", async () => {
    const at = await testIssuer(key);
    await lab.using(configured(at, { refresh: "1s", keepKeys: "6s" }), async (gateway) => {
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
      at.keys = [];
      await gateway.said("a JWK set of 0 keys");
      at.keys = [1 as never];
      await gateway.said("JSON Web Key Set malformed");
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
      at.fault = 503;
      const failures = 'tricloud_gateway_issuer_look_failures_total{issuer="users"}';
      await eventually(async () => (await statusOf(gateway, key.token(claims()))) === 503);
      expect((await metricsOf(gateway)).get(failures)).toBeGreaterThan(1);
      // AND readiness does not go with it: the other routes serve
      expect(await readiness(gateway)).toBe(200);
      at.fault = undefined;
      at.keys = [key.jwk];
      await eventually(async () => (await statusOf(gateway, key.token(claims()))) === 200);
    });
  });

  test("WHEN a gateway starts while it is out THEN keys that an earlier one was told serve, for as long as is said, and no other's", async () => {
    const at = await testIssuer(key);
    const stateDir = join(dirname(lab.file("")), "state");
    const kept = join(stateDir, "keys-users.json");
    const serving = (more: object, use: Parameters<typeof lab.using>[1]): Promise<void> =>
      lab.using({ ...configured(at, more), stateDir }, use);
    await serving({}, async (gateway) => {
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
      expect(statSync(kept).mode & 0o777).toBe(0o600);
    });
    at.fault = 503;
    await serving({}, async (gateway) => {
      expect(await readiness(gateway)).toBe(200);
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
      expect(await statusOf(gateway, TestKey.ec("k2").token(claims()))).toBe(401);
    });
    // Times of files are not asked: what was told says when.
    const said = JSON.parse(readFileSync(kept, "utf8")) as { told: number; source: string };
    const refused = async (content: string, problem?: string): Promise<void> => {
      writeFileSync(kept, content);
      await serving({}, async (gateway) => {
        if (problem !== undefined) await gateway.said(problem);
        expect(await readiness(gateway)).toBe(503);
        expect(await statusOf(gateway, key.token(claims()))).toBe(503);
      });
    };
    await refused(JSON.stringify({ ...said, told: said.told - 25 * 3_600_000 }));
    await refused(JSON.stringify({ ...said, told: Date.now() + 3_600_000 }));
    await refused(JSON.stringify({ ...said, source: "https://other.example/jwks" }));
    await refused("{}", "kept keys of an issuer not read");
  });

  test("WHEN keys have no kid THEN each that fits is tried", async () => {
    const all = [TestKey.ec(), TestKey.ec(), TestKey.ec()];
    const at = await testIssuer(...all);
    await lab.using(configured(at), async (gateway) => {
      for (const each of all) expect(await statusOf(gateway, each.token(claims()))).toBe(200);
      expect(await statusOf(gateway, TestKey.ec().token(claims()))).toBe(401);
    });
  });

  test("WHEN issuers change at a reload THEN the new ones hold, and those that stay are not asked again", async () => {
    const [at, another] = await Promise.all([testIssuer(key), testIssuer(TestKey.ec("k1"))]);
    const trusted = { caFile: lab.file(at.certificate) };
    await lab.using(config(remote(at), trusted), async (gateway) => {
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
      const more = { issuers: { users: remote(at), more: issuer({ issuer: "https://more.example" }) } };
      gateway.reload(config({}, { ...trusted, ...more }));
      await gateway.said("configuration reloaded");
      expect(await statusOf(gateway, key.token(claims()))).toBe(200);
      expect(at.asked).toBe(1);
      gateway.reload(config(remote(another), trusted));
      await eventually(async () => (await statusOf(gateway, key.token(claims()))) === 401);
    });
  });
});
