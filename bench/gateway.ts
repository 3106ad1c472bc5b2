import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fromJsonString, toBinary } from "@bufbuild/protobuf";
import { Api } from "../gateway/descriptors/api";
import { readDescriptors } from "../gateway/descriptors/descriptor-set";
import { type Certificates, makeCertificates } from "../test/testbed/certificates";
import { type GrpcOriginOrder, runGrpcOrigin } from "./load/grpc-origin";
import { type LoadOrder, runLoad } from "./load/http-load";
import { load, medianBy } from "./load/measured-load";
import {
  cpuSeconds,
  onPath,
  ORIGIN,
  type Server,
  start,
  startNginx,
  startOrigin,
} from "./load/proxy-contenders";

/*
 * What a request through the gateway costs with ten routes and with a thousand, and with its spans told, beside the
 * aggregation proxy, nginx and (where it is on the path) Envoy; and one of 1 KiB of JSON each way, as it is and as a call
 * of gRPC, to the same origin over HTTP/2 and TLS: `script/bench gateway`. Seven rounds of a second in which all take
 * turns, on one core; load and origin on another; access logs off. Ratios are the median of the rounds' own.
 */

const ROUNDS = 7;
const CLIENTS = 32;
const WARM_UP = 20_000;
const ALLOWED = { accessLogDir: "none", allowAddress: ["127.0.0.0/8"] };
const ORIGIN_URL = `http://${ORIGIN.name}:${ORIGIN.http}`;

/** So many routes, of which the one that is asked for is the last. */
function routes(count: number): object {
  const names = Array.from({ length: count }, (_, i) => `r${i}`);
  const others = Object.fromEntries(
    names.slice(1).map((name) => [name, { path: `/v1/${name}/{id}`, service: "s" }]),
  );
  return { services: { s: ORIGIN_URL }, routes: { ...others, small: { path: "/small", service: "s" } } };
}

const SUBJECTS = [
  {
    name: "proxy",
    program: "proxy",
    port: 22_021,
    host: `localhost.ccnproxy:${ORIGIN.http}`,
    options: { allow: ["localhost"] },
  },
  { name: "gateway, 10 routes", program: "gateway", port: 22_022, host: "localhost", options: routes(10) },
  {
    name: "gateway, 1000 routes",
    program: "gateway",
    port: 22_023,
    host: "localhost",
    options: routes(1_000),
  },
];

const COLLECTOR_PORT = 22_318;
/** Tells of one request in ten, and of every one. */
const TRACED = [0.1, 1].map((sampleRatio, index) => ({
  name: `gateway, ${sampleRatio * 100} % traced`,
  program: "gateway",
  port: 22_026 + index,
  host: "localhost",
  options: {
    ...routes(10),
    openTelemetry: { endpoint: `http://127.0.0.1:${COLLECTOR_PORT}`, serviceName: "bench", sampleRatio },
  },
}));

/** Takes whatever spans come. */
function startCollector(): Promise<HttpServer> {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.end("{}"));
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(COLLECTOR_PORT, "127.0.0.1", () => resolve(server));
  });
}

/** Others in the gateway's place, with the one route that is asked for. */
async function startOthers(directory: string): Promise<{ name: string; port: number; server: Server }[]> {
  const [nginxPort, envoyPort, adminPort] = [22_028, 22_029, 22_030];
  const http = `
    upstream s { server ${ORIGIN.address}:${ORIGIN.http}; keepalive ${CLIENTS}; keepalive_requests 1000000000; }
    server { listen 127.0.0.1:${nginxPort}; proxy_http_version 1.1; proxy_set_header Connection "";
      location = /small { proxy_pass http://s; } }`;
  const all = [
    {
      name: "nginx",
      port: nginxPort,
      server: await startNginx(join(directory, "nginx"), http, 0, nginxPort),
    },
  ];
  if (!onPath("envoy")) return all;
  const at = (port: number): object => ({ socket_address: { address: "127.0.0.1", port_value: port } });
  const type = "type.googleapis.com/envoy.extensions.filters";
  const manager = {
    "@type": `${type}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: "bench",
    http_filters: [
      { name: "envoy.filters.http.router", typed_config: { "@type": `${type}.http.router.v3.Router` } },
    ],
    route_config: {
      virtual_hosts: [
        { name: "all", domains: ["*"], routes: [{ match: { path: "/small" }, route: { cluster: "s" } }] },
      ],
    },
  };
  const filters = [{ name: "envoy.filters.network.http_connection_manager", typed_config: manager }];
  const endpoints = [{ lb_endpoints: [{ endpoint: { address: at(ORIGIN.http) } }] }];
  const file = join(directory, "envoy.json");
  writeFileSync(
    file,
    JSON.stringify({
      admin: { address: at(adminPort) },
      static_resources: {
        listeners: [{ name: "all", address: at(envoyPort), filter_chains: [{ filters }] }],
        clusters: [{ name: "s", type: "STATIC", load_assignment: { cluster_name: "s", endpoints } }],
      },
    }),
  );
  const command = [
    "envoy",
    "-c",
    file,
    "--concurrency",
    "1",
    "--log-level",
    "error",
    "--disable-hot-restart",
  ];
  return [...all, { name: "Envoy", port: envoyPort, server: await start(command, 0, envoyPort) }];
}

/** An order of thirty fields of mixed types, in 1 KiB. */
const ORDER = {
  ...Object.fromEntries(
    ["id", "customer", "street", "city", "country", "phone", "mail", "note"].map((name) => [
      name,
      `what is said of an order's ${name}, in some words`,
    ]),
  ),
  ...{ priority: 1234, offset: -55, created: "1767322800000", balance: "-9007199254740993", version: 77 },
  ...{ total: "18446744073709551615", delta: -4, checksum: "8", paid: true, sent: true, gift: true },
  ...{
    latitude: 35.6895,
    longitude: 139.69171,
    weight: 0.5,
    signature: "c29tZSBieXRlcyBoZXJl",
    kind: "LARGE",
  },
  ...{ labels: ["alpha", "beta", "gamma"], counts: [1, 2, 3, 4], attributes: { colour: "red", size: "xl" } },
  ...{ first: { sku: "a-1", quantity: 3, price: 9.99, tags: ["x"] }, carrier: "by air" },
  lines: [
    { sku: "b-1", quantity: 1, price: 1.25 },
    { sku: "b-2", quantity: 2, price: 2.5 },
  ],
};
const PROTO = resolve("bench/load/order.proto");
const GRPC_PORT = 22_445;
const CALLS = [
  { name: "gateway, JSON to h2", port: 22_024, path: "/json" },
  { name: "gateway, JSON to gRPC", port: 22_025, path: "/bench.v1.Orders/Put" },
];

/** The origin of `CALLS`, with what it answers. */
function grpcOrigin({ certificate, key }: Certificates): Promise<Server> {
  const api = Api.of(readDescriptors({ descriptors: undefined, protos: [PROTO], includes: [] }), PROTO);
  const order = api.registry.getMessage("bench.v1.Order")!;
  const json = JSON.stringify(ORDER);
  const message = Buffer.from(toBinary(order, fromJsonString(order, json))).toString("base64");
  const asked: GrpcOriginOrder = { port: GRPC_PORT, certificate, key, json, message };
  return start([process.execPath, process.argv[1]!, "origin", JSON.stringify(asked)], 1, GRPC_PORT);
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-bench-gateway-"));
  const running: Server[] = [];
  let collector: HttpServer | undefined;
  try {
    mkdirSync(join(directory, "www"));
    const certificates = makeCertificates(directory, [ORIGIN.name]);
    running.push(await startOrigin(directory, certificates, 1), await grpcOrigin(certificates));
    collector = await startCollector();
    const others = await startOthers(directory);
    running.push(...others.map(({ server }) => server));
    const contenders = [];
    const calls = CALLS.map(({ name, port, path }) => ({
      ...{ name, port, path, program: "gateway", host: "localhost", json: JSON.stringify(ORDER) },
      options: {
        caFile: certificates.authority,
        services: { s: `https://${ORIGIN.name}:${GRPC_PORT}` },
        apis: { orders: { protos: [PROTO] } },
        routes: {
          json: { path: "/json", service: "s" },
          grpc: { path: "/bench.v1.Orders/**", service: "s", grpc: "orders" },
        },
      },
    }));
    const plain = [...SUBJECTS, ...TRACED].map((subject) => ({
      ...subject,
      path: "/small",
      json: undefined,
    }));
    for (const { name, program, port, host, options, path, json } of [...plain, ...calls]) {
      const file = join(directory, `${port}.json`);
      writeFileSync(file, JSON.stringify({ port, ...ALLOWED, ...options }));
      const bundle = resolve(`dist/tricloud-${program}.js`);
      const server = await start([process.execPath, bundle, "--config", file], 0, port);
      running.push(server);
      const measured = { cpuSeconds: () => cpuSeconds(server.pid), costs: [] as number[] };
      contenders.push({ name, port, host, path, json, ...measured });
    }
    for (const { name, port, server } of others) {
      const measured = { cpuSeconds: () => cpuSeconds(server.pid), costs: [] as number[] };
      contenders.push({ name, port, host: "localhost", path: "/small", json: undefined, ...measured });
    }
    for (let round = 0; round < ROUNDS; round++) {
      for (const { name, port, host, path, json, cpuSeconds, costs } of contenders) {
        const order: LoadOrder = {
          address: "127.0.0.1",
          port,
          host,
          path,
          ...(json === undefined ? {} : { json }),
          clients: CLIENTS,
          warmUp: round === 0 ? WARM_UP : WARM_UP / 10,
          seconds: 1,
        };
        const { cpu, errors, firstError } = await load(order, { cpuSeconds });
        if (errors > 0)
          throw new Error(
            `${name}: expected every request to be answered, got ${errors} errors, first: ${firstError}`,
          );
        costs.push(cpu);
      }
    }
    const [proxy, ten] = contenders;
    const plainCall = contenders.find(({ json }) => json !== undefined);
    const ratio = (costs: readonly number[], others: readonly number[]): string =>
      medianBy(
        costs.map((cost, round) => cost / others[round]!),
        (each) => each,
      ).toFixed(2);
    console.log(`${"".padEnd(21)}CPU us/request  x proxy  x 10 routes  x JSON to h2`);
    for (const { name, costs, json: body } of contenders)
      console.log(
        name.padEnd(21),
        medianBy(costs, (each) => each)
          .toFixed(1)
          .padStart(13),
        ratio(costs, proxy!.costs).padStart(8),
        ratio(costs, ten!.costs).padStart(12),
        (body === undefined ? "" : ratio(costs, plainCall!.costs)).padStart(13),
      );
  } finally {
    collector?.closeAllConnections();
    collector?.close();
    await Promise.all(running.map((each) => each.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[2] === "origin") runGrpcOrigin(JSON.parse(process.argv[3]!) as GrpcOriginOrder);
else if (process.argv[2] === "load") runLoad(JSON.parse(process.argv[3]!) as LoadOrder);
else
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
