import { copyFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { type CallPhases, medianCall } from "./call-phases";
import { attempt, run, until } from "./command";
import { Deployment } from "./deployment";
import { colours, step, table } from "./progress";
import { JP_ROLES, ORIGIN } from "./region";
import { Testbed } from "./testbed";
import { publicName, searchEntrance, WebAndSearch } from "./web-and-search";

const CALLS = 21;
/** Where the origin's authority is put on the app host, for its direct calls. */
const AUTHORITY = "/root/origin-authority.pem";

async function main(flags: readonly string[]): Promise<void> {
  if (flags.includes("--stop")) {
    const ended = await Testbed.removeRuns("all");
    console.log(
      ended === 0
        ? "nothing was left running"
        : `ended what ${ended} run${ended > 1 ? "s" : ""} left running`,
    );
    return;
  }
  await showAvailability();
  const obstacle = Testbed.obstacle();
  if (obstacle !== undefined) {
    console.log(`\nLeft out: the virtual servers, the deploy and the timed calls, because ${obstacle}.`);
    return;
  }
  const booting = step("boot three virtual dedicated servers and a far site", (note) =>
    Testbed.boot({
      hosts: Object.keys(JP_ROLES),
      containers: true,
      far: { names: [ORIGIN], services: { [searchEntrance()]: { VERSION: "1", TRICLOUD_REGION: "us" } } },
      onStep: note,
    }),
  );
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      console.error(`\n${signal}: taking the virtual servers down`);
      // A boot that fails has undone itself.
      void booting
        .then(
          (testbed) => testbed.stop(),
          () => undefined,
        )
        .finally(() => process.exit(128 + constants.signals[signal]));
    });
  }
  const testbed = await booting;
  try {
    const services = await step("make an image of web, and a registry for it", () =>
      WebAndSearch.prepare(testbed),
    );
    await deploy(testbed, services);
    await showCalls(testbed);
    await showPage(testbed, services);
  } catch (error) {
    await testbed.stop();
    throw error;
  }
  if (flags.includes("--keep")) keep(testbed);
  else await step("take everything down", () => testbed.stop());
}

async function showAvailability(): Promise<void> {
  const report = await step("synthesise all regions", () => run("npm", ["run", "--silent", "availability"]));
  // The reasons, indented below each service, are left to that command.
  const summary = report.split("\n").filter((line) => !line.startsWith("      "));
  console.log(
    `\n${summary.join("\n").trimEnd()}\n\nWhat it is made of and what costs most: npm run availability\n`,
  );
}

async function deploy(testbed: Testbed, services: WebAndSearch): Promise<void> {
  const deployment = new Deployment(join(testbed.directory, "deployment"));
  services.write(deployment);
  await step("cdktf deploy jp", async (note) => {
    // What Terraform says of a host is more use than the name of the resource that stands for it.
    const outcome = await deployment.deploy("jp", {
      env: services.secrets,
      onLine: (line) => note(line.replace(/^.*\(local-exec\):/, "")),
    });
    if (outcome.code !== 0) throw new Error(`cdktf deploy jp failed:\n${outcome.output.trim()}`);
  });
}

async function showCalls(testbed: Testbed): Promise<void> {
  const { far } = testbed;
  const app = testbed.host("jp-3");
  copyFileSync(far.authority, join(app.root, AUTHORITY));
  const [direct, proxied] = await step(
    `call the origin from ${app.name}, ${CALLS} times each way`,
    async () => [
      await medianCall(app, `https://${ORIGIN}/hc`, CALLS, `--cacert ${AUTHORITY}`),
      await medianCall(app, `http://${ORIGIN}.ccnproxy-https/hc`, CALLS),
    ],
  );
  console.log(`
A call from ${app.name} (JP, app) to https://${ORIGIN}, ${far.roundTripMs} ms away (round trip), each on a new connection.
Milliseconds, the median of ${CALLS} calls each way:

${phasesTable(direct, proxied)}

Names are answered by unbound on ${app.name}; one that is in no cache costs the direct call a round trip or more besides.
`);
}

/** What a browser gets: a page that two services have made, in two places. */
async function showPage(testbed: Testbed, { authority }: WebAndSearch): Promise<void> {
  const url = `https://${publicName()}/`;
  const front = testbed.host("jp-3").address;
  // From outside, as far as the hosts go: where the laboratory's own servers are.
  const page = await step(`open ${url} from outside`, () =>
    until("the front to know an instance", 60_000, async () => {
      const { code, stdout } = await attempt("nsenter", [
        `--net=/run/netns/${testbed.network.rack}`,
        ...["curl", "-sS", "-f", "-m", "10", "--noproxy", "*", "--cacert", authority],
        ...["--resolve", `${publicName()}:443:${front}`, "-w", "HTTP/%{http_version} %{http_code}", url],
      ]);
      return code === 0 ? stdout : undefined;
    }),
  );
  const [status = "", ...lines] = page.split("\n").reverse();
  console.log(`
${url} (${status}), through the front on jp-3 to web, which asks search in the US by http://search.ccnproxy-service/:

${lines
  .reverse()
  .map((line) => `  ${line}`)
  .join("\n")}
`);
}

function phasesTable(direct: CallPhases, proxied: CallPhases): string {
  const row = (name: string, phase: keyof CallPhases, what: string) => [
    name,
    direct[phase].toFixed(1),
    proxied[phase].toFixed(1),
    what,
  ];
  return table([
    ["", "direct", "through the proxy", ""],
    row(
      "name look-up",
      "nameLookup",
      "by the host's unbound; through the proxy: from Consul, a healthy proxy",
    ),
    row("connect", "connect", "TCP: direct to the origin, else to the proxy in the same rack"),
    row("TLS", "tls", "direct: with the origin; the proxy's connections are open already"),
    row("first byte", "firstByte", "request and answer: one round trip to the origin either way"),
    row("rest", "rest", "the remainder of the body"),
    row("total", "total", ""),
  ]);
}

function keep(testbed: Testbed): void {
  testbed.keep();
  const file = join(testbed.directory, "enter");
  const hosts = testbed.hosts.map(
    (host) => `  ${host.name}) set -- ${host.sshArguments().join(" ")} "$@" ;;`,
  );
  writeFileSync(
    file,
    `#!/bin/sh\n# Enters a virtual server: enter HOST [COMMAND]\nhost=$1\nshift\ncase $host in\n${hosts.join("\n")}\nesac\nexec ssh "$@"\n`,
    { mode: 0o755 },
  );
  console.log(`Still running. Try
  ${file} jp-3 curl -s http://${ORIGIN}.ccnproxy-https/hc
  ${file} jp-1 journalctl -u tricloud-proxy
  ${file} jp-3 journalctl -u tricloud-service-web
End it with
  script/demo --stop`);
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(colours.red(error.message));
  process.exitCode = 1;
});
