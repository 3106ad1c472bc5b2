import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { App, TerraformStack } from "cdktf";
import { ServerRoster, type ServerRosterProps } from "../../../constructs/dedicated";
import { hostKeyOf } from "../../stacks/values/regions/region-values";

type Servers = ServerRosterProps["servers"];

interface Synthesised {
  readonly triggers_replace: Readonly<Record<string, string>>;
  readonly provisioner: ReadonlyArray<{
    readonly "local-exec": { readonly when: string; readonly environment: Readonly<Record<string, string>> };
  }>;
}

function synthesise(servers: Servers): Synthesised {
  const stack = new TerraformStack(new App(), "jp");
  new ServerRoster(stack, "servers", { servers });
  const { resource } = stack.toTerraform() as {
    resource: { terraform_data: Record<string, Synthesised> };
  };
  return Object.values(resource.terraform_data)[0]!;
}

/** What a deploy of `now` says where `before` was deployed. */
function deploy(before: Servers, now: Servers): { readonly status: number | null; readonly said: string } {
  const { environment } = synthesise(now).provisioner[0]!["local-exec"];
  // As Terraform fills it in from the state.
  const lines = Object.entries(synthesise(before).triggers_replace).map(
    ([machine, name]) => `${name} ${machine}`,
  );
  const { status, stdout, stderr } = spawnSync(
    "bash",
    [join(__dirname, "../../../constructs/dedicated/server-roster.sh")],
    { encoding: "utf8", env: { ...process.env, ...environment, TRICLOUD_SERVERS_BEFORE: lines.join("\n") } },
  );
  return { status, said: stdout + stderr };
}

const server = (number: number, changes: Partial<Servers[number]> = {}): Servers[number] => ({
  name: `jp-${number}`,
  address: `10.10.0.${number}`,
  hostKey: hostKeyOf(number),
  ...changes,
});

describe("the roster of a region's servers", () => {
  const three = [server(1), server(2), server(3)];

  it("shows in a plan another name as a change of that name", () => {
    // GIVEN / WHEN
    const [before, after] = [three, [server(1), server(2), server(3, { name: "jp-three" })]].map(
      (servers) => synthesise(servers).triggers_replace,
    );
    // THEN the machines are the same
    expect(Object.keys(after!)).toEqual(Object.keys(before!));
    expect(Object.values(after!)).toEqual(["jp-1", "jp-2", "jp-three"]);
  });

  it("asks when it is replaced, and by what the state holds alone", () => {
    const { when, environment } = synthesise(three).provisioner[0]!["local-exec"];
    expect(when).toBe("destroy");
    expect(environment["TRICLOUD_SERVERS_BEFORE"]).toContain("self.triggers_replace");
  });

  it.each<[string, Servers, RegExp]>([
    ["nothing changes", three, /^$/],
    ["the list is turned round", [...three].reverse(), /^$/],
    ["one comes", [...three, server(4)], /^$/],
    [
      "one gets another name",
      [server(1), server(2), server(3, { name: "jp-three" })],
      /^jp-3 \(10\.10\.0\.3\) is called jp-three now: nothing is taken off it\n$/,
    ],
    ["one moves to another address", [server(1), server(2), server(3, { address: "10.10.0.9" })], /^$/],
    ["one has a new system", [server(1), server(2), server(3, { hostKey: hostKeyOf(9) })], /^$/],
    [
      "one of several keys stays",
      [server(1), server(2), server(3, { address: "10.10.0.9", hostKey: [hostKeyOf(9), hostKeyOf(3)] })],
      /^$/,
    ],
    ["one is retired", [server(1), server(2), server(3, { retired: true })], /^$/],
    ["one is lost", [server(1), server(2), server(3, { retired: "lost" })], /^$/],
  ])("lets a deploy go on when %s", (_what, now, said) => {
    expect(deploy(three, now)).toEqual({ status: 0, said: expect.stringMatching(said) });
  });

  it("lets a retired one be taken out", () => {
    expect(deploy([server(1), server(2, { retired: true })], [server(1)])).toEqual({ status: 0, said: "" });
  });

  it.each<[string, Servers]>([
    ["is not named any more", [server(1), server(2)]],
    ["has its name on another machine", [server(1), server(2), server(9, { name: "jp-3" })]],
  ])("refuses when one %s, and says what to write", (_what, now) => {
    expect(deploy(three, now)).toEqual({
      status: 1,
      said:
        "jp-3 (10.10.0.3) is gone from the region's servers, and would go on serving what was put on it: name it again " +
        'with `retired: true`, or `retired: "lost"` when nobody can reach it, deploy, and then take it out\n',
    });
  });
});
