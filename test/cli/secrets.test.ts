import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../cli/secrets";
import { certificatesIn, newAuthority, newCertificate } from "../../cli/secrets/consul-secrets";
import jp from "../../regions/jp";
import uk from "../../regions/uk";

const AUTHORITY = "consul-authority.tfvars.json";
const KEY = "consul-authority-key.pem";
const JP = "regions/jp.tfvars.json";

describe("tricloud secrets", () => {
  let project: string;
  let folder: string;
  let printed: string;
  const environment = process.env;

  beforeEach(() => {
    project = mkdtempSync(join(tmpdir(), "tricloud-secrets-"));
    folder = join(project, "secrets");
    process.env = { ...environment, TRICLOUD_REGIONS: project, TRICLOUD_SECRETS: folder };
    for (const value of [jp, uk]) writeFileSync(join(project, `${value.name}.json`), JSON.stringify(value));
    jest.spyOn(process.stdout, "write").mockImplementation((text) => {
      printed = String(text);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    process.env = environment;
    rmSync(project, { recursive: true });
  });

  const values = (path: string) =>
    JSON.parse(readFileSync(join(folder, path), "utf8")) as Record<string, string>;
  const files = () =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const contents = () => Object.fromEntries(files().map((file) => [file, readFileSync(file, "utf8")]));
  const certificate = (path = JP) => new X509Certificate(values(path)["consul_server_certificate"]!);
  const authorities = () =>
    certificatesIn(values(AUTHORITY)["consul_ca_certificate"]!).map((pem) => new X509Certificate(pem));

  it("makes one set for all regions, and a certificate for each, that only their owner may read", () => {
    // GIVEN a project without WHEN asked
    expect(main([])).toBe(0);
    // THEN
    const [authority] = authorities();
    expect([authority!.ca, authority!.verify(authority!.publicKey)]).toEqual([true, true]);
    for (const [name, other] of [
      ["jp", undefined],
      ["uk", "consul-server.consul.svc"],
    ] as const) {
      const own = certificate(`regions/${name}.tfvars.json`);
      expect([own.ca, own.verify(authority!.publicKey), own.checkIssued(authority!)]).toEqual([
        false,
        true,
        true,
      ]);
      for (const host of [`server.${name}.consul`, "localhost", ...(other === undefined ? [] : [other])])
        expect(own.checkHost(host)).toBe(host);
      expect(own.checkHost("server.us.consul")).toBeUndefined();
      expect(own.checkIP("127.0.0.1")).toBe("127.0.0.1");
    }
    const secret = files().filter((file) => !file.endsWith(".gitignore"));
    expect(secret).toHaveLength(6);
    for (const file of secret) expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
    expect(readFileSync(join(folder, ".gitignore"), "utf8")).toBe("*\n");
    for (const text of Object.values(values("consul-tokens.tfvars.json")))
      expect(printed).not.toContain(text);
  });

  it("writes over nothing", () => {
    // GIVEN what it has made WHEN asked again
    main([]);
    const before = contents();
    expect(main(["--json"])).toBe(0);
    // THEN
    expect(contents()).toEqual(before);
    const { files: listed } = JSON.parse(printed) as { files: { state: string }[] };
    expect(listed.map(({ state }) => state)).toEqual(Array(5).fill("kept"));
  });

  it("ends what was cut short, and takes over what there was before it", () => {
    // GIVEN a key whose certificate was never written, and a gossip key in the environment
    const gossip = Buffer.alloc(32, 7).toString("base64");
    process.env["TF_VAR_consul_gossip_key"] = gossip;
    main([]);
    rmSync(join(folder, AUTHORITY));
    rmSync(join(folder, JP));
    rmSync(join(folder, "regions/uk.tfvars.json"));
    // WHEN asked again THEN all belongs together
    expect(main([])).toBe(0);
    expect(certificate().verify(authorities()[0]!.publicKey)).toBe(true);
    expect(values("consul-gossip.tfvars.json")).toEqual({ consul_gossip_key: gossip });
  });

  it("does not begin an authority beside one that the environment has", () => {
    process.env["TF_VAR_consul_ca_certificate"] = newAuthority().certificate;
    expect(() => main([])).toThrow("TF_VAR_consul_ca_certificate, whose key is not here");
  });

  it("says when a certificate is about to end, and makes another", () => {
    // GIVEN one that was made almost two years ago
    main([]);
    const authority = {
      certificate: values(AUTHORITY)["consul_ca_certificate"]!,
      key: readFileSync(join(folder, KEY), "utf8"),
    };
    const old = newCertificate(
      authority,
      { name: "jp", platform: "dedicated" },
      new Date(Date.now() - 700 * 86_400_000),
    );
    writeFileSync(join(folder, JP), JSON.stringify(old));
    // WHEN asked THEN
    expect(main([])).toBe(1);
    // WHEN renewed THEN only that region's is another
    const { [join(folder, JP)]: _, ...others } = contents();
    expect(main(["jp", "--renew"])).toBe(0);
    expect(certificate().serialNumber).not.toBe(
      new X509Certificate(old["consul_server_certificate"]!).serialNumber,
    );
    expect(contents()).toMatchObject(others);
  });

  it("lets another authority take over in three steps", () => {
    // GIVEN one authority WHEN another is begun
    main([]);
    const [first] = authorities();
    main(["--new-authority"]);
    // THEN both are trusted, and what is shown is by the first
    expect(authorities()).toHaveLength(2);
    expect(certificate().verify(first!.publicKey)).toBe(true);
    expect(() => main(["--new-authority"])).toThrow("has 2 authorities, expected one");
    expect(() => main(["--forget-old-authority"])).toThrow(
      "jp.tfvars.json is by the authority that is to be forgotten",
    );
    // WHEN renewed and ended
    main(["--renew"]);
    main(["--forget-old-authority"]);
    // THEN
    const [second, ...more] = authorities();
    expect(more).toEqual([]);
    expect([certificate().verify(second!.publicKey), certificate().verify(first!.publicKey)]).toEqual([
      true,
      false,
    ]);
  });

  it("begins another authority once more where that was cut short before its key was there", () => {
    // GIVEN two authorities, and the key of the first
    main([]);
    const key = readFileSync(join(folder, KEY));
    main(["--new-authority"]);
    writeFileSync(join(folder, KEY), key);
    const [, first] = authorities();
    // THEN the first signs still, and a new one is begun
    main(["--renew"]);
    expect(certificate().verify(first!.publicKey)).toBe(true);
    main(["--new-authority"]);
    expect(
      authorities()
        .map(({ fingerprint256 }) => fingerprint256)
        .slice(1),
    ).toEqual([first!.fingerprint256]);
  });

  describe("where a region's proxies are called from others", () => {
    const PROXIES = "proxies/jp.tfvars.json";
    const ofProxies = () => new X509Certificate(values(PROXIES)["proxy_peer_certificate"]!);
    beforeEach(() =>
      writeFileSync(join(project, "jp.json"), JSON.stringify({ ...jp, peered: { port: 8443 } })),
    );

    it("makes them a certificate by Consul's authority, in their own name alone", () => {
      // GIVEN what was made before they were WHEN asked
      writeFileSync(join(project, "jp.json"), JSON.stringify(jp));
      main([]);
      const before = contents();
      writeFileSync(join(project, "jp.json"), JSON.stringify({ ...jp, peered: {} }));
      expect(main([])).toBe(0);
      // THEN it is added, for that region alone
      const own = ofProxies();
      expect(own.verify(authorities()[0]!.publicKey)).toBe(true);
      expect(own.subjectAltName).toBe("DNS:proxy.jp.consul, IP Address:127.0.0.1");
      expect(contents()).toMatchObject(before);
      expect(Object.keys(contents())).toHaveLength(Object.keys(before).length + 1);
      expect(statSync(join(folder, PROXIES)).mode & 0o777).toBe(0o600);
      expect(printed).toContain("certificate of jp's proxies");
    });

    it("makes those of a region on GKE theirs, too", () => {
      writeFileSync(join(project, "uk.json"), JSON.stringify({ ...uk, peered: {} }));
      main([]);
      const own = new X509Certificate(values("proxies/uk.tfvars.json")["proxy_peer_certificate"]!);
      expect(own.subjectAltName).toBe("DNS:proxy.uk.consul, IP Address:127.0.0.1");
    });

    it("is renewed with the others, and keeps an authority from being forgotten", () => {
      // GIVEN another authority, by which all but the proxies' certificate are
      main([]);
      const old = contents()[join(folder, PROXIES)]!;
      main(["--new-authority"]);
      main(["--renew"]);
      expect(ofProxies().serialNumber).not.toBe(
        new X509Certificate((JSON.parse(old) as Record<string, string>)["proxy_peer_certificate"]!)
          .serialNumber,
      );
      writeFileSync(join(folder, PROXIES), old);
      // WHEN / THEN
      expect(() => main(["--forget-old-authority"])).toThrow(
        `${PROXIES} is by the authority that is to be forgotten`,
      );
    });

    it("prints it with the region's other variables", () => {
      expect(() => main(["--show", "jp"])).toThrow("is missing");
      main([]);
      expect(main(["--show", "jp"])).toBe(0);
      expect(Object.keys(JSON.parse(printed) as object)).toEqual(
        expect.arrayContaining(["consul_server_key", "proxy_peer_certificate", "proxy_peer_key"]),
      );
      // AND not with those of a region whose proxies nobody calls
      expect(main(["--show", "uk"])).toBe(0);
      expect(printed).not.toContain("proxy_peer");
    });
  });

  it("prints a region's variables for another store, all of them", () => {
    main([]);
    expect(main(["--show", "jp"])).toBe(0);
    expect(Object.keys(JSON.parse(printed) as object).sort()).toEqual([
      "consul_agent_token",
      "consul_ca_certificate",
      "consul_dns_token",
      "consul_gossip_key",
      "consul_management_token",
      "consul_server_certificate",
      "consul_server_key",
    ]);
  });

  it.each<[string, string[], string]>([
    ["a region that there is not", ["nowhere"], 'no region "nowhere", expected one of jp, uk'],
    [
      "two changes at once",
      ["--renew", "--new-authority"],
      "expected one at a time, got: --renew --new-authority",
    ],
    [
      "what was never made",
      ["--show", "jp"],
      'consul-gossip.tfvars.json is missing: "tricloud secrets" makes it',
    ],
  ])("refuses %s", (_what, args, message) => {
    expect(() => main(args)).toThrow(message);
  });

  it("tells nothing of a file that is not as it must be", () => {
    main([]);
    writeFileSync(join(folder, "consul-tokens.tfvars.json"), '"secret"');
    expect(() => main([])).toThrow(
      /consul-tokens\.tfvars\.json: expected a JSON object of texts, got something else$/,
    );
  });
});
