import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { ClusterProxies } from "../../cli/cluster-proxies";
import { ClusterApi } from "../../cli/recovery/cluster-api";
import { type ExecAnswer, type ExecRefusal, servePodExec } from "../constructs/kubernetes/pod-exec-server";

const ORIGIN = "https://search.tokyo.example.com:443";

/** What test/e2e/cluster.test.ts does on a real cluster; here, what there is to say without any. */
describe("operators' commands for proxies on a cluster", () => {
  let server: Server;
  let pods: { metadata: object; status: object }[];
  /** Drained origins of the ConfigMap, by who said so. */
  let kept: Record<string, Record<string, string>>;
  let told: string[];
  let onExec: (pod: string) => ExecAnswer | ExecRefusal;

  const pod = (name: string, phase = "Running", deletionTimestamp?: string) => ({
    metadata: { name, deletionTimestamp },
    status: { phase },
  });

  beforeEach(async () => {
    pods = [
      pod("proxy-1"),
      pod("proxy-2"),
      pod("proxy-3", "Pending"),
      pod("proxy-0", "Running", "2026-01-01T00:00:00Z"),
    ];
    [kept, told] = [{}, []];
    onExec = () => ({ code: 0, stdout: `${ORIGIN} is drained\n` });
    server = createServer((request, response) => {
      void answer(request).then(([status, body]) => response.writeHead(status).end(JSON.stringify(body)));
    });
    servePodExec(server, "token", (name, command) => {
      told.push(`${name} ${command.slice(2).join(" ")}`);
      return onExec(name);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function answer(request: IncomingMessage): Promise<[number, object]> {
    const { pathname, searchParams } = new URL(request.url!, "http://api");
    const namespace = "/api/v1/namespaces/tricloud";
    if (request.method === "GET" && pathname === `${namespace}/pods`) {
      expect(searchParams.get("labelSelector")).toBe("app.kubernetes.io/name=proxy");
      return [200, { items: pods }];
    }
    expect([request.method, pathname]).toEqual(["PATCH", `${namespace}/configmaps/proxy-drained`]);
    expect(request.headers["content-type"]).toBe("application/apply-patch+yaml");
    let body = "";
    for await (const bytes of request) body += String(bytes);
    kept[searchParams.get("fieldManager")!] = (JSON.parse(body) as { data: Record<string, string> }).data;
    return [200, {}];
  }

  const proxies = () => {
    const { port } = server.address() as AddressInfo;
    return new ClusterProxies(new ClusterApi(`http://127.0.0.1:${port}`, "token"), "tricloud");
  };
  const drained = () => Object.values(kept).flatMap((data) => Object.values(data));
  const command = (run: string) => `${run} ${ORIGIN} --config /etc/tricloud/proxy.json`;

  it("are told to each pod that runs, one that has just started too, and kept for those to come", async () => {
    // GIVEN a pod that starts while the others are told
    onExec = (name) => {
      if (name === "proxy-2") pods[2] = pod("proxy-3");
      return { code: 0, stdout: `${ORIGIN} is drained\n` };
    };
    // WHEN
    const answers = await proxies().drain("drain", ORIGIN);
    // THEN
    expect(answers.map(({ host, code, lastLine }) => [host, code, lastLine])).toEqual(
      ["proxy-1", "proxy-2", "proxy-3"].map((host) => [host, 0, `${ORIGIN} is drained`]),
    );
    expect(new Set(told)).toEqual(
      new Set(["proxy-1", "proxy-2", "proxy-3"].map((name) => `${name} ${command("drain")}`)),
    );
    expect(drained()).toEqual([ORIGIN]);
    // AND another origin has its own place, which undoing the first leaves alone
    const other = "https://other.example.com:443";
    await proxies().drain("drain", other);
    await proxies().drain("undrain", ORIGIN);
    expect(drained()).toEqual([other]);
  });

  it("are kept for nobody where every pod refuses, and say why", async () => {
    onExec = () => ({ code: 1, stderr: `tricloud-proxy: no group has ${ORIGIN}\n` });
    const answers = await proxies().drain("drain", ORIGIN);
    expect(answers.map(({ code, lastLine }) => [code, lastLine])).toEqual(
      Array(2).fill([1, `tricloud-proxy: no group has ${ORIGIN}`]),
    );
    expect(kept).toEqual({});
  });

  it("name a pod that cannot be reached, and are kept all the same", async () => {
    onExec = (name) =>
      name === "proxy-1" ? { failed: "container not found" } : { code: 0, stdout: "is drained\n" };
    const answers = await proxies().drain("drain", ORIGIN);
    expect(answers.map(({ host, code, lastLine }) => [host, code, lastLine])).toEqual([
      ["proxy-1", null, "container not found"],
      ["proxy-2", 0, "is drained"],
    ]);
    expect(drained()).toEqual([ORIGIN]);
  });

  it("say that no pod runs", async () => {
    pods = [pod("proxy-3", "Pending")];
    await expect(proxies().drain("drain", ORIGIN)).rejects.toThrow(
      "no pod of the proxies runs in namespace tricloud",
    );
  });
});
