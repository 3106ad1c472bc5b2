import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { consulGuard, type ConsulGuardOptions } from "../../../constructs/dns/consul-guard";

/** What an agent's HTTP API would say; a path that is missing is an error. */
interface Api {
  readonly peers?: string;
  readonly leader?: string;
  readonly health?: { readonly status: number; readonly body: unknown };
}

const LED: Api = { peers: '["10.0.0.11:8300"]', leader: '"10.0.0.11:8300"' };
const server = (name: string, healthy: boolean) => ({
  ID: name,
  Name: name,
  Leader: false,
  Healthy: healthy,
});
const health = (tolerance: number, ...servers: ReturnType<typeof server>[]) => ({
  status: tolerance > 0 ? 200 : 429,
  body: { Healthy: tolerance > 0, FailureTolerance: tolerance, Servers: servers },
});

/** Runs the guard against an agent that answers so; undefined for one that does not run. */
async function guard(command: string, api: Api | undefined, options: Partial<ConsulGuardOptions> = {}) {
  const agent = createServer((request, response) => {
    const answer = {
      "/v1/status/peers": api?.peers,
      "/v1/status/leader": api?.leader,
      "/v1/operator/autopilot/health": api?.health && JSON.stringify(api.health.body),
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
    writeFileSync(path, program.replace("127.0.0.1:8500", `127.0.0.1:${port}`));
    const child = spawn("sh", [path, command], { stdio: ["ignore", "ignore", "pipe"] });
    let error = "";
    child.stderr.on("data", (chunk: Buffer) => (error += chunk.toString()));
    const status = await new Promise<number | null>((ended) => child.on("close", ended));
    return { status, error };
  } finally {
    if (api !== undefined) await new Promise((closed) => agent.close(closed));
    rmSync(folder, { recursive: true });
  }
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
    expect(await guard("ready", { peers: "[]", leader: '""' })).toMatchObject({ status: 0 });
    expect(await guard("gate", undefined)).toMatchObject({ status: 0 });
  });

  it("calls a server ready when it has caught up itself, whatever became of another", async () => {
    // GIVEN a dead fellow
    const fellowDead = { ...LED, health: health(0, server("jp-1", true), server("jp-2", false)) };
    const behind = { ...LED, health: health(0, server("jp-1", false), ...peers) };
    // WHEN / THEN
    expect(await guard("ready", fellowDead)).toMatchObject({ status: 0 });
    expect(await guard("ready", behind)).toMatchObject({
      status: 1,
      error: expect.stringContaining("server jp-1 has not caught up"),
    });
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
