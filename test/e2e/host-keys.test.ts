import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AptSource } from "../../constructs/host";
import { run, Testbed, type VirtualHost } from "../testbed";
import { exampleProfile, HostDelivery } from "./host-delivery";
import { describeOnVirtualHosts } from "./virtual-hosts";

const VENDOR = "apt.example.test";
const KEY = "/etc/apt/keyrings/tricloud-vendor.asc";

describeOnVirtualHosts("the key of an archive that a vendor signs", () => {
  let testbed: Testbed;
  let host: VirtualHost;
  let vendor: Vendor;
  let delivery: HostDelivery;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: ["jp-1"], far: { names: [VENDOR] } });
    host = testbed.host("jp-1");
    delivery = new HostDelivery(host);
    vendor = await Vendor.create(testbed);
    await host.run("cat >/usr/local/share/ca-certificates/test.crt && update-ca-certificates", {
      input: readFileSync(testbed.far.authority, "utf8"),
    });
    await host.run(`echo "${testbed.far.address} ${VENDOR}" >>/etc/hosts`);
  });

  afterAll(async () => {
    await vendor?.stop();
    await testbed?.stop();
  });

  const source = (keyFingerprint: readonly string[]): AptSource => ({
    name: "vendor",
    uri: `https://${VENDOR}/archive`,
    suite: "./",
    components: [],
    keyUrl: `https://${VENDOR}/gpg`,
    keyFingerprint,
    onlyPackages: ["vendor-program"],
  });
  const deploy = (...fingerprints: string[]) =>
    delivery.stage(exampleProfile({ aptSources: [source(fingerprints)], packages: ["vendor-program"] }));
  const keysOnHost = async () =>
    (
      await host.run(
        `gpg --show-keys --with-colons ${KEY} 2>/dev/null | awk -F: '/^pub/ { p = 1 } p && /^fpr/ { print $10; p = 0 }'`,
      )
    )
      .trim()
      .split("\n");

  it("is the pinned one alone, whatever else the vendor's file holds", async () => {
    // GIVEN a file with a stranger's key first, then the one that signs
    vendor.publish(vendor.stranger, vendor.old);
    await vendor.sign(vendor.old);

    // WHEN
    const { code, output } = await deploy(vendor.old);

    // THEN
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(await keysOnHost()).toEqual([vendor.old]);
    expect(await host.run("cat /usr/share/vendor-program")).toBe("1\n");
  });

  it("is refused in our words when the vendor has replaced it", async () => {
    // GIVEN a vendor that publishes a new key and signs with it
    vendor.publish(vendor.young);
    await vendor.sign(vendor.young);
    await host.run("apt-get -qy purge vendor-program && rm -rf /var/lib/apt/lists/*");

    // WHEN the old fingerprint is deployed still
    const { code, output } = await deploy(vendor.old);

    // THEN it says which were expected and what was got, before apt has a word
    expect(code).toBe(1);
    expect(output).toContain(
      `apt source vendor: expected a key with fingerprint ${vendor.old}, got from https://${VENDOR}/gpg: ${vendor.young}. ` +
        "Where the vendor has replaced its key, take the new fingerprint from the vendor's own page",
    );
    expect(output).not.toContain("E: ");
  });

  it("follows a changed fingerprint", async () => {
    // GIVEN a host that has the old key WHEN the new one is named besides
    const { code } = await deploy(vendor.old, vendor.young);

    // THEN
    expect(code).toBe(0);
    expect(await keysOnHost()).toEqual([vendor.young]);
    expect(await host.run("cat /usr/share/vendor-program")).toBe("1\n");
  });

  it("follows a vendor that goes over to another of the pinned keys", async () => {
    // GIVEN a vendor that publishes both and signs with the other
    vendor.publish(vendor.old, vendor.young);
    await vendor.sign(vendor.old);
    await host.run("apt-get -qy purge vendor-program && rm -rf /var/lib/apt/lists/*");

    // WHEN the same is deployed again
    const { code } = await deploy(vendor.old, vendor.young);

    // THEN
    expect(code).toBe(0);
    expect((await keysOnHost()).sort()).toEqual([vendor.old, vendor.young].sort());
  });

  it("is refused in our words when it has expired", async () => {
    // GIVEN a vendor whose key has expired
    vendor.publish(vendor.expired);
    await host.run("apt-get -qy purge vendor-program && rm -rf /var/lib/apt/lists/*");

    // WHEN
    const { code, output } = await deploy(vendor.expired);

    // THEN
    expect(code).toBe(1);
    expect(output).toMatch(
      new RegExp(
        `apt source vendor: the key ${vendor.expired} at \\S+ is of no use any more: it expired on \\d{4}-\\d\\d-\\d\\d\n`,
      ),
    );
    expect(output).not.toContain("E: ");
  });
});

/** Somebody with an archive of one package, and keys to sign it with; all by their fingerprints. */
class Vendor {
  static async create({ far, directory }: Testbed): Promise<Vendor> {
    const vendor = new Vendor(join(far.files), join(directory, "vendor"));
    mkdirSync(vendor.home, { mode: 0o700, recursive: true });
    for (const name of ["old", "young", "stranger"] as const) vendor[name] = await vendor.makeKey(name, "0");
    vendor.expired = await vendor.makeKey("expired", "seconds=1");
    const tree = join(directory, "vendor-program");
    mkdirSync(join(tree, "usr/share"), { recursive: true });
    mkdirSync(join(tree, "DEBIAN"));
    writeFileSync(join(tree, "usr/share/vendor-program"), "1\n");
    writeFileSync(
      join(tree, "DEBIAN/control"),
      "Package: vendor-program\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.test>\nDescription: a program\n",
    );
    const archive = join(vendor.files, "archive");
    mkdirSync(archive);
    await run("dpkg-deb", ["--build", "--root-owner-group", tree, join(archive, "vendor-program_1_all.deb")]);
    const packages = await run("sh", [
      "-c",
      `cd ${archive} && dpkg-deb -f *.deb && stat -c 'Filename: ./%n\nSize: %s' *.deb && sha256sum *.deb | sed 's/\\(\\S*\\).*/SHA256: \\1/'`,
    ]);
    writeFileSync(join(archive, "Packages"), packages);
    const sum = (await run("sha256sum", [join(archive, "Packages")])).split(" ")[0];
    writeFileSync(
      join(archive, "Release"),
      `Date: ${new Date().toUTCString().replace("GMT", "UTC")}\nSHA256:\n ${sum} ${Buffer.byteLength(packages)} Packages\n`,
    );
    return vendor;
  }

  old = "";
  young = "";
  stranger = "";
  expired = "";

  private constructor(
    private readonly files: string,
    private readonly home: string,
  ) {}

  /** Offers keys in one file, in this order. */
  publish(...fingerprints: string[]): void {
    const blocks = fingerprints.map((one) => readFileSync(join(this.home, `${one}.asc`), "utf8"));
    writeFileSync(join(this.files, "gpg"), blocks.join(""));
  }

  async sign(fingerprint: string): Promise<void> {
    const archive = join(this.files, "archive");
    await this.gpg(
      "--yes",
      "-u",
      fingerprint,
      "--clearsign",
      "-o",
      join(archive, "InRelease"),
      join(archive, "Release"),
    );
  }

  /** Ends the agent that gpg has started. */
  async stop(): Promise<void> {
    await run("gpgconf", ["--homedir", this.home, "--kill", "all"]);
  }

  private async makeKey(name: string, expiry: string): Promise<string> {
    const said = await this.gpg(
      "--passphrase",
      "",
      "--status-fd",
      "1",
      "--quick-gen-key",
      name,
      "rsa3072",
      "sign",
      expiry,
    );
    const [, fingerprint = ""] = /KEY_CREATED \S+ (\S+)/.exec(said) ?? [];
    await this.gpg("--armor", "-o", join(this.home, `${fingerprint}.asc`), "--export", fingerprint);
    return fingerprint;
  }

  private gpg(...args: string[]): Promise<string> {
    return run("gpg", ["--homedir", this.home, "--batch", "--quiet", "--pinentry-mode", "loopback", ...args]);
  }
}
