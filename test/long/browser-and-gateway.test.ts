import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from "@grpc/grpc-js";
import { buildSync } from "esbuild";
import { FRONT_PATHS } from "../../constructs/front/front-paths";
import { readDescriptors } from "../../gateway/descriptors/descriptor-set";
import { findProgram } from "../constructs/dns/real-binaries";
import { FrontRig, haproxy, type Instance, socat } from "../constructs/front/front-rig";
import { gatewayLab, service, type TestService } from "../gateway/gateway-lab";
import { echo, grpcService, type GrpcService, PROTOS, SHOP } from "../gateway/grpc-lab";

type Message = Record<string, unknown>;
/** What came of each thing that the page tried, by its name. */
type Report = Readonly<Record<string, { readonly came?: unknown; readonly failed?: string }>>;
type Pages = ServerWritableStream<Message, Message>;

const WWW = "www.example.test";
/** Whose pages the gateway has not been told of. */
const STRANGER = "stranger.example.test";
const API = "api.example.test";

const browser = findProgram("chromium-headless-shell") ?? findProgram("chromium");
const missing = [
  ...(browser === undefined ? ["chromium-headless-shell"] : []),
  ...(haproxy === undefined ? ["haproxy"] : []),
  ...(socat === undefined ? ["socat"] : []),
];
const obstacle = missing.length === 0 ? "" : `(skipped: no ${missing.join(", ")} here)`;
const lab = gatewayLab();
const run = promisify(execFile);

(obstacle === "" ? describe : describe.skip)(
  `GIVEN a browser, and curl, before a gateway behind the fronts of dedicated servers ${obstacle}`,
  () => {
    const streams = new Set<Pages>();
    const reports: ((report: Report) => void)[] = [];
    let shop: GrpcService;
    let pages: TestService;
    let rig: FrontRig;
    let profile: string;
    let running: ChildProcess | undefined;

    beforeAll(async () => {
      shop = await grpcService(join(PROTOS, "shop.proto"), "shop.v1.Everythings", {
        Echo: echo,
        Fail: ({ request }: ServerUnaryCall<Message, Message>, done: sendUnaryData<Message>) =>
          done({ code: request["code"] as number, details: String(request["message"]) }),
        Pages: (call: Pages) => {
          streams.add(call);
          call.write({ content: "first" });
        },
      });
      const script = buildSync({
        ...{ entryPoints: [join(__dirname, "browser/page.mjs")], bundle: true, write: false },
        ...{ platform: "browser", format: "iife", target: "es2022" },
      }).outputFiles[0]!.contents;
      const set = readDescriptors({ descriptors: undefined, ...SHOP });
      const descriptors = toBinary(FileDescriptorSetSchema, set);
      pages = await service("pages", ({ url = "" }, response) => {
        const path = url.replace(/\?.*/, "");
        if (path === "/") response.setHeader("Content-Type", "text/html");
        if (path === "/go") {
          for (const stream of streams) {
            stream.write({ content: "last" });
            stream.end();
          }
          streams.clear();
        }
        if (path === "/report") {
          // Their order is that of the pages that were opened, which is one after the other.
          const { body } = pages.requests.filter(({ message }) => message.url === url).at(-1)!;
          reports.shift()?.(JSON.parse(body) as Report);
        }
        const contents: Record<string, string | Uint8Array> = {
          "/": '<!doctype html><script src="/page.js"></script>',
          "/page.js": script,
          "/descriptors": descriptors,
        };
        response.end(contents[path]);
      });
    });
    beforeEach(async () => {
      rig = await FrontRig.make();
      profile = mkdtempSync(join(tmpdir(), "tricloud-browser-"));
    });
    afterEach(async () => {
      // There is one yet where a page never said anything.
      running?.kill("SIGKILL");
      await rig.stop();
      rmSync(profile, { recursive: true, force: true });
    });

    /** Fronts and gateway, for as long as `use` takes. */
    const served = (use: (visit: (host: string) => Promise<Report>) => Promise<void>): Promise<void> =>
      lab.using(
        {
          trustedHops: 1,
          services: { pages: pages.url, shop: shop.url },
          apis: { shop: SHOP },
          routes: {
            pages: { hosts: [WWW, STRANGER], path: "/**", service: "pages" },
            shop: {
              ...{ hosts: [API], path: "/**", service: "shop", grpc: "shop" },
              cors: {
                origins: [`https://${WWW}`],
                headers: ["Authorization", "Content-Type", "X-Grpc-Web", "X-User-Agent", "Grpc-Timeout"],
                exposed: ["Grpc-Status", "Grpc-Message", "X-Initial"],
              },
            },
          },
        },
        async ({ port }) => {
          const { certificate, key } = rig.certificateFor([WWW, STRANGER, API]);
          rig.put(FRONT_PATHS.certificate, certificate);
          rig.put(FRONT_PATHS.key, key);
          rig.configure({ services: [{ name: "api", port, hosts: [WWW, STRANGER, API] }] });
          rig.name("api", [{ address: "127.0.0.1" } as Instance]);
          await rig.start();
          await rig.until("known", () => isServed(rig));
          await use((host) => visit(host, certificate));
        },
      );

    /** Opens a page of the host, and waits for what it has to say. */
    async function visit(host: string, certificate: string): Promise<Report> {
      const spki = new X509Certificate(certificate).publicKey.export({ type: "spki", format: "der" });
      const report = new Promise<Report>((resolve) => reports.push(resolve));
      const child = spawn(
        browser!,
        [
          // Tests may be root's, whom its sandbox refuses.
          ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`],
          // Without it the browser would end as soon as it has the page.
          "--remote-debugging-port=0",
          `--host-resolver-rules=MAP *.example.test 127.0.0.1:${rig.httpsPort}`,
          `--ignore-certificate-errors-spki-list=${createHash("sha256").update(spki).digest("base64")}`,
          `https://${host}/?api=https://${API}`,
        ],
        { stdio: ["ignore", "ignore", "pipe"] },
      );
      running = child;
      let said = "";
      child.stderr.on("data", (part: Buffer) => (said += part.toString()));
      const ended = once(child, "exit");
      const early = ended.then(([code]) => {
        throw new Error(`the browser ended (${String(code)}) before its page had said anything:\n${said}`);
      });
      try {
        return await Promise.race([report, early]);
      } finally {
        early.catch(() => undefined);
        child.kill("SIGTERM");
        await ended;
        // Its own children may have it yet.
        child.stderr.destroy();
        running = undefined;
      }
    }

    test("WHEN its page uses an API of another origin THEN it is served by fetch, events and gRPC-Web, and a stranger's page is not", async () => {
      await served(async (visit) => {
        // WHEN a page that may
        expect(await visit(WWW)).toEqual({
          json: {
            came: {
              status: 200,
              body: { anInt64: "9007199254740993", inner: { name: "ü" } },
              // What `exposed` names, and nothing else.
              ...{ initial: "1", trailing: null },
            },
          },
          jsonError: { came: { status: 404, body: { code: 5, message: "gone", details: [] } } },
          // THEN each stream's first message is there before its last one is asked for
          lines: { came: ['{"content":"first"}\n', '{"content":"last"}\n'] },
          events: { came: ['{"content":"first"}', '{"content":"last"}'] },
          call: { came: { anInt64: "9007199254740993", name: "ü" } },
          callError: { came: { code: "NotFound", message: "gone" } },
          messages: { came: ["first", "last"] },
          spoke: { came: "h2" },
        });
        const [{ metadata }] = shop.calls.filter(({ method }) => method === "Echo") as [
          (typeof shop.calls)[0],
        ];
        expect(metadata.get("authorization")).toEqual(["Bearer page"]);
        const before = shop.calls.filter(({ method }) => method === "Echo").length;
        // WHEN one that may not
        const { json, call, jsonError } = await visit(STRANGER);
        // THEN the browser keeps all answers from it
        expect(json).toEqual({ failed: "TypeError: Failed to fetch" });
        expect(jsonError).toEqual({ failed: "TypeError: Failed to fetch" });
        expect(call!.failed).toContain("Failed to fetch");
        // AND what has to be allowed beforehand has never been asked
        expect(shop.calls.filter(({ method }) => method === "Echo").length).toBe(before);
      });
    }, 120_000);

    test.each(["--http1.1", "--http2"])(
      "WHEN curl %s sends JSON, or asks by GET, THEN it has the answer of the call, and the status of one that failed",
      async (version) => {
        await served(async () => {
          const authority = join(profile, "authority.pem");
          writeFileSync(authority, rig.newestAuthority);
          const curl = async (path: string, ...more: string[]): Promise<string> => {
            const where = ["--connect-to", `${API}:443:127.0.0.1:${rig.httpsPort}`, "--cacert", authority];
            const told = ["-w", " %{http_code} %{http_version}"];
            return (await run("curl", ["-sS", version, ...where, ...told, ...more, `https://${API}${path}`]))
              .stdout;
          };
          const spoken = version === "--http2" ? "2" : "1.1";
          const body = '{"anInt64":"7","kind":"LARGE"}';
          const sent = ["-H", "Content-Type: application/json", "-d", body];
          expect(await curl("/v1/echo", ...sent)).toBe(`${body} 200 ${spoken}`);
          expect(await curl("/shop.v1.Everythings/Echo", "--json", body)).toBe(`${body} 200 ${spoken}`);
          const refused = '{"code":5,"message":"gone","details":[]}';
          expect(await curl("/v1/fail/5?message=gone")).toBe(`${refused} 404 ${spoken}`);
        });
      },
      120_000,
    );
  },
);

function isServed({ httpsPort }: FrontRig): Promise<boolean> {
  return new Promise((resolve) =>
    get(
      {
        ...{ host: "127.0.0.1", port: httpsPort, path: "/", agent: false, rejectUnauthorized: false },
        ...{ servername: WWW, headers: { Host: WWW } },
      },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode === 200);
      },
    ).on("error", () => resolve(false)),
  );
}
