import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { connect } from "node:tls";
import { type Identity, issueServer, makeAuthority } from "../../../certificates/x509";
import { dnsServer, type Records } from "../dns-server";
import { askHttp1, groupLab } from "../groups/group-lab";
import { NODE } from "../node-program";
import { eventually, freePort, metricsOf, type RunningProxy } from "../proxy-process";

const lab = groupLab();
const CALLED = "search.ccnproxy-service";
const HOUR_MS = 3_600_000;
const at = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);

const authority = makeAuthority({ name: "regions", from: at(-1), until: at(10) });
const stranger = makeAuthority({ name: "strangers", from: at(-1), until: at(10) });

const certificate = (name: string, by = authority, from = at(-1), until = at(5)): Identity =>
  issueServer(by, { name, dnsNames: [name], from, until });

let made = 0;

/** Files of one region's proxies, as their options name them. */
function files(identity: Identity, trusted = authority.certificate) {
  const path = (kind: string) => join(lab.directory, `peer-${made}-${kind}.pem`);
  made++;
  const options = { peerCertFile: path("cert"), peerKeyFile: path("key"), peerCaFile: path("ca") };
  writeFileSync(options.peerCertFile, identity.certificate);
  writeFileSync(options.peerKeyFile, identity.key);
  writeFileSync(options.peerCaFile, trusted);
  return options;
}

/** What an instance has been asked; it answers "us". */
async function usingInstance(use: (url: string, asked: string[]) => Promise<void>): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.headers.host}`);
    request.resume().on("end", () => response.end("us"));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const US = files(certificate("proxy.us.consul"));

/** Proxies of a region that answers for the service with that instance, at that port. */
const usingUsAt = (
  port: number,
  instance: string,
  use: (proxy: RunningProxy) => Promise<void>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> =>
  lab.usingGroup([instance], use, {
    groups: { "search.ccnproxy-peer": [instance] },
    peerListen: `127.0.0.1:${port}`,
    peerNames: ["proxy.jp.consul"],
    ...US,
    ...more,
  });

/** The same at a port of its own. */
async function usingUs(
  instance: string,
  use: (port: number, proxy: RunningProxy) => Promise<void>,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const port = freePort();
  await usingUsAt(port, instance, (proxy) => use(port, proxy), more);
}

/** What the other region's proxies count of this one's calls. */
const FROM_JP = 'tricloud_proxy_peer_requests_total{peer="proxy.jp.consul"}';

/** Proxies of a region that asks those at that port for the service. */
const usingJp = (
  port: number,
  use: (proxy: RunningProxy) => Promise<void>,
  {
    identity = certificate("proxy.jp.consul"),
    peer = "proxy.us.consul",
    trusted = authority.certificate,
  } = {},
): Promise<void> =>
  lab.usingGroup([], use, {
    groups: { [CALLED]: [{ url: `https://127.0.0.1:${port}`, peer }] },
    ...files(identity, trusted),
  });

test.each(["GET", "POST"])(
  "GIVEN a service that another region has WHEN it is called by %s THEN its instance answers, and it is counted as that region's",
  async (method) => {
    await usingInstance((url, asked) =>
      usingUs(url, (port, us) =>
        usingJp(port, async (jp) => {
          expect(await askHttp1(jp, { host: CALLED, method })).toMatchObject({ status: 200, body: "us" });
          expect(asked).toEqual([`${method} ${new URL(url).host}`]);
          expect((await metricsOf(us)).get(FROM_JP)).toBe(1);
        }),
      ),
    );
  },
);

const REFUSED = [
  ["by another authority", { identity: certificate("proxy.jp.consul", stranger) }],
  ["that has ended", { identity: certificate("proxy.jp.consul", authority, at(-1), at(-0.5)) }],
  ["with another name", { identity: certificate("server.jp.consul") }],
] as const;

test.each(REFUSED)(
  "GIVEN a certificate %s WHEN its proxy calls THEN it is refused, and no instance is asked",
  async (_, jp) => {
    await usingInstance((url, asked) =>
      usingUs(url, (port, us) =>
        usingJp(
          port,
          async (proxy) => {
            expect((await askHttp1(proxy, { host: CALLED })).status).toBeGreaterThanOrEqual(502);
            await us.said("peer refused");
            expect(asked).toEqual([]);
            expect((await metricsOf(us)).get("tricloud_proxy_peers_refused_total")).toBeGreaterThan(0);
          },
          jp,
        ),
      ),
    );
  },
);

test.each([
  ["whose authority is another", { trusted: stranger.certificate }],
  ["of another name", { peer: "proxy.uk.consul" }],
])("GIVEN proxies elsewhere %s WHEN they are called THEN they are told nothing", async (_, jp) => {
  await usingInstance((url, asked) =>
    usingUs(url, (port) =>
      usingJp(
        port,
        async (proxy) => {
          expect((await askHttp1(proxy, { host: CALLED })).status).toBeGreaterThanOrEqual(502);
          expect(asked).toEqual([]);
        },
        jp,
      ),
    ),
  );
});

/** What a client with (or without) a certificate reads that asks for this host on the port for peers. */
const rawAnswer = (
  port: number,
  host: string,
  path: string,
  identity?: Identity,
  trusted = authority,
): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({
      ...{ host: "127.0.0.1", port, ca: trusted.certificate, servername: "proxy.us.consul" },
      ...(identity && { cert: identity.certificate, key: identity.key }),
    });
    let text = "";
    socket.on("error", (error) => resolve(error.message));
    socket.on("data", (bytes: Buffer) => (text += bytes.toString()));
    socket.on("close", () => resolve(text));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  });

test("GIVEN the port for other regions WHEN anything but its services is asked for THEN nothing is passed on", async () => {
  await usingInstance((url, asked) =>
    usingUs(
      url,
      async (port) => {
        const jp = certificate("proxy.jp.consul");
        // a client without a certificate
        expect(await rawAnswer(port, CALLED, "/")).not.toContain("HTTP/1.1");
        // an origin that this region's own may call, a service that is not for others, one that would lead elsewhere
        const origin = `${new URL(url).hostname}.ccnproxy:${new URL(url).port}`;
        expect(await rawAnswer(port, origin, "/", jp)).toContain("HTTP/1.1 421 ");
        expect(await rawAnswer(port, "stock.ccnproxy-service", "/", jp)).toContain("HTTP/1.1 403 ");
        expect(await rawAnswer(port, "away.ccnproxy-service", "/", jp)).toContain("HTTP/1.1 403 ");
        // what a proxy tells of itself
        expect(await rawAnswer(port, "localhost", "/.api/stats", jp)).toContain("HTTP/1.1 421 ");
        expect(asked).toEqual([]);
        expect(await rawAnswer(port, CALLED, "/", jp)).toContain("HTTP/1.1 200 ");
      },
      {
        allowAny: true,
        groups: { "search.ccnproxy-peer": [url], "away.ccnproxy-service": [url] },
      },
    ),
  );
});

test.each([1, 2])(
  "GIVEN calls between regions to %i workers WHEN certificates are renewed by another authority and reloaded THEN none fails",
  async (workers) => {
    await usingInstance((url) => {
      const us = files(certificate("proxy.us.consul"), authority.certificate + stranger.certificate);
      return usingUs(
        url,
        (port, proxy) =>
          usingJp(
            port,
            async (jp) => {
              const statuses: number[] = [];
              const call = async () =>
                statuses.push((await askHttp1(jp, { host: CALLED, method: "POST" })).status);
              await call();
              const next = certificate("proxy.us.consul", stranger);
              writeFileSync(us.peerCertFile, next.certificate);
              writeFileSync(us.peerKeyFile, next.key);
              proxy.child.kill("SIGHUP");
              await proxy.said("configuration reloaded");
              for (let calls = 0; calls < 20; calls++) await call();
              expect(statuses.filter((status) => status !== 200)).toEqual([]);
              // AND who connects now is shown the new one, which those who trust the old authority alone do not take
              const own = certificate("proxy.jp.consul");
              for (let connections = 0; connections < workers; connections++)
                expect(await rawAnswer(port, CALLED, "/", own)).not.toContain("HTTP/1.1");
              for (let connections = 0; connections < workers; connections++)
                expect(await rawAnswer(port, CALLED, "/", own, stranger)).toContain("HTTP/1.1 200 ");
            },
            { trusted: authority.certificate + stranger.certificate },
          ),
        { ...us, workers },
      );
    });
  },
);

/** Statuses of calls one after another, begun while `ends` has not come to pass; a third are POSTs. */
async function callingUntil(jp: RunningProxy, ends: Promise<unknown>): Promise<number[]> {
  const statuses: number[] = [];
  let over = false;
  const ended = ends.finally(() => (over = true));
  for (let calls = 0; !over; calls++)
    statuses.push((await askHttp1(jp, { host: CALLED, method: calls % 3 === 0 ? "POST" : "GET" })).status);
  await ended;
  return statuses;
}

/** Proxies of a region that asks those at these ports, any of them, for the service. */
const usingJpOf = (ports: readonly number[], use: (jp: RunningProxy) => Promise<void>): Promise<void> =>
  lab.usingGroup([], use, {
    groups: {
      [CALLED]: ports.map((port) => ({ url: `https://127.0.0.1:${port}`, peer: "proxy.us.consul" })),
    },
    ...files(certificate("proxy.jp.consul")),
  });

test("GIVEN two proxies of another region WHEN nothing listens where one was THEN calls go to the other, POSTs too", async () => {
  await usingInstance((url, asked) =>
    usingUs(url, (port) =>
      usingJpOf([freePort(), port], async (jp) => {
        const methods = ["POST", "GET", "POST", "GET", "POST"];
        for (const method of methods)
          expect(await askHttp1(jp, { host: CALLED, method })).toMatchObject({ status: 200, body: "us" });
        expect(asked).toHaveLength(methods.length);
      }),
    ),
  );
});

test.each([1, 2])(
  "GIVEN calls to two proxies of another region with %i workers each WHEN one drains, ends and is back THEN none fails",
  async (workers) => {
    await usingInstance((url, asked) =>
      usingUs(
        url,
        (first, draining) =>
          usingUs(
            url,
            (second) =>
              usingJpOf([first, second], async (jp) => {
                const drained = await callingUntil(
                  jp,
                  // It answers calls when it is told to go.
                  eventually(async () => ((await metricsOf(draining)).get(FROM_JP) ?? 0) > 0).then(() =>
                    draining.stop(),
                  ),
                );
                const back = await callingUntil(
                  jp,
                  usingUsAt(
                    first,
                    url,
                    async (again) => {
                      await eventually(async () => ((await metricsOf(again)).get(FROM_JP) ?? 0) > 0);
                    },
                    { workers },
                  ),
                );
                const statuses = [...drained, ...back];
                expect(statuses.filter((status) => status !== 200)).toEqual([]);
                // AND no call was answered twice
                expect(asked).toHaveLength(statuses.length);
              }),
            { workers },
          ),
        { workers },
      ),
    );
  },
);

test("GIVEN proxies of another region that one name leads to WHEN each is replaced THEN no call fails", async () => {
  await usingInstance(async (url, asked) => {
    // GIVEN three, two of which have the name
    const port = freePort();
    const records: Records = { addresses: ["127.0.5.1", "127.0.5.2"], ttl: 1, silent: false };
    const dns = await dnsServer(records);
    const machine = (number: number, use: (proxy: RunningProxy) => Promise<void>) =>
      usingUsAt(port, url, use, { peerListen: `127.0.5.${number}:${port}` });
    const calls = async (proxy: RunningProxy) => (await metricsOf(proxy)).get(FROM_JP) ?? 0;
    const isCalled = async (proxy: RunningProxy) => {
      const before = await calls(proxy);
      await eventually(async () => (await calls(proxy)) > before);
    };
    const caller = {
      groups: { [CALLED]: [{ url: `https://proxy.service.us.consul:${port}`, peer: "proxy.us.consul" }] },
      ...{ dnsServer: [dns.at], allowAny: true },
      ...files(certificate("proxy.jp.consul")),
    };
    const replaceAll = async (first: RunningProxy, second: RunningProxy, third: RunningProxy) => {
      await isCalled(first);
      records.addresses = ["127.0.5.2", "127.0.5.3"];
      await first.stop();
      records.addresses = ["127.0.5.3"];
      await isCalled(third);
      await second.stop();
      await isCalled(third);
    };
    try {
      await machine(1, (first) =>
        machine(2, (second) =>
          machine(3, (third) =>
            lab.usingGroup(
              [],
              async (jp) => {
                // WHEN
                const statuses = await callingUntil(jp, replaceAll(first, second, third));
                // THEN
                expect(statuses.filter((status) => status !== 200)).toEqual([]);
                expect(asked).toHaveLength(statuses.length);
              },
              caller,
            ),
          ),
        ),
      );
    } finally {
      dns.close();
    }
  });
});

test("GIVEN a certificate that another region refuses WHEN it is renewed and reloaded THEN calls are answered there", async () => {
  await usingInstance((url) =>
    usingUs(url, (port) => {
      const own = files(certificate("proxy.jp.consul", stranger));
      return lab.usingGroup(
        [],
        async (jp) => {
          const status = async () => (await askHttp1(jp, { host: CALLED })).status;
          expect(await status()).toBeGreaterThanOrEqual(502);
          const next = certificate("proxy.jp.consul");
          writeFileSync(own.peerCertFile, next.certificate);
          writeFileSync(own.peerKeyFile, next.key);
          jp.child.kill("SIGHUP");
          await jp.said("configuration reloaded");
          // Once its circuit lets calls through again.
          await eventually(async () => (await status()) === 200);
        },
        { groups: { [CALLED]: [{ url: `https://127.0.0.1:${port}`, peer: "proxy.us.consul" }] }, ...own },
      );
    }),
  );
});

test("GIVEN a socket that somebody holds for the only proxy that is called WHEN that is restarted THEN calls wait for it, and none fails", async () => {
  await usingInstance(async (url, asked) => {
    const port = freePort();
    const holder = createTcpServer();
    await new Promise<void>((resolve) => holder.listen({ host: "127.0.0.1", port }, resolve));
    const { fd } = (holder as unknown as { _handle: { fd: number } })._handle;
    const config = join(lab.directory, "held.json");
    const options = {
      ...{ allowAddress: ["127.0.0.0/8"], accessLogDir: "none", listen: "127.0.0.1", port: freePort() },
      groups: { "search.ccnproxy-peer": [url] },
      // What it would listen on without: nobody asks there.
      peerListen: `127.0.0.1:${freePort()}`,
      peerNames: ["proxy.jp.consul"],
      ...US,
    };
    writeFileSync(config, JSON.stringify(options));
    // A shell holds the socket and accepts nothing, so that what comes while nobody does waits.
    const handed = 'LISTEN_FDS=1 LISTEN_FDNAMES=peer LISTEN_PID=$$ exec "$@"';
    const orders = `while read order; do case $order in start) sh -c '${handed}' sh "$@" & us=$!;; stop) kill $us; wait $us; echo ended;; esac; done`;
    const keeper = spawn("sh", ["-c", orders, "sh", NODE, lab.file, "--config", config], {
      stdio: ["pipe", "pipe", "pipe", fd],
    });
    holder.close();
    let said = "";
    for (const output of [keeper.stdout!, keeper.stderr!])
      output.on("data", (text: Buffer) => (said += text.toString()));
    const order = async (name: "start" | "stop", answer: string) => {
      said = "";
      keeper.stdin!.write(`${name}\n`);
      await eventually(async () => said.includes(answer));
    };
    const start = () => order("start", `"port":${port}`);
    const stop = () => order("stop", "ended\n");
    await start();
    try {
      await lab.usingGroup(
        [],
        async (jp) => {
          const statuses = await callingUntil(
            jp,
            eventually(async () => asked.length > 5)
              .then(stop)
              .then(start),
          );
          expect(statuses.filter((status) => status !== 200)).toEqual([]);
          expect(asked).toHaveLength(statuses.length);
        },
        {
          groups: {
            [CALLED]: {
              origins: [{ url: `https://127.0.0.1:${port}`, peer: "proxy.us.consul" }],
              connectTimeout: "20s",
            },
          },
          ...files(certificate("proxy.jp.consul")),
        },
      );
    } finally {
      await stop();
      keeper.stdin!.end();
      await once(keeper, "exit");
    }
  });
});
