import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { cloudInit, type CloudInitOptions } from "../../../constructs/host/cloud-init";
import { EMPTY_PROFILE, type HostProfile, secret, text } from "../../../constructs/host/host-profile";
import { itWithCloudInit, schemaComplaint } from "./cloud-init-schema";

interface CloudConfig {
  write_files: { path: string; permissions: string; content: string }[];
  runcmd: string[][];
}

const SHA256 = "ab".repeat(32);

const options: CloudInitOptions = {
  fetchAsset: (sha256) => `get asset ${sha256}`,
  fetchSecret: (name) => `get secret ${name}`,
  packages: ["awscli"],
  environment: { AWS_REGION: "us-east-1" },
  prepare: ["install-agent"],
  whenHealthy: "report healthy",
  whenFailed: "report failed",
};

const profile: HostProfile = {
  aptSources: [
    {
      name: "hashicorp",
      uri: "https://apt.releases.example.com",
      suite: "trixie",
      components: ["main"],
      keyUrl: "https://apt.releases.example.com/gpg",
      keyFingerprint: "0123456789ABCDEF0123456789ABCDEF01234567",
    },
  ],
  packages: ["unbound", "consul"],
  files: [
    { path: "/etc/unbound/unbound.conf", content: text("server:\n  port: 53\n") },
    {
      path: "/opt/tricloud/proxy.js",
      content: { kind: "asset", source: "/x/proxy.js", sha256: SHA256 },
      mode: "0644",
    },
    { path: "/etc/consul.d/gossip.json", content: secret("consul-gossip", "${var.gossip}"), owner: "consul" },
    { path: "/etc/resolv.conf", content: text("nameserver 127.0.0.1\n") },
  ],
  services: [
    {
      name: "unbound.service",
      reads: ["/etc/unbound/unbound.conf"],
      verify: 'unbound-checkconf "$STAGED/etc/unbound/unbound.conf"',
      health: { command: "dig +time=1 @127.0.0.1 localhost", timeoutSeconds: 7 },
    },
    { name: "consul.service", reads: ["/etc/consul.d/gossip.json"], health: { command: "it's up" } },
  ],
};

const parsed = (given: HostProfile, with_: CloudInitOptions = options): CloudConfig =>
  parse(cloudInit(given, with_)) as CloudConfig;

function scriptOf(config: CloudConfig): string {
  const script = config.write_files.find(({ path }) => path === config.runcmd[0]?.[0]);
  if (script === undefined) throw new Error("runcmd names no written file");
  return script.content;
}

/** Index of the line that is `line`; fails the test when there is none. */
function lineOf(script: string, line: string): number {
  const index = script.split("\n").indexOf(line);
  if (index < 0) throw new Error(`no line ${JSON.stringify(line)} in:\n${script}`);
  return index;
}

describe("cloudInit", () => {
  it("is a cloud-config document that writes each text where only root reads it", () => {
    // GIVEN a profile with a text, an asset and a secret
    // WHEN
    const document = cloudInit(profile, options);
    const config = parse(document) as CloudConfig;

    // THEN
    expect(document.startsWith("#cloud-config\n")).toBe(true);
    expect(config.write_files).toContainEqual({
      path: "/var/lib/tricloud/staged/etc/unbound/unbound.conf",
      permissions: "0600",
      content: "server:\n  port: 53\n",
    });
    expect(config.write_files.map(({ path }) => path)).not.toContain(
      "/var/lib/tricloud/staged/etc/consul.d/gossip.json",
    );
  });

  it("holds neither a secret nor what stands for it", () => {
    // GIVEN a profile with a secret
    // WHEN
    const document = cloudInit(profile, options);

    // THEN the machine fetches it by name
    expect(document).not.toContain("var.gossip");
    expect(document).toContain("fetch /etc/consul.d/gossip.json 'get secret consul-gossip'");
  });

  it("goes through the steps in the one order that works", () => {
    // GIVEN a profile with everything in it
    // WHEN
    const script = scriptOf(parsed(profile));

    // THEN
    const order = [
      "export AWS_REGION=us-east-1",
      "apt_key /etc/apt/keyrings/tricloud-hashicorp.asc https://apt.releases.example.com/gpg 0123456789ABCDEF0123456789ABCDEF01234567",
      "place /etc/apt/sources.list.d/tricloud-hashicorp.sources 0644 root root",
      "hold_services",
      "retry apt_get install awscli consul unbound",
      "release_services",
      "install-agent",
      `fetch /opt/tricloud/proxy.js 'get asset ${SHA256}' ${SHA256}`,
      `verify unbound.service 'unbound-checkconf "$STAGED/etc/unbound/unbound.conf"'`,
      "place /etc/unbound/unbound.conf 0644 root root",
      "place /etc/consul.d/gossip.json 0644 consul root",
      "place /etc/resolv.conf 0644 root root",
      "systemctl daemon-reload",
      "start unbound.service",
      "start consul.service",
      "await unbound.service 7 'dig +time=1 @127.0.0.1 localhost'",
      "await consul.service 30 'it'\\''s up'",
      "retry bash -o pipefail -c 'report healthy'",
    ];
    const found = order.map((line) => lineOf(script, line));
    expect(found).toEqual([...found].sort((a, b) => a - b));
  });

  it("is a script that bash can read, even for an empty profile", () => {
    for (const given of [profile, EMPTY_PROFILE]) {
      // GIVEN
      const script = scriptOf(parsed(given, { ...options, packages: [] }));

      // WHEN
      const { status, stderr } = spawnSync("bash", ["-n"], { input: script, encoding: "utf8" });

      // THEN
      expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    }
  });

  it("ends with an error and says so when a step fails", () => {
    // GIVEN a machine whose check of the new files fails
    const directory = mkdtempSync(join(tmpdir(), "tricloud-boot-"));
    const reported = join(directory, "reported");
    const failing: HostProfile = {
      ...EMPTY_PROFILE,
      services: [{ name: "app.service", reads: [], verify: "false" }],
    };
    const script = scriptOf(
      parsed(failing, { ...options, packages: [], prepare: [], whenFailed: `touch ${reported}` }),
    )
      // Only what needs no root on the machine that tests.
      .replaceAll("/var/lib/tricloud", directory);

    try {
      // WHEN
      const { status, stderr } = spawnSync("bash", ["-s"], { input: script, encoding: "utf8" });

      // THEN
      expect(status).toBe(1);
      expect(stderr).toContain("tricloud: failed at verification of the files for app.service");
      execFileSync("test", ["-e", reported]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("gives every text back as it was", () => {
    const line = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.constantFrom(
        "",
        " ",
        "  two",
        "\ttab",
        "- item",
        "key: value # no",
        "'",
        '"',
        "|",
        "${HOME}",
        "#",
        "---",
        "\r",
      ),
    );
    fc.assert(
      // GIVEN any text
      fc.property(fc.array(line), fc.boolean(), (lines, ended) => {
        const given = lines.join("\n") + (ended ? "\n" : "");

        // WHEN
        const config = parsed({ ...EMPTY_PROFILE, files: [{ path: "/etc/x", content: text(given) }] });

        // THEN
        expect(config.write_files[0]?.content).toBe(given);
      }),
    );
  });

  itWithCloudInit("satisfies cloud-init's own schema", () => {
    // GIVEN a document WHEN cloud-init checks it THEN
    expect(schemaComplaint(cloudInit(profile, options))).toBeUndefined();
  });
});
