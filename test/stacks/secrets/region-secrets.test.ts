import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { newAuthority, newCertificate, newGossip, newTokens } from "../../../cli/secrets/consul-secrets";
import { giveSecrets } from "../../../stacks/secrets/region-secrets";
import { type DedicatedRegion, validateRegions } from "../../../stacks/values/regions";
import { JpStack } from "../../../stacks/jp";
import { dedicatedRegionValue } from "../values/regions/region-values";

describe("the secrets of a stack", () => {
  let directory: string;
  let secrets: string;
  const environment = process.env;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "tricloud-region-secrets-"));
    secrets = join(directory, "secrets");
    mkdirSync(join(secrets, "regions"), { recursive: true });
    process.env = { ...environment, TRICLOUD_SECRETS: secrets };
  });

  afterEach(() => {
    process.env = environment;
    rmSync(directory, { recursive: true });
  });

  /** What is to be known of JP, synthesised with that Consul. */
  function given(consul: object = {}): string[] {
    const app = new App({ outdir: join(directory, "cdktf.out"), stackTraces: false });
    const [region] = validateRegions([{ file: "jp.json", value: dedicatedRegionValue({ consul }) }]);
    const stack = new JpStack(app, region as DedicatedRegion);
    app.synth();
    return giveSecrets([stack], app.outdir);
  }
  const links = (): string[] =>
    readdirSync(join(directory, "cdktf.out/stacks/jp")).filter((name) => name.endsWith(".auto.tfvars.json"));
  const write = (path: string, value: object): void =>
    writeFileSync(join(secrets, path), JSON.stringify(value));
  function writeAll(now = new Date()): void {
    const authority = newAuthority(now);
    write("consul-gossip.tfvars.json", newGossip());
    write("consul-tokens.tfvars.json", newTokens());
    write("consul-authority.tfvars.json", { consul_ca_certificate: authority.certificate });
    write("regions/jp.tfvars.json", newCertificate(authority, { name: "jp", platform: "dedicated" }, now));
  }

  it("are named where there are none, with the command that makes them", () => {
    expect(given()).toEqual([
      expect.stringMatching(
        /^jp: Terraform refuses a deploy without consul_gossip_key, .*: "npx tricloud secrets" makes them$/,
      ),
    ]);
    expect(links()).toEqual([]);
  });

  it("are read by Terraform where they lie", () => {
    // GIVEN what the command makes WHEN synthesised THEN
    writeAll();
    expect(given()).toEqual([]);
    expect(links()).toHaveLength(4);
    const read = Object.assign(
      {},
      ...links().map(
        (name) => JSON.parse(readFileSync(join(directory, "cdktf.out/stacks/jp", name), "utf8")) as object,
      ),
    ) as Record<string, string>;
    expect(Object.keys(read)).toHaveLength(7);
  });

  it("are left out where a stack does not ask for them, whatever it asked for before", () => {
    writeAll();
    given();
    expect(given({ tls: false, acl: false })).toEqual([]);
    expect(links()).toEqual(["tricloud-consul-gossip.auto.tfvars.json"]);
  });

  it("may be in the environment", () => {
    process.env["TF_VAR_consul_gossip_key"] = newGossip()["consul_gossip_key"];
    expect(given({ tls: false, acl: false })).toEqual([]);
  });

  it("say when a certificate is about to end", () => {
    writeAll(new Date(Date.now() - 700 * 86_400_000));
    expect(given()).toEqual([
      expect.stringMatching(
        /^jp: the certificate of Consul's servers ends on \d{4}-\d\d-\d\d: "npx tricloud secrets --renew" makes another one$/,
      ),
    ]);
  });
});
