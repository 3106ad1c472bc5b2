import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { attempt, jpRegion, Testbed } from "../testbed";
import { regionSecrets } from "../testbed/region-secrets";
import { ObjectStore } from "../testbed/object-store";
import { type JobRun, WorkflowCheckout } from "../testbed/workflow-steps";
import { describeOnVirtualHosts } from "./virtual-hosts";

/*
 * The steps of the deploy and drift workflows as they are written, on a virtual host and with the state in a bucket.
 * What GitHub itself does is not there: approval, the artifact's way between jobs, cloud credentials.
 */
describeOnVirtualHosts("The deploy workflow", () => {
  let testbed: Testbed;
  let store: ObjectStore;
  let region: DedicatedRegionInput;
  let regions: string;
  let checkouts = 0;
  const secrets = regionSecrets("jp", "dedicated");

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: ["jp-1"], far: { names: ["api.example.test"] } });
    store = await ObjectStore.start();
    const value = jpRegion(testbed);
    region = {
      ...value,
      ssh: { ...value.ssh, privateKeyPath: undefined },
      backend: { type: "s3", bucket: "states", region: "ap-northeast-1" },
      consul: { ...value.consul, singleServer: true },
    };
    regions = join(testbed.directory, "regions");
    mkdirSync(regions);
  });

  afterAll(async () => {
    await store?.stop();
    // gpg leaves its agent running.
    if (testbed !== undefined)
      await attempt("gpgconf", ["--kill", "all"], { env: { GNUPGHOME: testbed.directory } });
    await testbed?.stop();
  });

  const write = (value: DedicatedRegionInput): void =>
    writeFileSync(join(regions, "jp.json"), JSON.stringify(value));

  const checkout = (): WorkflowCheckout =>
    new WorkflowCheckout(join(testbed.directory, `workflow-${++checkouts}`));

  const run = (at: WorkflowCheckout, workflow: string, job: string): Promise<JobRun> =>
    at.run(workflow, job, {
      expressions: {
        "inputs.region": "jp",
        "inputs.stack": "jp",
        "matrix.region": "jp",
        ...Object.fromEntries(
          Object.entries(secrets).map(([name, value]) => [`secrets.${name.toUpperCase()}`, value]),
        ),
        "secrets.SSH_PRIVATE_KEY": readFileSync(testbed.operator.privateKeyPath, "utf8").trim(),
        "secrets.PLAN_PASSPHRASE": "a passphrase",
      },
      env: {
        ...store.environment,
        TRICLOUD_REGIONS: regions,
        TF_CLI_CONFIG_FILE: undefined,
        NO_COLOR: "1",
        GNUPGHOME: testbed.directory,
      },
    });

  function succeeded(result: JobRun): JobRun {
    if (!result.succeeded) throw new Error(result.output);
    return result;
  }

  it("names the stacks of the region it is asked for, from the regions that there are", async () => {
    write(region);
    const { outputs } = succeeded(await run(checkout(), "deploy.yml", "stacks"));
    expect(outputs["steps.stacks.outputs.stacks"]).toBe('["jp"]');
  });

  it("applies the plan that was shown, on another machine, and leaves no plan behind", async () => {
    // GIVEN a plan of a region that is deployed nowhere
    const planning = checkout();
    const planned = succeeded(await run(planning, "deploy-stack.yml", "plan"));
    expect(planned.outputs["steps.plan.outputs.changes"]).toBe("true");
    expect(planned.summary).toContain("Planned by the providers against what is deployed.");
    expect(planned.summary).toContain("- jp-1: is set up: ");
    // THEN what is kept of it nobody can read, and the machine keeps nothing
    const kept = readFileSync(join(planning.root, "plan.tfplan.gpg"));
    for (const secret of Object.values(secrets)) expect(kept.includes(secret)).toBe(false);
    expect(kept.subarray(0, 2).toString("latin1")).not.toBe("PK");
    expect(readdirSync(planning.temporary)).toEqual([]);

    // WHEN a machine of its own applies it, with the artifact brought there
    const applying = checkout();
    writeFileSync(join(applying.root, "plan.tfplan.gpg"), kept);
    const applied = succeeded(await run(applying, "deploy-stack.yml", "apply"));

    // THEN that is done and no more, the state lies in the bucket, and nothing secret is left
    expect(applied.output).toContain("Apply complete!");
    expect(await testbed.host("jp-1").run("systemctl is-active tricloud-proxy")).toBe("active\n");
    expect([...store.objects.keys()]).toEqual(["/states/tricloud/jp.tfstate"]);
    expect(existsSync(join(applying.root, "plan.tfplan.gpg"))).toBe(false);
    expect(readdirSync(applying.temporary)).toEqual([]);
    for (const output of [planned.output, planned.summary, applied.output])
      for (const secret of Object.values(secrets)) expect(output).not.toContain(secret);

    // WHEN an older plan comes to be applied THEN Terraform refuses it
    const late = checkout();
    writeFileSync(join(late.root, "plan.tfplan.gpg"), kept);
    const refused = await run(late, "deploy-stack.yml", "apply");
    expect(refused.succeeded).toBe(false);
    expect(refused.output).toContain("Saved plan is stale");
    expect(readdirSync(late.temporary)).toEqual([]);
  });

  it("tells from the host's own record what would change there", async () => {
    // GIVEN one more origin
    write({ ...region, proxy: { ...region.proxy, allow: [...region.proxy.allow, "*.example.org"] } });

    // WHEN planned THEN the text's difference is there, though the state holds digests alone
    const { summary } = succeeded(await run(checkout(), "deploy-stack.yml", "plan"));
    write(region);
    expect(summary).toContain("- jp-1: proxy.json changes, tricloud-proxy reloads\n");
    expect(summary).toContain('+    "*.example.org"\n');
  });

  it("plans nothing to approve where nothing changes", async () => {
    const { outputs } = succeeded(await run(checkout(), "deploy-stack.yml", "plan"));
    expect(outputs["steps.plan.outputs.changes"]).toBe("false");
  });

  it("finds drift at night, on hosts too, and fails with it in the summary", async () => {
    // GIVEN a region without drift THEN the night is quiet
    succeeded(await run(checkout(), "drift.yml", "drift"));

    // WHEN somebody edits a file
    await testbed.host("jp-1").run("echo >>/etc/tricloud/proxy.json");
    const found = await run(checkout(), "drift.yml", "drift");

    // THEN the run fails and says which
    expect(found.succeeded).toBe(false);
    expect(found.summary).toMatch(/jp-1 +\/etc\/tricloud\/proxy\.json +changed on the host/);
  });

  it("refuses a state that would be lost with the machine", async () => {
    write({ ...region, backend: undefined });
    const { succeeded: passed, output } = await run(checkout(), "deploy-stack.yml", "plan");
    write(region);
    expect(passed).toBe(false);
    expect(output).toContain("::error::stack jp keeps its state in a local file");
  });
});
