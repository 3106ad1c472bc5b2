import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, TerraformStack, TerraformVariable } from "cdktf";
import { DedicatedServer, type DedicatedServerProps, RetiredServer } from "../../../constructs/dedicated";
import { secret, text } from "../../../constructs/host";
import { hostKey } from "../region/region-values";

interface SynthesisedData {
  input?: Record<string, unknown>;
  triggers_replace?: Record<string, string>;
  depends_on?: string[];
  provisioner: Record<string, { connection: Record<string, unknown>; [key: string]: unknown }>[];
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

  const synthesised = (): Record<string, SynthesisedData> => {
    app.synth();
    const json = JSON.parse(readFileSync(join(outdir, "stacks/jp/cdk.tf.json"), "utf8"));
    const data = json.resource.terraform_data as Record<string, SynthesisedData>;
    // Names without the hash of their path.
    return Object.fromEntries(
      Object.entries(data).map(([name, value]) => [name.replace(/_[0-9A-F]{8}$/, ""), value]),
    );
  };

  test("never connects to a host whose key is not the pinned one", () => {
    // GIVEN a server WHEN it is synthesised
    server("jp-1").addToProfile({ files: [{ path: "/etc/a", content: text("a") }] });
    // THEN each connection, the one of the removal too, checks the key
    for (const { provisioner, input } of Object.values(synthesised())) {
      for (const { connection } of provisioner.flatMap((step) => Object.values(step))) {
        const pinned =
          connection["host_key"] === "${self.input.host_key}" ? input?.["host_key"] : connection["host_key"];
        expect(pinned).toBe(hostKey);
      }
    }
  });

  test("takes back what it put on the host when it is destroyed, and only then", () => {
    server("jp-1");
    const { "jp-1_removal": removal } = synthesised();
    expect(removal?.provisioner).toHaveLength(1);
    expect(removal?.provisioner[0]).toMatchObject({
      "remote-exec": {
        when: "destroy",
        connection: { host: "${self.input.address}", port: "${self.input.port}" },
      },
    });
    // A trigger would replace the resource, and replacing runs the removal.
    expect(removal?.triggers_replace).toBeUndefined();
  });

  test("shows in the plan which file changed", () => {
    // GIVEN a host with two files
    server("jp-1").addToProfile({
      packages: ["unbound", "curl"],
      files: [
        { path: "/etc/a", content: text("a"), mode: "0640", group: "adm" },
        { path: "/etc/b", content: text("b") },
      ],
    });
    // THEN each has a digest of its own, and attributes count
    expect(synthesised()["jp-1_delivery"]?.triggers_replace).toEqual({
      packages: "curl unbound",
      "/etc/a": "0640 root adm ca978112ca1bbdca",
      "/etc/b": "0644 root root 3e23e8160039594a",
    });
  });

  test("keeps secrets out of what is synthesised", () => {
    // GIVEN a file with a secret that a sensitive variable holds
    const variable = new TerraformVariable(stack, "gossip", { type: "string", sensitive: true });
    server("jp-1").addToProfile({
      files: [{ path: "/etc/s", content: secret("gossip", variable.stringValue), mode: "0600" }],
    });
    const { "jp-1_delivery": delivery } = synthesised();
    // THEN the document refers to the variable, and so does the digest
    const document = delivery?.provisioner.find((step) => step["file"]?.["content"])?.["file"]?.["content"];
    expect(document).toContain("${sha256(var.gossip)} inline ${base64encode(var.gossip)}");
    expect(delivery?.triggers_replace?.["/etc/s"]).toBe("0600 root root ${sha256(var.gossip)}");
  });

  test("uploads an asset once for each host and copies it once for the stack", () => {
    // GIVEN two hosts with the same asset
    const content = { kind: "asset", source: __filename, sha256: "ab".repeat(32) } as const;
    for (const name of ["jp-1", "jp-2"]) server(name).addToProfile({ files: [{ path: "/opt/x", content }] });
    const data = synthesised();
    const sources = ["jp-1", "jp-2"].flatMap((name) =>
      data[`${name}_delivery`]!.provisioner.flatMap(
        (step) => (step["file"]?.["source"] as string | undefined) ?? [],
      ),
    );
    // THEN each uploads it, from one copy
    const uploads = sources.filter((source) => source.includes("dedicated-server.test.ts"));
    expect(uploads).toHaveLength(2);
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

  test("uses the SSH agent when no key is given", () => {
    server("jp-1", { ssh: { user: "root", port: 22, connectTimeoutSeconds: 30 } });
    const { "jp-1_activation": activation } = synthesised();
    expect(activation?.provisioner[0]?.["remote-exec"]?.connection).toMatchObject({ agent: "true" });
    expect(activation?.provisioner[0]?.["remote-exec"]?.connection).not.toHaveProperty("private_key");
  });

  test("takes everything off a server that is retired", () => {
    // GIVEN a server that was one of ours
    new RetiredServer(stack, "jp-4", {
      address: "10.10.0.14",
      hostKey,
      ssh: { user: "root", port: 22, connectTimeoutSeconds: 30 },
    });
    // THEN creating its retirement runs the removal
    const step = synthesised()["jp-4_retirement"]?.provisioner[0]?.["remote-exec"];
    expect(step).not.toHaveProperty("when");
    expect(step?.["inline"]).toEqual([expect.stringContaining("host-apply.sh remove")]);
  });

  test("refuses a host key that is none", () => {
    expect(() => server("jp-1", { hostKey: "" })).toThrow(
      'dedicated server jp-1: hostKey must be "TYPE BASE64", got: ""',
    );
    const ssh = { user: "root", port: 22, connectTimeoutSeconds: 60 };
    const retired = { address: "10.10.0.14", hostKey: "ssh-ed25519", ssh };
    expect(() => new RetiredServer(stack, "jp-4", retired)).toThrow(
      'retired server 10.10.0.14: hostKey must be "TYPE BASE64", got: "ssh-ed25519"',
    );
  });
});
