import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App } from "cdktf";
import { OneServerStack } from "../../examples/one-dedicated-server/main";

describe("the example of one dedicated server", () => {
  it("delivers a web server and a resolver over SSH, with the host's key pinned", () => {
    // GIVEN the example
    const outdir = mkdtempSync(join(tmpdir(), "tricloud-example-"));
    try {
      const app = new App({ outdir });
      new OneServerStack(app, "one-server");

      // WHEN synthesised
      app.synth();

      // THEN
      const stack = JSON.parse(readFileSync(join(outdir, "stacks/one-server/cdk.tf.json"), "utf8")) as {
        resource: Record<string, Record<string, { triggers_replace?: Record<string, string> }>>;
      };
      expect(Object.keys(stack.resource)).toEqual(["terraform_data"]);
      const triggers = Object.values(stack.resource["terraform_data"] ?? {}).flatMap(
        ({ triggers_replace: each }) => Object.keys(each ?? {}),
      );
      expect(triggers).toEqual(
        expect.arrayContaining([
          "/srv/hello/index.html",
          "nginx.service",
          "/etc/unbound/tricloud.conf",
          "unbound.service",
        ]),
      );
      expect(JSON.stringify(stack)).toContain("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOd4K+SXucP1");
    } finally {
      rmSync(outdir, { recursive: true });
    }
  });
});
