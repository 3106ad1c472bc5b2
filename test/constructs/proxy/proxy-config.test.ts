import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { makeCertificates } from "../../testbed/certificates";
import { proxyConfig, type ProxyOptions } from "../../../constructs/proxy";

describe("proxyConfig", () => {
  let directory: string;
  let program: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-proxy-config-"));
    program = join(directory, "proxy.js");
    buildSync({
      entryPoints: ["proxy/main.ts"],
      outfile: program,
      bundle: true,
      platform: "node",
      target: "node20",
      format: "cjs",
    });
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const check = (options: ProxyOptions) => checkText(proxyConfig(options));
  const checkText = (text: string) => {
    const config = join(directory, "config.json");
    writeFileSync(config, text);
    const { status, stdout, stderr } = spawnSync(process.execPath, [program, "--check", "--config", config], {
      encoding: "utf8",
    });
    return { status, output: stdout + stderr };
  };

  test.each<[string, ProxyOptions]>([
    ["the least", { allow: ["api.example.com"] }],
    ["nothing but a group", { allow: [], groups: { "search.example.com": ["https://a.example.com"] } }],
    [
      "everything",
      {
        allow: ["*.example.com"],
        warm: ["api.example.com:443=2"],
        port: 8080,
        listen: "127.0.0.1",
        adminListen: "0.0.0.0:9301",
        settings: {
          keepaliveConns: 8,
          readTimeout: 10,
          connectTimeout: "500ms",
          circuitFailures: 5,
          workers: "auto",
          http2Origins: "never",
          allowAddress: ["10.0.0.0/8"],
          dnsServer: ["10.0.0.2:53"],
        },
        groups: {
          "search.example.com": ["https://search.tokyo.example.com", "https://search.oregon.example.com"],
          "ads.example.com": {
            origins: [{ url: "https://ads.tokyo.example.com", weight: 3, limit: 200, warm: 4, host: "keep" }],
            connectTimeout: "500ms",
            check: { path: "/healthz", interval: "5s" },
            substitute: { body: "[]" },
          },
        },
        stateDir: "/var/lib/tricloud-proxy",
        drainSeconds: 8,
        finishSeconds: 5,
      },
    ],
  ])("writes %s so that the proxy itself accepts it", (_what, options) => {
    // GIVEN options WHEN the real proxy checks the file THEN it finds nothing wrong
    expect(check(options)).toMatchObject({ status: 0 });
  });

  test("writes what other regions' proxies are known by, as the proxy itself accepts it", () => {
    // GIVEN one that asks other regions and is asked by them
    const { certificate, key, authority } = makeCertificates(directory, ["proxy.jp.consul"]);
    const options: ProxyOptions = {
      allow: [],
      groups: {
        "search.ccnproxy-service": [{ url: "https://10.20.0.21:8443", peer: "proxy.us.consul" }],
        "stock.ccnproxy-peer": ["http://stock.service.consul:8080"],
      },
      peers: {
        ...{ certFile: certificate, keyFile: key, caFile: authority },
        listen: { port: 8443, names: ["proxy.us.consul"] },
      },
    };
    expect(check(options)).toMatchObject({ status: 0 });
    expect(JSON.parse(proxyConfig(options))).toMatchObject({ peerListen: "0.0.0.0:8443" });
    // AND one that only asks
    const { listen, ...asking } = options.peers!;
    expect(listen).toBeDefined();
    expect(check({ ...options, peers: asking })).toMatchObject({ status: 0 });
  });

  const FILES = { certFile: "/a", keyFile: "/b", caFile: "/c" };
  test.each<[string, Partial<ProxyOptions>, string]>([
    [
      "an origin that is shown no certificate",
      { groups: { search: [{ url: "https://10.0.0.1", peer: "proxy.us.consul" }] } },
      "groups.search: an origin with peer is shown a certificate: expected peers, got: none",
    ],
    [
      "the port of its own clients for other regions'",
      { peers: { ...FILES, listen: { port: 80, names: ["a"] } } },
      "peers.listen.port: expected one from 1 to 65535 besides 80 and 9300, got: 80",
    ],
    [
      "nobody who may call",
      { peers: { ...FILES, listen: { port: 8443, names: [] } } },
      "peers.listen.names must have at least one name, got: []",
    ],
    [
      "a name that is none",
      { peers: { ...FILES, listen: { port: 8443, names: ["*"] } } },
      'peerNames[0]: "*" is not a name',
    ],
  ])("refuses %s", (_, options, message) => {
    expect(() => proxyConfig({ allow: ["a.example"], ...options })).toThrow(`aggregation proxy: ${message}`);
  });

  test("refuses a malformed origin in the words of the proxy", () => {
    // GIVEN what the proxy says of an origin that is no name
    const options: ProxyOptions = { allow: ["https://api.example.com/"] };
    const { status, output } = checkText(JSON.stringify(options));
    expect(status).toBe(1);
    const [, words] = /config\.json: (allow.*)/.exec(output)!;
    expect(words).toContain("https://api.example.com/");
    // WHEN / THEN it is refused before there is a file
    expect(() => proxyConfig(options)).toThrow(`aggregation proxy: ${words}`);
  });

  test("refuses to keep connections that it would not let anybody use", () => {
    // GIVEN an origin to warm that is not allowed THEN it is named before the proxy itself refuses to start
    const options = { allow: ["*.example.com"], warm: ["API.example.com:443=2", "example.com:443=2"] };
    expect(() => proxyConfig(options)).toThrow(
      'aggregation proxy: warm must name origins that allow lets through, got: "example.com:443=2"',
    );
  });

  test("refuses a setting that the proxy would not start with, or that is not an operator's to make", () => {
    const refusal = (settings: object) => () => proxyConfig({ allow: ["a.example"], settings });
    expect(refusal({ readTimeout: -1 })).toThrow(
      /^aggregation proxy: settings\.readTimeout: expected .*, got: -1$/,
    );
    expect(refusal({ dnsServer: ["x"] })).toThrow(
      /settings\.dnsServer\.0: expected address or address:port, got: /,
    );
    for (const name of ["port", "allowAny", "upstream", "nothing"])
      expect(refusal({ [name]: 1 })).toThrow(/expected one of keepaliveConns, /);
  });

  test("refuses a group that the proxy would not start with", () => {
    const groups = { "search.example.com": { origins: ["https://a.example.com", "b.example.com"] } };
    expect(() => proxyConfig({ allow: [], groups })).toThrow(
      'aggregation proxy: groups.search.example.com.origins.1: expected http://host[:port] or https://host[:port], got: "b.example.com"',
    );
  });

  test("refuses to allow nothing", () => {
    expect(() => proxyConfig({ allow: [] })).toThrow(
      "aggregation proxy: allow must name at least one origin, got: []",
    );
  });
});
