import { App, TerraformStack } from "cdktf";
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

  test("refuses a group that the proxy would not start with where it is made", () => {
    expect(() => proxyHost(undefined, { groups: { "search.example.com": [] } })).toThrow(
      "aggregation proxy: groups.search.example.com.origins: expected a list of at least one origin, got: []",
    );
  });
});
