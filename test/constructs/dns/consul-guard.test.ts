import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createNetServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { consulGuard, type ConsulGuardOptions } from "../../../constructs/dns/consul-guard";

/** What an agent's HTTP API would say; a path that is missing is an error. */
interface Api {
  readonly peers?: string;
  readonly leader?: string;
  readonly members?: string;
  readonly health?: { readonly status: number; readonly body: unknown };
  /** Machines whose agents have told what runs there. */
  readonly told?: readonly string[];
}

const LED: Api = { peers: '["10.0.0.11:8300"]', leader: '"10.0.0.11:8300"', told: ["jp-1", "jp-2", "jp-3"] };
const server = (name: string, healthy: boolean, more: { Voter?: boolean; Address?: string } = {}) => ({
  ID: name,
  Name: name,
  Address: "10.0.0.11:8300",
  SerfStatus: healthy ? "alive" : "failed",
  Leader: false,
  Healthy: healthy,
  Voter: true,
  ...more,
});
const health = (tolerance: number, ...servers: ReturnType<typeof server>[]) => ({
  status: tolerance > 0 ? 200 : 429,
  body: { Healthy: tolerance > 0, FailureTolerance: tolerance, Servers: servers },
});

/**
 * Runs the guard against an agent that answers so; undefined for one that does not run.
 *
 * @param journal what it has said since its start
 */
async function guard(
  command: string,
  api: Api | undefined,
  options: Partial<ConsulGuardOptions> = {},
  journal = "",
) {
  const agent = createServer((request, response) => {
    const answer = {
      "/v1/status/peers": api?.peers,
      "/v1/status/leader": api?.leader,
      "/v1/agent/members": api?.members,
      "/v1/operator/autopilot/health": api?.health && JSON.stringify(api.health.body),
      "/v1/catalog/nodes?filter=lan+in+TaggedAddresses":
        api?.told && JSON.stringify(api.told.map((Node) => ({ ID: "", Node, TaggedAddresses: { lan: "" } }))),
    }[request.url ?? ""];
    response.statusCode =
      answer === undefined ? 500 : request.url!.includes("autopilot") ? api!.health!.status : 200;
    response.end(answer);
  });
  await new Promise<void>((listening) => agent.listen(0, "127.0.0.1", listening));
  const { port } = agent.address() as AddressInfo;
  if (api === undefined) await new Promise((closed) => agent.close(closed));
  const folder = mkdtempSync(join(tmpdir(), "tricloud-dns-"));
  try {
    const path = join(folder, "guard");
    const program = consulGuard({ isServer: true, spareServers: 1, nodeName: "jp-1", ...options });
    writeFileSync(join(folder, "journal"), journal);
    for (const [name, does] of [
      ["journalctl", `exec cat ${join(folder, "journal")}`],
      ["systemctl", "echo 0123456789abcdef"],
    ] as const) {
      writeFileSync(join(folder, name), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
    }
    writeFileSync(path, program.replace("127.0.0.1:8500", `127.0.0.1:${port}`));
    const child = spawn("sh", [path, command], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, PATH: `${folder}:${process.env["PATH"]}` },
    });
    let error = "";
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
    const status = await new Promise<number | null>((ended) => child.on("close", ended));
    return { status, error };
  } finally {
    if (api !== undefined) await new Promise((closed) => agent.close(closed));
    rmSync(folder, { recursive: true });
  }
}

/** What `agent/members` says of that many servers, and of a client and a server that has failed besides. */
const members = (...servers: readonly string[]): string =>
  JSON.stringify([
    ...servers.map((Addr) => ({
      Name: Addr,
      Addr,
      Port: 8301,
      Tags: { expect: "3", role: "consul" },
      Status: 1,
    })),
    { Name: "client", Addr: "127.0.0.8", Port: 8301, Tags: { role: "node" }, Status: 1 },
    { Name: "failed", Addr: "127.0.0.9", Port: 8301, Tags: { role: "consul" }, Status: 4 },
  ]);

async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.2", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

describe("consulGuard", () => {
  const peers = [server("jp-2", true), server("jp-3", true)];

  it("lets a server stop while another could be lost, and not otherwise", async () => {
    // GIVEN three healthy servers, then one of them gone
    const whole = { ...LED, health: health(1, server("jp-1", true), ...peers) };
    const broken = {
      ...LED,
      health: health(0, server("jp-1", true), server("jp-2", false), server("jp-3", true)),
    };
    // WHEN / THEN
    expect(await guard("gate", whole)).toMatchObject({ status: 0 });
    expect(await guard("gate", broken)).toMatchObject({
      status: 1,
      error: expect.stringContaining("no healthy server to spare"),
    });
  });

  it("does not hold back a server of a datacenter that never had a leader, nor one that does not answer", async () => {
    expect(await guard("gate", { peers: "[]", leader: '""' })).toMatchObject({ status: 0 });
    expect(await guard("gate", undefined)).toMatchObject({ status: 0 });
  });

  it("does not hold back a server whose address the machine no longer has", async () => {
    // GIVEN a server that none of the others reaches any more, on an address of documentation
    const at = (Addr: string) =>
      JSON.stringify([{ Name: "jp-1", Addr, Tags: { role: "consul" }, Status: 1 }]);
    const alone = { ...LED, health: health(0, server("jp-1", true)) };
    // WHEN / THEN
    expect(await guard("gate", { ...alone, members: at("192.0.2.11") })).toMatchObject({ status: 0 });
    expect(await guard("gate", { ...alone, members: at("127.0.0.1") })).toMatchObject({ status: 1 });
  });

  it("lets a datacenter begin with its first server, where servers come one after another", async () => {
    // GIVEN a first server of three, then a second that has joined it
    const beginning = { expect: 3, fellows: ["127.0.0.2", "127.0.0.3"], serfPort: await freePort() };
    const first = { peers: "[]", leader: '""', members: members("127.0.0.1") };
    const second = { ...first, members: members("127.0.0.1", "127.0.0.2") };
    const third = { ...first, members: members("127.0.0.1", "127.0.0.2", "127.0.0.3") };
    // WHEN / THEN the third has to see a leader
    expect(await guard("ready", first, { beginning })).toMatchObject({ status: 0 });
    expect(await guard("ready", second, { beginning })).toMatchObject({ status: 0 });
    expect(await guard("ready", third, { beginning })).toMatchObject({ status: 1 });
    // AND none is ready so where all start together
    expect(await guard("ready", first)).toMatchObject({
      status: 1,
      error: expect.stringContaining("the servers have no leader"),
    });
  });

  it("lets a datacenter with tokens begin, which nobody knows before there is a leader", async () => {
    // GIVEN an agent that refuses its token, and what it says of two fellows, a client and one that has failed
    const tokenFile = join(tmpdir(), "no-such-token");
    const beginning = { expect: 3, fellows: ["127.0.0.2", "127.0.0.3"], serfPort: await freePort() };
    const unled = { peers: "[]", leader: '""' };
    const event = (what: string, of: string, area = "lan") =>
      `    2026-11-28T01:55:21.093Z [INFO]  agent.server.serf.${area}: serf: EventMember${what}: ${of}\n`;
    const first = event("Join", "jp-1 127.0.0.1") + event("Join", "client 127.0.0.8");
    const second = first + event("Join", "jp-2 127.0.0.2") + event("Join", "jp-3.jp 127.0.0.3", "wan");
    const failed = second + event("Join", "jp-3 127.0.0.3") + event("Failed", "jp-3 127.0.0.3");
    const third = failed + event("Join", "jp-3 127.0.0.3");
    // WHEN / THEN the third has to see a leader
    for (const journal of [first, second, failed]) {
      expect(await guard("ready", unled, { beginning, tokenFile }, journal)).toMatchObject({ status: 0 });
    }
    expect(await guard("ready", unled, { beginning, tokenFile }, third)).toMatchObject({ status: 1 });
  });

  it("does not take a server for a beginner that has not joined one that is there", async () => {
    // GIVEN a fellow that answers
    const fellow = createNetServer((socket) => socket.end());
    await new Promise<void>((listening) => fellow.listen(0, "127.0.0.2", listening));
    try {
      const { port: serfPort } = fellow.address() as AddressInfo;
      const beginning = { expect: 3, fellows: ["127.0.0.2"], serfPort };
      const alone = { peers: "[]", leader: '""', members: members("127.0.0.1") };
      const joined = { ...alone, members: members("127.0.0.1", "127.0.0.2") };
      // WHEN / THEN
      expect(await guard("ready", alone, { beginning })).toMatchObject({
        status: 1,
        error: expect.stringContaining("server 127.0.0.2 is there and was not joined"),
      });
      expect(await guard("ready", joined, { beginning })).toMatchObject({ status: 0 });
    } finally {
      await new Promise((closed) => fellow.close(closed));
    }
  });

  it("counts no agent as serving that is no server, or a server that is not ready", async () => {
    const whole = { ...LED, health: health(1, server("jp-1", true), ...peers) };
    expect(await guard("serving", whole)).toMatchObject({ status: 0 });
    expect(await guard("serving", whole, { isServer: false })).toMatchObject({ status: 1 });
    expect(await guard("serving", { ...whole, leader: '""' })).toMatchObject({ status: 1 });
  });

  it("calls a server ready when it has caught up itself, whatever became of another", async () => {
    // GIVEN a dead fellow
    const fellowDead = { ...LED, health: health(0, server("jp-1", true), server("jp-2", false)) };
    const behind = { ...LED, health: health(0, server("jp-1", false), ...peers) };
    // WHEN / THEN
    expect(await guard("ready", fellowDead)).toMatchObject({ status: 0 });
    expect(await guard("ready", behind)).toMatchObject({
      status: 1,
      error: expect.stringMatching(
        /^consul: server jp-1 has not caught up with the leader, which says: .*Healthy: ?false/,
      ),
    });
    expect(await guard("ready", { ...LED, health: health(0, ...peers) })).toMatchObject({
      status: 1,
      error: expect.stringContaining("which says: no such server"),
    });
  });

  it("does not call a server ready before it is a voter", async () => {
    // GIVEN a server that has caught up and has no say yet
    const joined = { ...LED, health: health(1, server("jp-1", true, { Voter: false }), ...peers) };
    // WHEN / THEN
    for (const word of ["ready", "serving"]) {
      expect(await guard(word, joined)).toMatchObject({
        status: 1,
        error: expect.stringContaining("server jp-1 is no voter yet"),
      });
    }
  });

  it("is not ready while a server that was given up for lost still counts as a voter", async () => {
    // GIVEN a dead server, named in the region or not
    const beginning = { expect: 3, fellows: ["10.0.0.12", "10.0.0.13"], serfPort: 8301 };
    const dead = server("old", false, { Address: "10.0.0.14:8300" });
    const without = { ...LED, health: health(0, server("jp-1", true), dead) };
    const deadFellow = server("jp-2", false, { Address: "10.0.0.12:8300" });
    // WHEN / THEN
    expect(await guard("ready", without, { beginning })).toMatchObject({
      status: 1,
      error: expect.stringContaining("server 10.0.0.14 is lost and still counts as a voter"),
    });
    const within = { ...LED, health: health(0, server("jp-1", true), deadFellow) };
    expect(await guard("ready", within, { beginning })).toMatchObject({ status: 0 });
    const noVoter = { ...LED, health: health(0, server("jp-1", true), { ...dead, Voter: false }) };
    expect(await guard("ready", noVoter, { beginning })).toMatchObject({ status: 0 });
  });

  it("is not ready while nobody knows what runs on its machine", async () => {
    // GIVEN a datacenter where only the leader's agent has been heard
    const unheard = { ...LED, told: ["jp-2"], health: health(1, server("jp-1", true), ...peers) };
    // WHEN / THEN
    for (const isServer of [true, false]) {
      expect(await guard("ready", unheard, { isServer })).toMatchObject({
        status: 1,
        error: expect.stringContaining("nobody was told yet what runs on jp-1"),
      });
      const heard = { ...unheard, told: ["jp-2", "jp-1"] };
      expect(await guard("ready", heard, { isServer })).toMatchObject({ status: 0 });
    }
  });

  it("is the last of a beginning only once those before it were heard, of whom some may be dead by now", async () => {
    // GIVEN servers that came before there was a leader
    const beginning = { expect: 3, fellows: ["10.0.0.12", "10.0.0.13"], serfPort: 8301 };
    const third = { ...LED, told: ["jp-1", "jp-3"], health: health(1, server("jp-1", true), ...peers) };
    // WHEN / THEN
    expect(await guard("ready", third, { beginning })).toMatchObject({
      status: 1,
      error: expect.stringContaining("nobody was told yet what runs on jp-2"),
    });
    const dead = server("jp-2", false, { Address: "10.0.0.12:8300" });
    const withoutIt = { ...third, health: health(0, server("jp-1", true), dead, server("jp-3", true)) };
    expect(await guard("ready", withoutIt, { beginning })).toMatchObject({ status: 0 });
  });

  it("does not call ready what has no leader or does not answer", async () => {
    const leaderless: Api = { ...LED, leader: '""' };
    expect(await guard("ready", leaderless)).toMatchObject({ status: 1 });
    expect(await guard("ready", undefined)).toMatchObject({ status: 1 });
    expect(await guard("ready", leaderless, { isServer: false })).toMatchObject({ status: 1 });
    expect(await guard("ready", LED, { isServer: false })).toMatchObject({ status: 0 });
  });

  it("says what it can do when asked for something else", async () => {
    expect(await guard("fly", LED)).toMatchObject({ status: 2, error: expect.stringContaining("usage:") });
  });
});
