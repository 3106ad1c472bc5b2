import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { parse } from "yaml";
import { cloudInit, type CloudInitOptions } from "../../../constructs/host/cloud-init";
import {
  EMPTY_PROFILE,
  type HostProfile,
  secretContent,
  textContent,
} from "../../../constructs/host/host-profile";
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
      keyFingerprint: [
        "0123456789ABCDEF0123456789ABCDEF01234567",
        "89ABCDEF0123456789ABCDEF0123456789ABCDEF",
      ],
    },
  ],
  packages: ["unbound", "consul"],
  files: [
    { path: "/etc/unbound/unbound.conf", content: textContent("server:\n  port: 53\n") },
    {
      path: "/opt/tricloud/proxy.js",
      content: { kind: "asset", source: "/x/proxy.js", sha256: SHA256 },
      mode: "0644",
    },
    {
      path: "/etc/consul.d/gossip.json",
      content: secretContent("consul-gossip", "${var.gossip}"),
      owner: "consul",
    },
    { path: "/etc/resolv.conf", content: textContent("nameserver 127.0.0.1\n") },
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

const writtenTo = (config: CloudConfig, index: number): string => {
  const path = config.runcmd[0]?.[index];
  const file = config.write_files.find((one) => one.path === path);
  if (file === undefined) throw new Error("runcmd names no written file");
  return file.content;
};
const documentOf = (config: CloudConfig): string => writtenTo(config, 2);

/** Runs what cloud-init would, in a directory that commands know as HERE. */
function booted(given: HostProfile, with_: Partial<CloudInitOptions>) {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-boot-"));
  made.push(directory);
  const config = parsed(given, {
    fetchAsset: options.fetchAsset,
    fetchSecret: options.fetchSecret,
    ...with_,
  });
  const program = join(directory, "boot");
  writeFileSync(
    program,
    writtenTo(config, 0)
      // Only what needs no root on the machine that tests.
      .replaceAll("/var/lib/tricloud", join(directory, "state"))
      .replaceAll("/run/tricloud-apply", join(directory, "run"))
      .replace("systemctl daemon-reload", "true"),
  );
  writeFileSync(join(directory, "document"), documentOf(config));
  const result = spawnSync("bash", [program, "boot", join(directory, "document")], {
    encoding: "utf8",
    env: { ...process.env, HERE: directory },
  });
  return { ...result, directory };
}

const made: string[] = [];
afterAll(() => made.forEach((directory) => rmSync(directory, { recursive: true })));

describe("cloudInit", () => {
  it("is a cloud-config document that writes each text where only root reads it", () => {
    // GIVEN a profile with a text, an asset and a secret
    // WHEN
    const document = cloudInit(profile, options);
    const config = parse(document) as CloudConfig;

    // THEN
    expect(document.startsWith("#cloud-config\n")).toBe(true);
    expect(config.write_files).toContainEqual({
      path: "/var/lib/tricloud/staged/root/etc/unbound/unbound.conf",
      permissions: "0600",
      content: "server:\n  port: 53\n",
    });
    expect(config.write_files.map(({ path }) => path)).not.toContain(
      "/var/lib/tricloud/staged/root/etc/consul.d/gossip.json",
    );
  });

  it("holds neither a secret nor what stands for it", () => {
    // GIVEN a profile with a secret
    // WHEN
    const document = cloudInit(profile, options);

    // THEN the machine fetches it by name
    expect(document).not.toContain("var.gossip");
    expect(document).toContain(
      "file 0644 consul root /etc/consul.d/gossip.json - command get%20secret%20consul-gossip\n",
    );
  });

  it("says in a document what the machine must hold", () => {
    // GIVEN a profile with everything in it
    // WHEN
    const document = documentOf(parsed(profile));

    // THEN each thing is a line, with commands as single words
    expect(document.split("\n")).toEqual([
      "aptkey hashicorp https://apt.releases.example.com/gpg 0123456789ABCDEF0123456789ABCDEF01234567,89ABCDEF0123456789ABCDEF0123456789ABCDEF",
      "aptfile 0644 root root /etc/apt/sources.list.d/tricloud-hashicorp.sources - staged -",
      "package awscli",
      "package consul",
      "package unbound",
      "file 0644 root root /etc/unbound/unbound.conf - staged -",
      `file 0644 root root /opt/tricloud/proxy.js ${SHA256} command get%20asset%20${SHA256}`,
      "file 0644 consul root /etc/consul.d/gossip.json - command get%20secret%20consul-gossip",
      "file 0644 root root /etc/resolv.conf - staged -",
      'service unbound.service - - unbound-checkconf%20"$STAGED/etc/unbound/unbound.conf" dig%20+time=1%20@127.0.0.1%20localhost 7 /etc/unbound/unbound.conf',
      "service consul.service - - - it's%20up 30 /etc/consul.d/gossip.json",
      "environment AWS_REGION us-east-1",
      "prepare install-agent",
      "healthy report%20healthy",
      "unhealthy report%20failed",
      "",
    ]);
  });

  it("ends with an error and says so when a step fails", () => {
    // GIVEN a machine whose check of the new files fails
    const failing: HostProfile = {
      ...EMPTY_PROFILE,
      services: [{ name: "app.service", reads: [], verify: "echo no port; false" }],
    };

    // WHEN
    const { status, stderr, directory } = booted(failing, { whenFailed: "touch $HERE/reported" });

    // THEN
    expect(status).toBe(1);
    expect(stderr).toBe(
      "no port\ntricloud: the new configuration of app.service is refused; nothing was changed\n",
    );
    expect(existsSync(join(directory, "reported"))).toBe(true);
  });

  it("names the step at which it failed, and says when that could not be reported", () => {
    // GIVEN a command that fails, and nobody to tell
    // WHEN
    const { status, stderr } = booted(EMPTY_PROFILE, {
      prepare: ["step 'the agent'", "false"],
      whenFailed: "exit 7",
    });

    // THEN
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "tricloud: failed at the agent\ntricloud: the failure could not be reported\n",
    });
  });

  it("gives commands their environment, whatever is in it", () => {
    // GIVEN values that a shell would take apart
    const environment = { ODD: "a 'b' \"c\" \\d %41 $HOME\n-", EMPTY: "", DASH: "-" };

    // WHEN
    const { status, directory } = booted(EMPTY_PROFILE, {
      environment,
      prepare: [`printf '%s|%s|%s' "$ODD" "$EMPTY" "$DASH" >"$HERE/environment"`],
    });

    // THEN
    expect(status).toBe(0);
    expect(readFileSync(join(directory, "environment"), "utf8")).toBe(
      `${environment.ODD}|${environment.EMPTY}|${environment.DASH}`,
    );
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
        const config = parsed({ ...EMPTY_PROFILE, files: [{ path: "/etc/x", content: textContent(given) }] });

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
