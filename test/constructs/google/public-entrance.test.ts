import { PublicEntrance, type PublicEntranceProps } from "../../../constructs/google";
import { type Attributes, removeSynthesised, synthesise } from "./synthesised-stack";

afterAll(removeSynthesised);

const entrance = (changes: Partial<PublicEntranceProps> = {}) => {
  let built: PublicEntrance | undefined;
  const stack = synthesise((scope) => {
    built = new PublicEntrance(scope, "entrance", {
      name: "uk",
      zone: "uk.example.com",
      hosts: ["uk.example.com", "www.uk.example.com"],
      ...changes,
    });
  });
  return { stack, entrance: built! };
};

describe("PublicEntrance", () => {
  it("answers for its domain, signed, and leads every host to one global address", () => {
    const { stack } = entrance();
    expect(stack.one("google_dns_managed_zone")).toMatchObject({
      dns_name: "uk.example.com.",
      dnssec_config: { state: "on" },
    });
    const records = Object.values(stack.resources("google_dns_record_set"));
    expect(records.filter(({ type }) => type === "A").map(({ name }) => name)).toEqual([
      "uk.example.com.",
      "www.uk.example.com.",
    ]);
    for (const record of records.filter(({ type }) => type === "A")) {
      expect((record["rrdatas"] as string[])[0]).toMatch(
        /^\$\{google_compute_global_address\..*\.address\}$/,
      );
    }
  });

  it("has a certificate for the domain and the names below it, proven by a record of its own zone", () => {
    const { stack, entrance: built } = entrance();
    expect(stack.one("google_certificate_manager_certificate")).toMatchObject({
      managed: { domains: ["uk.example.com", "*.uk.example.com"] },
    });
    expect(stack.one("google_certificate_manager_certificate_map")["name"]).toBe(
      built.names.certificateMapName,
    );
    const proof = Object.values(stack.resources("google_dns_record_set")).find(
      ({ type }) => type === "CNAME",
    );
    expect(proof?.["name"]).toMatch(
      /google_certificate_manager_dns_authorization\..*dns_resource_record\[0\]\.name/,
    );
  });

  it("refuses attacks and those who ask too often, and lets in everybody else", () => {
    const { stack } = entrance({ requestsPerMinute: 100 });
    const policy = stack.one("google_compute_security_policy");
    const rules = policy["rule"] as Attributes[];
    expect(policy["name"]).toBe("uk-public");
    expect(new Set(rules.map(({ priority }) => priority)).size).toBe(rules.length);
    expect(rules.find(({ action }) => action === "rate_based_ban")).toMatchObject({
      rate_limit_options: { rate_limit_threshold: { count: 100, interval_sec: 60 }, enforce_on_key: "IP" },
    });
    // The rule of lowest priority, which the API requires, is the one that lets in.
    expect(rules.find(({ priority }) => priority === 2147483647)).toMatchObject({ action: "allow" });
  });

  it("reports what looks like an attack until it is told to refuse it", () => {
    // Signatures also hit what users send: what would be refused is seen first.
    const previews = (stack: ReturnType<typeof entrance>["stack"]) =>
      (stack.one("google_compute_security_policy")["rule"] as Attributes[])
        .filter(({ action, description }) => action === "deny(403)" && description !== "Refuse cve-canary")
        .map(({ preview }) => preview);
    expect(new Set(previews(entrance().stack))).toEqual(new Set([true]));
    expect(new Set(previews(entrance({ attacks: "refuse" }).stack))).toEqual(new Set([false]));
  });

  it("refuses exploits of known holes in any case", () => {
    const rules = entrance().stack.one("google_compute_security_policy")["rule"] as Attributes[];
    expect(rules.find(({ description }) => description === "Refuse cve-canary")).toMatchObject({
      action: "deny(403)",
      preview: false,
    });
    expect(new Set(rules.map(({ priority }) => priority)).size).toBe(rules.length);
  });

  it("has a policy against outdated TLS, which a Gateway finds by its name", () => {
    const { stack, entrance: built } = entrance();
    expect(stack.one("google_compute_ssl_policy")).toMatchObject({
      name: built.names.sslPolicyName,
      profile: "MODERN",
      min_tls_version: "TLS_1_2",
    });
  });

  it("puts out what the zone above needs: name servers, and the key that it vouches for", () => {
    const outputs = Object.entries(entrance().stack.json["output"] as Record<string, Attributes>);
    const valueOf = (id: string) => outputs.find(([name]) => name.includes(id))?.[1]["value"];
    expect(valueOf("name-servers")).toMatch(/google_dns_managed_zone\..*\.name_servers/);
    expect(valueOf("ds-record")).toMatch(/data\.google_dns_keys\..*key_signing_keys\[0\]\.ds_record/);
    expect(valueOf("public-address")).toMatch(/google_compute_global_address\..*\.address/);
  });

  it("promises what Google promises for names and load balancing", () => {
    expect(entrance().entrance.availability).toMatchObject({
      type: "series",
      blocks: [{ availability: 1 }, { availability: 0.9999 }],
    });
  });

  it.each([
    [{ hosts: ["www.example.com"] }, /one label below it, got: "www\.example\.com"/],
    [{ hosts: ["a.b.uk.example.com"] }, /got: "a\.b\.uk\.example\.com"/],
    [{ hosts: ["notuk.example.com"] }, /got: "notuk\.example\.com"/],
    [{ hosts: [] }, /expected at least one host, got: none/],
    [{ requestsPerMinute: 0 }, /requestsPerMinute must be at least 1, got: 0/],
  ])("refuses %j", (changes, message) => {
    expect(() => entrance(changes)).toThrow(message);
  });
});
