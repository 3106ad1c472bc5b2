import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TerraformOutput, TerraformStack, TerraformVariable, Testing } from "cdktf";
import {
  DATABASE_PARTS,
  type DatabaseAccess,
  databaseParts,
} from "../../../constructs/service/database-access";
import { itWithTerraform, terraform } from "../terraform";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/** The parts of a database whose password is a variable, and the stack that has them as outputs. */
function partsOf(changes: Partial<DatabaseAccess> = {}) {
  const stack = new TerraformStack(Testing.app(), "jp");
  const password = new TerraformVariable(stack, "password", { sensitive: true }).stringValue;
  const access = { engine: "mysql" as const, host: "db.example.com", port: 3306, password };
  const parts = databaseParts({ ...access, databaseName: "shop", user: "web", ...changes });
  for (const [name, value] of Object.entries(parts))
    new TerraformOutput(stack, name, { value, sensitive: true, staticId: true });
  return { stack, parts };
}

/** What a URL cannot hold as it is, or Terraform or a form would take for something else. */
const PASSWORDS = ["correct horse+battery/staple", "pä$$w%rd@:/?#[]&=${x}%{y}\"'\\", "~-_.*!()"];

/** Outputs of the stack, as Terraform makes them of a password. */
function appliedWith(password: string, stack: TerraformStack): Readonly<Record<string, { value: string }>> {
  const directory = mkdtempSync(join(tmpdir(), "tricloud-database-"));
  try {
    writeFileSync(join(directory, "main.tf.json"), Testing.synth(stack));
    writeFileSync(join(directory, "given.auto.tfvars.json"), JSON.stringify({ password }));
    terraform(directory, "init", "-input=false");
    terraform(directory, "apply", "-auto-approve", "-input=false");
    return JSON.parse(terraform(directory, "output", "-json")) as Record<string, { value: string }>;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe("databaseParts", () => {
  itWithTerraform("has a URL from which clients read the password as it was given", () => {
    for (const password of PASSWORDS) {
      // GIVEN a password WHEN Terraform puts the URL together
      const outputs = appliedWith(password, partsOf().stack);
      // THEN
      const url = new URL(outputs["database-url"]!.value);
      expect(decodeURIComponent(url.password)).toBe(password);
      expect(outputs["database-password"]!.value).toBe(password);
      expect([url.protocol, url.username, url.host, url.pathname]).toEqual([
        ...["mysql:", "web", "db.example.com:3306", "/shop"],
      ]);
    }
  });

  it("says as much of the certificate as can be checked, in the engine's own words", () => {
    const modeOf = (changes: Partial<DatabaseAccess>) => partsOf(changes).parts["database-ssl-mode"];
    const authority = { caCertificates: CERTIFICATE };
    expect(modeOf({})).toBe("PREFERRED");
    expect(modeOf(authority)).toBe("VERIFY_IDENTITY");
    expect(modeOf({ ...authority, namesHost: false })).toBe("VERIFY_CA");
    expect(modeOf({ engine: "postgresql" })).toBe("prefer");
    expect(modeOf({ ...authority, engine: "postgresql", namesHost: false })).toBe("verify-ca");
    // AND in the URL, where clients of the engine read it there
    const outputOf = (changes: Partial<DatabaseAccess>) =>
      (JSON.parse(Testing.synth(partsOf(changes).stack)) as { output: Record<string, { value: string }> })
        .output["database-url"]!.value;
    expect(outputOf({ ...authority, engine: "postgresql", port: 5432 })).toContain(
      ':5432/shop?sslmode=verify-full&sslrootcert=%2Frun%2Fsecrets%2Fdatabase-ca"',
    );
    expect(outputOf(authority)).toContain(':3306/shop"');
  });

  it("has all of its parts, the authority where there is one", () => {
    expect(Object.keys(partsOf({ caCertificates: CERTIFICATE }).parts)).toEqual([...DATABASE_PARTS]);
    expect(Object.keys(partsOf().parts)).toEqual(DATABASE_PARTS.filter((part) => part !== "database-ca"));
  });

  it("refuses a password that would stand in what is synthesised, and does not show it", () => {
    const literal = () => partsOf({ password: "hunter2" });
    expect(literal).toThrow(
      "database shop of web: password must be a Terraform expression of a sensitive value, got: a literal",
    );
  });
});
