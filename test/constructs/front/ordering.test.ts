import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { get as httpGet } from "node:http";
import { request as httpsRequest } from "node:https";
import { dirname, join } from "node:path";
import { LOCK_TOKEN_RULES } from "../../../constructs/dns/consul-locks";
import { ACME_PATHS } from "../../../constructs/front/front-paths";
import { AcmeAuthority, serialOf } from "../../testbed/acme-authority";
import { consul, findProgram } from "../dns/real-binaries";
import { freePorts, FrontRig, haproxy, socat } from "./front-rig";

jest.setTimeout(120_000);

const programs = [haproxy, socat, consul, ...["lego", "pebble", "named"].map((name) => findProgram(name))];
const describeWithAll = programs.includes(undefined) ? describe.skip : describe;

const NAME = "www.example.test";
/** Certificates are renewed half-way. */
const LASTS_SECONDS = 24;

describeWithAll(
  "a front that orders its certificate (needs haproxy, socat, consul, lego, pebble and bind9)",
  () => {
    let rigs: FrontRig[];
    let authority: AcmeAuthority;
    let agent: ConsulAgent;

    beforeAll(async () => {
      rigs = [await FrontRig.make(), await FrontRig.make()];
      agent = await ConsulAgent.start(join(rigs[0]!.directory, "consul"));
      const [directory, management, dns] = (await freePorts(3)) as [number, number, number];
      authority = await AcmeAuthority.start({
        directory: join(rigs[0]!.directory, "authority"),
        address: "127.0.0.1",
        ports: { directory, management, dns },
        zone: "example.test",
        lastsSeconds: LASTS_SECONDS,
      });
      for (const rig of rigs) {
        for (const instance of rig.instances) await instance.start();
        rig.name("web", rig.instances);
        rig.name("api", rig.instances);
        orders(rig, [NAME]);
        rig.configure();
      }
    });

    afterAll(async () => {
      await authority?.stop();
      await agent?.stop();
      for (const rig of rigs ?? []) await rig.stop();
    });

    function orders(rig: FrontRig, hosts: readonly string[]): void {
      rig.order({
        hosts,
        email: "ops@example.test",
        directory: authority.directory,
        caCertificate: authority.directoryAuthority,
        dns: { rfc2136: authority.updates },
        lock: { tokenFile: agent.lockTokenFile },
      });
    }
    const acme = (rig: FrontRig, command: string) =>
      rig.acme(command, {
        RFC2136_TSIG_SECRET: authority.updates.secret,
        CONSUL_HTTP_ADDR: agent.url,
        PATH: `${process.env["PATH"]}:${dirname(consul!)}`,
      });
    const kindOf = (rig: FrontRig) => rig.get(ACME_PATHS.kind).trim();
    const serialIn = (rig: FrontRig) => serialOf(rig.get(ACME_PATHS.certificate));

    /** Status of an answer by HTTPS; with `ca` the certificate is checked. */
    const ask = (rig: FrontRig, ca?: string, method = "GET"): Promise<number> =>
      new Promise((resolve, reject) => {
        httpsRequest(
          {
            ...{ host: "127.0.0.1", port: rig.httpsPort, servername: NAME, agent: false, method },
            ...{ ca, rejectUnauthorized: ca !== undefined, headers: { Host: NAME } },
          },
          (response) => {
            response.resume().on("end", () => resolve(response.statusCode!));
          },
        )
          .on("error", reject)
          .end();
      });
    const askAdmin = (rig: FrontRig, path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        httpGet({ host: "127.0.0.1", port: rig.adminPort, path, agent: false }, (response) => {
          response.resume().on("end", () => resolve(response.statusCode!));
        }).on("error", reject);
      });

    it("runs without one while the authority is away, and says that it takes no requests", async () => {
      // GIVEN an authority that nobody reaches
      await authority.goAway();
      const [rig] = rigs as [FrontRig];
      // WHEN the front starts
      expect(await acme(rig, "seed")).toEqual({ status: 0, output: "" });
      await rig.start();
      const { status, output } = await acme(rig, "once");
      // THEN it has said so, and goes on
      expect({ status, output }).toMatchObject({
        status: 2,
        output: expect.stringContaining("no certificate from") as string,
      });
      expect(kindOf(rig)).toBe("placeholder");
      expect([await askAdmin(rig, "/readyz"), await ask(rig)]).toEqual([503, 503]);
      await authority.comeBack();
    });

    it("gets one that clients trust, each front its own, by a token for locks alone", async () => {
      const [rig, other] = rigs as [FrontRig, FrontRig];
      await acme(other, "seed");
      await other.start();
      // WHEN both order at once
      const outcomes = await Promise.all([acme(rig, "once"), acme(other, "once")]);
      // THEN both are given one, one after the other
      expect(outcomes.map(({ status, output }) => (status === 0 ? "" : output))).toEqual(["", ""]);
      const root = await authority.root();
      for (const front of [rig, other]) {
        expect(kindOf(front)).toBe("ordered");
        await front.until("ready", async () => (await askAdmin(front, "/readyz")) === 200);
        await front.until("answering", async () => (await ask(front, root)) === 200);
      }
      expect(serialIn(rig)).not.toBe(serialIn(other));
      // AND the token opens nothing else
      const refused = ["kv/other", "kv/tricloud/other", "acl/tokens"].map((path) => agent.read(path));
      expect(await Promise.all(refused)).toEqual([403, 403, 403]);
    });

    it("orders nothing while another front does", async () => {
      const [rig] = rigs as [FrontRig];
      // GIVEN somebody who has the lock, and a front that wants a certificate for another name besides
      orders(rig, [NAME, "shop.example.test"]);
      expect((await acme(rig, "ends")).output).toBe("0\n");
      const holder = await agent.lock(rig.directory);
      const before = authority.orders;
      // WHEN it is time
      const ordering = acme(rig, "once");
      await new Promise((resolve) => setTimeout(resolve, 2000));
      // THEN it waits until the other one is done
      expect(authority.orders).toBe(before);
      holder.release();
      expect(await ordering).toMatchObject({ status: 0 });
      expect(authority.orders).toBeGreaterThan(before);
    });

    it("renews it in time without a lost request, and goes on with what there is when the authority is away", async () => {
      const [, rig] = rigs as [FrontRig, FrontRig];
      const root = await authority.root();
      // GIVEN a certificate that has just been ordered WHEN somebody looks THEN it is not time
      const trust = { failed: [] as string[], answered: 0 };
      await rig.until("due", async () => {
        await acme(rig, "once");
        return Number((await acme(rig, "ends")).output) - Date.now() / 1000 > LASTS_SECONDS * 0.6;
      });
      const first = serialIn(rig);
      expect(await acme(rig, "once")).toMatchObject({ status: 0 });
      expect(serialIn(rig)).toBe(first);
      // WHEN half of its time is over, under load
      const load = setInterval(() => {
        ask(rig, root, trust.answered % 3 === 2 ? "POST" : "GET").then(
          (status) => (status === 200 ? trust.answered++ : trust.failed.push(String(status))),
          (error: Error) => trust.failed.push(error.message),
        );
      }, 20);
      await rig.until("another one", async () => {
        expect(await acme(rig, "once")).toMatchObject({ status: 0 });
        return serialIn(rig) !== first;
      });
      await new Promise((resolve) => setTimeout(resolve, 1000));
      clearInterval(load);
      // THEN all were answered
      expect(trust.failed).toEqual([]);
      expect(trust.answered).toBeGreaterThan(100);

      // WHEN the authority is away half-way through the next one
      await authority.goAway();
      const second = serialIn(rig);
      await rig.until("due", async () => (await acme(rig, "once")).status === 2);
      // THEN that goes on being shown, and Consul is told to warn
      expect([serialIn(rig), await ask(rig, root), await askAdmin(rig, "/readyz")]).toEqual([
        second,
        200,
        200,
      ]);
      expect(await askAdmin(rig, "/certificate")).toBe(429);
    });
  },
);

/** A Consul server of this run alone that denies what no token allows. */
class ConsulAgent {
  private constructor(
    private readonly process: ChildProcess,
    readonly url: string,
    readonly lockTokenFile: string,
    private readonly token: string,
  ) {}

  static async start(directory: string): Promise<ConsulAgent> {
    const [http, server, serf, wan] = await freePorts(4);
    const [management, token] = [randomUUID(), randomUUID()];
    mkdirSync(directory);
    const config = {
      acl: { enabled: true, default_policy: "deny", tokens: { master: management, agent: management } },
      ports: { http, server, serf_lan: serf, serf_wan: wan, dns: -1, grpc: -1 },
    };
    writeFileSync(join(directory, "config.json"), JSON.stringify(config));
    const args = ["agent", "-dev", "-node=front", `-config-file=${join(directory, "config.json")}`];
    const child = spawn(consul!, args, { stdio: "ignore" });
    const tokenFile = join(directory, "lock-token");
    writeFileSync(tokenFile, token);
    const agent = new ConsulAgent(child, `http://127.0.0.1:${http}`, tokenFile, token);
    const put = async (path: string, body: object): Promise<boolean> => {
      const headers = { "X-Consul-Token": management };
      const answer = await fetch(`${agent.url}/v1/${path}`, {
        method: "PUT",
        headers,
        body: JSON.stringify(body),
      });
      return answer.ok;
    };
    const deadline = Date.now() + 30_000;
    const policy = { Name: "locks", Rules: LOCK_TOKEN_RULES };
    while (!(await put("acl/policy", policy).catch(() => false))) {
      if (Date.now() > deadline) throw new Error("no Consul in 30 s");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    if (!(await put("acl/token", { SecretID: token, Policies: [{ Name: "locks" }] })))
      throw new Error("no token");
    return agent;
  }

  /** What reading that with the token for locks comes to. */
  async read(path: string): Promise<number> {
    return (await fetch(`${this.url}/v1/${path}`, { headers: { "X-Consul-Token": this.token } })).status;
  }

  /** Somebody who has the fronts' lock until told to let go of it. */
  async lock(directory: string): Promise<{ release: () => void }> {
    const hold = join(directory, "holds");
    writeFileSync(hold, "#!/bin/sh\necho held\nread -r line\n", { mode: 0o755 });
    const holder = spawn(consul!, ["lock", "-pass-stdin", "tricloud/locks/front-acme", hold], {
      env: { ...process.env, CONSUL_HTTP_ADDR: this.url, CONSUL_HTTP_TOKEN: this.token },
    });
    await once(holder.stdout, "data");
    return { release: () => void holder.stdin.end("done\n") };
  }

  async stop(): Promise<void> {
    const ended = once(this.process, "exit");
    this.process.kill("SIGTERM");
    await ended;
  }
}
