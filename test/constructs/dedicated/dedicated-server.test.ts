import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import { DedicatedServer, type DedicatedServerProps, RetiredServer } from "../../../constructs/dedicated";
import { secretContent, textContent } from "../../../constructs/host";
import { hostKey, otherHostKey } from "../../stacks/values/regions/region-values";

interface SynthesisedData {
  triggers_replace?: Record<string, string>;
  depends_on?: string[];
  provisioner: {
    "local-exec": { command: string; environment: Record<string, string> | string; when?: string };
  }[];
}

describe("DedicatedServer", () => {
  let outdir: string;
  let app: App;
  let stack: TerraformStack;

  beforeEach(() => {
    outdir = mkdtempSync(join(tmpdir(), "tricloud-dedicated-"));
    app = new App({ outdir });
    stack = new TerraformStack(app, "jp");
  });
  afterEach(() => rmSync(outdir, { recursive: true }));

  const server = (name: string, changes: Partial<DedicatedServerProps> = {}) =>
    new DedicatedServer(stack, name, {
      name,
      address: "10.10.0.11",
      hostKey,
      site: "sakura/jp",
      ssh: { user: "admin", port: 2222, privateKeyPath: "/keys/jp", connectTimeoutSeconds: 30 },
      ...changes,
    });

  const stackJson = () => {
    app.synth();
    return JSON.parse(readFileSync(join(outdir, "stacks/jp/cdk.tf.json"), "utf8")) as {
      resource: { terraform_data: Record<string, SynthesisedData> };
      locals: Record<string, string>;
    };
  };

  /** Names without the hash of their path. */
  const plainNames = <T>(named: Record<string, T>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(named).map(([name, value]) => [name.replace(/_[0-9A-F]{8}(_turn_\d+)?$/, ""), value]),
    );

  const synthesised = () => plainNames(stackJson().resource.terraform_data);
  const step = (data: SynthesisedData | undefined) => data!.provisioner[0]!["local-exec"];

  test("tells each step where the host is and which key it must show, in words of the configuration alone", () => {
    // GIVEN a server WHEN it is synthesised
    server("jp-1").addToProfile({ files: [{ path: "/etc/a", content: textContent("a") }] });
    // THEN each step, the removal too, holds the connection itself
    const steps = Object.values(synthesised()).map(step);
    expect(steps).toHaveLength(3);
    for (const { environment } of steps) {
      const told = JSON.stringify(environment).replaceAll('\\"', '"');
      expect(told).toContain(`"TRICLOUD_HOST_KEYS":"${hostKey}"`);
      expect(told).toContain('"TRICLOUD_HOST_ADDRESS":"10.10.0.11"');
      expect(told).toContain('"TRICLOUD_HOST_PORT":"2222"');
      expect(told).not.toContain("self.");
    }
  });

  test("keeps nothing in the state but what was delivered", () => {
    server("jp-1");
    for (const data of Object.values(synthesised())) expect(data).not.toHaveProperty("input");
  });

  test("takes back what it put on the host when it is destroyed, and only then", () => {
    server("jp-1");
    const { "jp-1_removal": removal } = synthesised();
    expect(removal?.provisioner).toHaveLength(1);
    expect(step(removal)).toMatchObject({ when: "destroy", command: expect.stringMatching(/ remove$/) });
    // A trigger would replace the resource, and replacing runs the removal.
    expect(removal?.triggers_replace).toBeUndefined();
  });

  test("is the same whoever synthesises it", () => {
    // GIVEN a key in the home of whoever deploys
    const ssh = { user: "root", port: 22, privateKeyPath: "~/.ssh/jp", connectTimeoutSeconds: 30 };
    const home = process.env.HOME;
    const texts = ["/home/one", "/home/another"].map((each) => {
      process.env.HOME = each;
      const own = new App({ outdir });
      stack = new TerraformStack(own, "jp");
      app = own;
      server("jp-1", { ssh });
      return JSON.stringify(stackJson());
    });
    process.env.HOME = home;
    // THEN
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).toContain("~/.ssh/jp");
  });

  test("delivers everything again to a machine with another host key, and to no other for that", () => {
    const triggers = (key: string | string[]) => {
      app = new App({ outdir });
      stack = new TerraformStack(app, "jp");
      server("jp-1", { hostKey: key });
      return synthesised()["jp-1_delivery"]?.triggers_replace;
    };
    expect(triggers(hostKey)).not.toEqual(triggers(otherHostKey));
    expect(triggers(`${hostKey} root@jp-1`)).toEqual(triggers(hostKey));
    expect(triggers([hostKey, otherHostKey])).toEqual(triggers([otherHostKey, hostKey]));
  });

  test("shows in the plan which file changed", () => {
    // GIVEN a host with two files
    server("jp-1").addToProfile({
      packages: ["unbound", "curl"],
      files: [
        { path: "/etc/a", content: textContent("a"), mode: "0640", group: "adm" },
        { path: "/etc/b", content: textContent("b") },
      ],
    });
    // THEN each has a digest of its own, and attributes count
    expect(synthesised()["jp-1_delivery"]?.triggers_replace).toEqual({
      address: "10.10.0.11",
      "host key": expect.stringMatching(/^SHA256:[A-Za-z0-9+/]{43}$/),
      packages: "curl unbound",
      "/etc/a": "0640 root adm ca978112ca1bbdca",
      "/etc/b": "0644 root root 3e23e8160039594a",
    });
  });

  test("keeps secrets out of what is synthesised", () => {
    // GIVEN a file with a secret that a sensitive variable holds
    const variable = new TerraformVariable(stack, "gossip", { type: "string", sensitive: true });
    server("jp-1").addToProfile({
      files: [{ path: "/etc/s", content: secretContent("gossip", variable.stringValue), mode: "0600" }],
    });
    const { resource, locals } = stackJson();
    const { "jp-1_delivery": delivery } = plainNames(resource.terraform_data);
    // THEN the document refers to the variable, and so does the digest
    expect(plainNames(locals)["jp-1_document"]).toContain(
      "${sha256(var.gossip)} inline ${base64encode(var.gossip)}",
    );
    expect(delivery?.triggers_replace?.["/etc/s"]).toBe("0600 root root ${sha256(var.gossip)}");
    // AND it reaches the host by no command line
    expect(step(delivery).command).not.toMatch(/gossip|document/);
    expect(step(delivery).environment).toMatch(/local\.jp-1_document_/);
  });

  test("uploads an asset once for each host and copies it once for the stack", () => {
    // GIVEN two hosts with the same asset
    const content = { kind: "asset", source: __filename, sha256: "ab".repeat(32) } as const;
    for (const name of ["jp-1", "jp-2"]) server(name).addToProfile({ files: [{ path: "/opt/x", content }] });
    const data = synthesised();
    const uploads = ["jp-1", "jp-2"].map(
      (name) => /'abababababab-[^=]+=([^']+)'/.exec(step(data[`${name}_delivery`]).command)?.[1],
    );
    // THEN each uploads it, from one copy
    expect(new Set(uploads).size).toBe(1);
    expect(readFileSync(join(outdir, "stacks/jp", uploads[0]!), "utf8")).toBe(
      readFileSync(__filename, "utf8"),
    );
  });

  test("activates one host after another where it is told to, and delivers to all at once", () => {
    const [first, second] = [server("jp-1"), server("jp-2")] as const;
    second.activateAfter(first);
    const data = synthesised();
    expect(data["jp-2_activation"]?.depends_on).toEqual([
      expect.stringMatching(/^terraform_data\.jp-2_delivery_/),
      expect.stringMatching(/^terraform_data\.jp-1_activation_/),
    ]);
    expect(data["jp-2_delivery"]?.depends_on).toEqual([
      expect.stringMatching(/^terraform_data\.jp-2_removal_/),
    ]);
  });

  test("never lets two servers wait for each other, whichever was first at an earlier deploy", () => {
    // GIVEN two servers in an order, and then in the other
    const names = (first: string, second: string) => {
      app = new App({ outdir });
      stack = new TerraformStack(app, "jp");
      const earlier = server(first);
      server(second).activateAfter(earlier);
      return Object.entries(stackJson().resource.terraform_data).flatMap(
        ([name, { depends_on: after = [] }]) =>
          after.map((each) => [name, each.replace(/^terraform_data\./, "")] as const),
      );
    };
    const edges = [...names("jp-1", "jp-2"), ...names("jp-2", "jp-1")];
    // THEN what Terraform keeps in order for the two deploys together leads in no circle
    const reaches = (from: string, to: string): boolean =>
      edges.some(([later, earlier]) => later === from && (earlier === to || reaches(earlier, to)));
    for (const [name] of edges) expect(reaches(name, name)).toBe(false);
    expect(edges.filter(([later]) => later.endsWith("_turn_2"))).toHaveLength(4);
  });

  test("refuses servers that are to wait for each other", () => {
    const [first, second] = [server("jp-1"), server("jp-2")] as const;
    first.activateAfter(second);
    second.activateAfter(first);
    expect(() => app.synth()).toThrow("dedicated server jp-1: is to be activated after itself");
  });

  test.each([{}, undefined])(
    "signs in as root at SSH's own port, with no key of its choice, given %j",
    (ssh) => {
      server("jp-1", { ssh });
      const { environment } = step(synthesised()["jp-1_activation"]);
      expect(environment).toMatchObject({
        TRICLOUD_HOST_USER: "root",
        TRICLOUD_HOST_PORT: "22",
        TRICLOUD_HOST_TIMEOUT: "60",
      });
      expect(environment).not.toHaveProperty("TRICLOUD_HOST_IDENTITY");
    },
  );

  test("takes everything off a server that is retired", () => {
    // GIVEN a server that was one of ours
    new RetiredServer(stack, "jp-4", {
      address: "10.10.0.14",
      hostKey,
    });
    // THEN creating its retirement runs the removal
    const retirement = step(synthesised()["jp-4_retirement"]);
    expect(retirement).not.toHaveProperty("when");
    expect(retirement.command).toMatch(/ssh-step\.sh remove$/);
  });

  test("refuses a host key that is none", () => {
    expect(() => server("jp-1", { hostKey: "" })).toThrow(
      'dedicated server jp-1: hostKey must be "TYPE BASE64", got: ""',
    );
    const retired = { address: "10.10.0.14", hostKey: "ssh-ed25519" };
    expect(() => new RetiredServer(stack, "jp-4", retired)).toThrow(
      'retired server 10.10.0.14: hostKey must be "TYPE BASE64", got: "ssh-ed25519"',
    );
  });

  test.each<[string, Partial<DedicatedServerProps>, string]>([
    [
      "an empty SSH address",
      { sshAddress: "" },
      'sshAddress must be an address or a host name, known before the deploy, got: ""',
    ],
    ["an expression as SSH address", { sshAddress: "${aws_instance.a.public_ip}" }, "sshAddress must be"],
    ["an address that SSH would take for an option", { address: "-oProxyCommand=reboot" }, "address must be"],
    [
      "a user that ends a line",
      { ssh: { user: "root\nProxyCommand reboot" } },
      "ssh.user must be the name of an account",
    ],
    ["a key path with a quote", { ssh: { privateKeyPath: 'a"b' } }, "ssh.privateKeyPath must be"],
    ["a port that is none", { ssh: { port: 0 } }, "ssh.port must be a whole number from 1 to 65535, got: 0"],
    [
      "no time to connect",
      { ssh: { connectTimeoutSeconds: 0 } },
      "ssh.connectTimeoutSeconds must be a whole number from 1, got: 0",
    ],
    [
      "a bastion's port that is none",
      { ssh: { bastion: { address: "192.0.2.1", hostKey, port: 65536 } } },
      "ssh.bastion.port must be a whole number from 1 to 65535, got: 65536",
    ],
    ["no host key at all", { hostKey: [] }, "hostKey must be one key at least"],
    ["a key cut short", { hostKey: hostKey.slice(0, -8) }, 'hostKey must be "TYPE BASE64"'],
    ["a key of another type than it says", { hostKey: hostKey.replace("ed25519", "rsa") }, "hostKey must be"],
  ])("refuses %s", (_, changes, message) => {
    expect(() => server("jp-1", changes)).toThrow(`dedicated server jp-1: ${message}`);
  });

  test("never repeats a private key that stands where the public one should", () => {
    const pasted = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n";
    expect(() => server("jp-1", { hostKey: pasted })).toThrow(
      /got: \(what looks like a secret, and is not shown\)$/,
    );
  });
});
