import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment, jpRegion, JP_ROLES, ORIGIN, run, Testbed } from "../testbed";
import { difference, snapshot } from "./host-snapshot";
import { succeeded } from "./succeeded";
import { describeOnVirtualHosts } from "./virtual-hosts";

/** Runs as any user of a host: adds a command to every file in a shared directory that it may write to. */
const LOCAL_ATTACKER = `#!/bin/sh
while :; do
  for file in /tmp/* /tmp/.[a-z]* /var/tmp/* /root/.tricloud*/*; do
    test -f "$file" && test -w "$file" || continue
    grep -q owned "$file" || printf '\\nid -u >>/var/owned\\n' >>"$file"
  done
  sleep 0.1
done`;

describeOnVirtualHosts("the way into JP's servers", () => {
  let testbed: Testbed;
  let deployment: Deployment;
  let region: DedicatedRegionInput;
  let untouched: Map<string, string[]>;
  const homes: Record<"one" | "another", string> = { one: "", another: "" };

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: Object.keys(JP_ROLES), far: { names: [ORIGIN] } });
    const [first, second, third] = ["jp-1", "jp-2", "jp-3"].map((name) => testbed.host(name));
    // Three keys, as the installer makes them; no program may be started from /tmp; a user with bad intentions.
    await first!.run("mount -o remount,noexec /tmp");
    writeFileSync(join(first!.root, "srv/attack"), LOCAL_ATTACKER);
    await first!.run("systemd-run --quiet --unit=local-user --uid=nobody sh /srv/attack");
    // A shell that greets, without an end of line too.
    await second!.run(
      "sed -i '1i echo Welcome; echo Watch your step >&2; printf \"no end of line\"' /root/.bashrc",
    );
    // One key alone.
    await third!.run("rm /etc/ssh/ssh_host_ecdsa_key* /etc/ssh/ssh_host_rsa_key* && systemctl restart ssh");
    untouched = new Map();
    for (const host of testbed.hosts) untouched.set(host.name, await snapshot(host));

    for (const operator of ["one", "another"] as const) {
      homes[operator] = join(testbed.directory, "homes", operator);
      mkdirSync(join(homes[operator], ".ssh"), { recursive: true });
      copyFileSync(testbed.operator.privateKeyPath, join(homes[operator], ".ssh/tricloud"));
      await run("chmod", ["0600", join(homes[operator], ".ssh/tricloud")]);
    }
    deployment = new Deployment(join(testbed.directory, "deployment"));
    const described = jpRegion(testbed);
    region = {
      ...described,
      ssh: { ...described.ssh, privateKeyPath: "~/.ssh/tricloud" },
      servers: described.servers.map((server) => {
        const { rsa, ecdsa, ed25519 } = testbed.host(server.name).hostKeys;
        // Several of a host with three, and of the host with one alone that and one that it has no more.
        const pinned = { "jp-2": [rsa, ecdsa], "jp-3": [ecdsa, ed25519] }[server.name];
        return pinned === undefined ? server : { ...server, hostKey: pinned };
      }),
    };
  });

  afterAll(() => testbed?.stop());

  const deploy = (operator: "one" | "another") =>
    deployment.deploy("jp", { env: { HOME: homes[operator], SSH_AUTH_SOCK: undefined } });

  it("leads to hosts with three keys and with one, noexec on /tmp and a shell that greets", async () => {
    // GIVEN the hosts WHEN they are deployed
    deployment.write(region);
    const { output } = succeeded(await deploy("one"));
    // THEN each says how far it is, and nothing is said that only its shell says
    for (const { name } of testbed.hosts) {
      expect(output).toMatch(new RegExp(`${name}_delivery_\\w+ .*\\(local-exec\\): ${name}: staged`));
      expect(output).toMatch(new RegExp(`${name}_activation_\\w+ .*\\(local-exec\\): ${name}: active`));
    }
    expect(output).not.toMatch(/Welcome|Watch your step/);
  });

  it("gives a local user nothing to write to, and leaves nothing behind", async () => {
    const first = testbed.host("jp-1");
    // GIVEN that user, who saw all of the deploy
    expect(await first.run("systemctl is-active local-user")).toBe("active\n");
    // THEN no command of theirs ran, and none lies about
    expect(await first.run("ls /var/owned 2>/dev/null; grep -ls owned /tmp/* /var/tmp/* || true")).toBe("");
    for (const host of testbed.hosts) {
      expect(await host.run("ls -A ~")).not.toContain("tricloud");
    }
  });

  it("shows no secret where Terraform or a process list shows anything", async () => {
    const { output } = await deploy("one");
    expect(output).not.toContain(deployment.gossipKey);
    const state = readFileSync(join(testbed.directory, "deployment/terraform.jp.tfstate"), "utf8");
    expect(state).not.toContain(homes.one);
    expect(state).not.toContain(".ssh");
  });

  it("is the same for another operator", async () => {
    // GIVEN someone whose home is elsewhere WHEN they deploy
    const { output } = succeeded(await deploy("another"));
    // THEN
    expect(output).toContain("No changes.");
  });

  it("takes over a state that today's older version left, with one change of each server", async () => {
    // GIVEN connections in the state, with a key on a machine that is gone
    const file = join(testbed.directory, "deployment/terraform.jp.tfstate");
    const state = JSON.parse(readFileSync(file, "utf8")) as OldState;
    state.serial++;
    for (const { name, instances } of state.resources) {
      const attributes = instances[0]!.attributes;
      if (/_removal_/.test(name)) {
        const input = { address: "192.0.2.1", port: 22, user: "root", private_key_path: "/gone/id_ed25519" };
        const type = [
          "object",
          { address: "string", port: "number", user: "string", private_key_path: "string" },
        ];
        attributes["input"] = attributes["output"] = { value: input, type };
      }
    }
    writeFileSync(file, JSON.stringify(state));
    // WHEN it is deployed twice
    const first = succeeded(await deploy("another"));
    const second = succeeded(await deploy("another"));
    // THEN the state forgets them, and no host is touched
    expect(first.output).toContain("0 added, 3 changed, 0 destroyed");
    expect(readFileSync(file, "utf8")).not.toContain("/gone/id_ed25519");
    expect(second.output).toContain("No changes.");
  });

  it("goes through a bastion that shows its own pinned key, with one identity out of an agent with eight", async () => {
    // GIVEN an agent in which the right key comes last
    const agent = await run("ssh-agent", ["-s"]);
    const socket = /SSH_AUTH_SOCK=([^;]+)/.exec(agent)![1]!;
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(agent)![1]);
    try {
      const add = (path: string) => run("ssh-add", ["-q", path], { env: { SSH_AUTH_SOCK: socket } });
      for (let count = 1; count <= 8; count++) {
        const path = join(testbed.directory, `other-${count}`);
        await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", path]);
        await add(path);
      }
      await add(testbed.operator.privateKeyPath);
      const [first] = testbed.hosts;
      const through = (hostKey: string): DedicatedRegionInput => ({
        ...region,
        ssh: {
          ...region.ssh,
          privateKeyPath: `${testbed.operator.privateKeyPath}.pub`,
          connectTimeoutSeconds: 8,
          bastion: { address: first!.address, hostKey },
        },
        dns: {
          ...region.dns,
          records: { ...region.dns.records, "bastion.example.test": testbed.far.address },
        },
      });
      const env = { SSH_AUTH_SOCK: socket, HOME: homes.another };

      // WHEN the bastion's pinned key is another one
      deployment.write(through(testbed.host("jp-2").hostKey));
      const refused = await deployment.deploy("jp", { env });
      // THEN nothing is sent through it
      expect(refused.code).not.toBe(0);
      expect(refused.output).toContain("shows no host key that the region value pins");

      // WHEN it is the right one THEN the servers see the bastion
      deployment.write(through(first!.hostKey));
      succeeded(await deployment.deploy("jp", { env }));
      const seen = await testbed.host("jp-3").run("journalctl -u ssh -o cat | grep ^Accepted | tail -n 3");
      expect(seen).toContain(`from ${first!.address} `);
    } finally {
      process.kill(pid);
    }
  });

  it("says which key to name when the host takes none that is offered", async () => {
    // GIVEN an operator whose key the hosts do not know
    const path = join(testbed.directory, "other-1");
    deployment.write({ ...region, dns: { ...region.dns, records: { [ORIGIN]: testbed.far.address } } });
    // WHEN they deploy
    const outcome = await deployment.deploy("jp", { env: { TRICLOUD_SSH_IDENTITY: path, HOME: homes.one } });
    // THEN
    expect(outcome.code).not.toBe(0);
    expect(outcome.output).toMatch(
      /root@\S+: refused; name the key to sign in with in TRICLOUD_SSH_IDENTITY/,
    );
  });

  it("is the way out too, for whoever has a key, and where a host is now", async () => {
    // GIVEN that the first operator's key is gone, and a host's address is another one
    const moved = testbed.host("jp-3");
    await testbed.renumber(moved);
    const servers = region.servers.map((server) =>
      server.name === moved.name ? { ...server, address: moved.address } : server,
    );
    deployment.write({ ...region, servers });
    rmSync(homes.one, { recursive: true });
    // WHEN the other operator destroys
    succeeded(await deployment.destroy("jp", { env: { HOME: homes.another, SSH_AUTH_SOCK: undefined } }));
    // THEN
    for (const host of testbed.hosts) {
      const changes = difference(untouched.get(host.name) ?? [], await snapshot(host));
      expect({ host: host.name, changes }).toEqual({ host: host.name, changes: [] });
    }
  });
});

interface OldState {
  serial: number;
  resources: { name: string; instances: { attributes: Record<string, unknown> }[] }[];
}
