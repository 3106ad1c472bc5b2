import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, TerraformStack, Token } from "cdktf";
import { ConsulCluster } from "../../../constructs/dns";
import { AggregationProxy, type AggregationProxyProps } from "../../../constructs/proxy";
import { RecordingHost } from "../dns/recording-host";

const CONFIG = "/etc/tricloud/proxy.json";
const UNIT = "/etc/systemd/system/tricloud-proxy.service";

/** A proxy whose name lives for so many seconds, on its one host. */
function proxyHost(serviceTtlSeconds?: number, changes: Partial<AggregationProxyProps> = {}): RecordingHost {
  const stack = new TerraformStack(new App(), "jp");
  const host = new RecordingHost(stack, "jp-1");
  const proxy = new AggregationProxy(stack, "proxy", {
    hosts: [host],
    allow: ["api.example.com"],
    bundlePath: __filename,
    ...changes,
  });
  const dns = { serviceTtlSeconds };
  proxy.registerWith(
    new ConsulCluster(stack, "consul", {
      servers: [host],
      agents: [host],
      datacenter: "jp",
      singleServer: true,
      dns,
    }),
  );
  return host;
}

describe("AggregationProxy", () => {
  test.each([
    [undefined, 5],
    [60, 60],
  ])("serves on its way out for as long as anybody may be told its name (%s)", (ttl, named) => {
    // GIVEN names that live for so long WHEN a proxy is told to stop
    const host = proxyHost(ttl);
    const { drainDelay, shutdownTimeout } = JSON.parse(host.file(CONFIG)) as Record<string, number>;
    const stop = Number(/^TimeoutStopSec=(\d+)$/m.exec(host.file(UNIT))?.[1]);
    // THEN it goes on for the check to fail, and for that, before requests must end, and systemd lets it
    expect(drainDelay).toBe(2 + 1 + named);
    expect(shutdownTimeout).toBe(Number(drainDelay) + 30);
    expect(stop).toBeGreaterThan(Number(shutdownTimeout));
  });

  test("reloads for its configuration alone", () => {
    const proxy = proxyHost().profile.services.find(({ name }) => name === "tricloud-proxy.service");
    expect(proxy?.reloadsFor).toEqual([CONFIG]);
    expect(proxy?.reads).toEqual(expect.arrayContaining([CONFIG, UNIT]));
  });

  test("is refused alone on a host that it does not run on", () => {
    const other = new RecordingHost(new TerraformStack(new App(), "other"), "jp-9");
    expect(() => proxyHost(undefined, { alone: [other] })).toThrow(
      "aggregation proxy jp/proxy: alone: expected one of its hosts, got: jp-9",
    );
  });

  describe("that other regions' proxies know", () => {
    const variable = (name: string) => Token.asString({ Ref: name });
    const peers = {
      ...{ certificate: variable("certificate"), key: variable("key"), authorities: variable("authorities") },
      listen: { port: 8443, names: ["proxy.us.consul"] },
    };
    const HAND_OVER = "/usr/local/lib/tricloud/tricloud-proxy-hand-over";

    test("takes another certificate by a reload, once its user has it", () => {
      const host = proxyHost(undefined, { peers });
      const proxy = host.profile.services.find(({ name }) => name === "tricloud-proxy.service");
      const own = ["certificate", "key", "authorities"].map(
        (name) => `/etc/tricloud/proxy-peers/${name}.pem`,
      );
      expect(proxy?.reloadsFor).toEqual([CONFIG, ...own]);
      expect(proxy?.reads).toEqual(expect.arrayContaining([...own, HAND_OVER]));
      expect(proxy?.reload).toMatch(new RegExp(`^sh ${HAND_OVER} && exec node `));
      // AND only where the new ones belong together
      for (const flag of ["cert", "key", "ca"])
        expect(proxy?.verify).toContain(`--peer-${flag}-file "$STAGED`);
    });

    test("gives its user nothing but what is its own", () => {
      // GIVEN the program that does WHEN it runs in a directory that is somebody else's
      const directory = mkdtempSync(join(tmpdir(), "tricloud-hand-over-"));
      try {
        const [etc, run] = [join(directory, "etc"), join(directory, "run")];
        for (const each of [etc, run]) mkdirSync(each);
        for (const name of ["certificate", "key", "authorities"])
          writeFileSync(join(etc, `${name}.pem`), name);
        const text = proxyHost(undefined, { peers })
          .file(HAND_OVER)
          .replaceAll("/etc/tricloud/proxy-peers", etc)
          .replaceAll("/run/tricloud-proxy", run);
        for (const time of [1, 2]) {
          execFileSync("sh", ["-c", text]);
          // THEN there are copies that nobody else can read, and nothing else, each time
          expect([time, readdirSync(run).sort()]).toEqual([
            time,
            ["authorities.pem", "certificate.pem", "key.pem"],
          ]);
        }
        expect(readFileSync(join(run, "key.pem"), "utf8")).toBe("key");
        expect(statSync(join(run, "key.pem")).mode & 0o777).toBe(0o600);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test("is refused with a secret that would stand in what is synthesised", () => {
      expect(() => proxyHost(undefined, { peers: { ...peers, key: "secret" } })).toThrow(
        "peers.key must be a Terraform expression, got: a literal",
      );
    });
  });

  test.each<[what: string, props: Partial<AggregationProxyProps>, message: string]>([
    [
      "an origin with a scheme",
      { allow: ["https://x"] },
      'allow[0]: "https://x" is not a name, an address or',
    ],
    ["all origins", { allow: ["*"] }, 'allow[0]: "*" is not a name, an address or *.name'],
    ["no port", { port: -1 }, "port: -1 is not a whole number from 0 to 65535"],
    ["a port that callers cannot name", { port: 0 }, "got: 0"],
    ["the port of its health", { port: 9300 }, "other than that of 127.0.0.1:9300, got: 9300"],
    ["no connections", { warm: ["api.example.com:443=0"] }, "is not name:port=count"],
    ["too many connections", { warm: ["api.example.com:443=2000"] }, "is not name:port=count"],
    ["connections to no port", { warm: ["api.example.com:70000=2"] }, "is not name:port=count"],
    ["no certificate", { caCertificate: "junk" }, 'expected PEM certificates, got: "junk"'],
  ])("refuses %s where it is made, in the words of the proxy", (_, props, message) => {
    expect(() => proxyHost(undefined, props)).toThrow(message);
  });

  test("leaves to the deploy what only that knows", () => {
    // GIVEN an origin that Terraform finds out WHEN / THEN it is taken
    expect(() => proxyHost(undefined, { allow: [Token.asString({ Ref: "a" })] })).not.toThrow();
  });

  test("refuses a group that the proxy would not start with where it is made", () => {
    expect(() => proxyHost(undefined, { groups: { "search.example.com": [] } })).toThrow(
      "aggregation proxy: groups.search.example.com.origins: expected a list of at least one origin, got: []",
    );
  });
});
