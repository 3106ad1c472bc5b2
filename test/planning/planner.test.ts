import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigMapV1 } from "@cdktf/provider-kubernetes/lib/config-map-v1";
import { KubernetesProvider } from "@cdktf/provider-kubernetes/lib/provider";
import { ServiceV1 } from "@cdktf/provider-kubernetes/lib/service-v1";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { DataAwsAvailabilityZones } from "@cdktf/provider-aws/lib/data-aws-availability-zones";
import { Release } from "@cdktf/provider-helm/lib/release";
import { HelmProvider } from "@cdktf/provider-helm/lib/provider";
import { Manifest } from "@cdktf/provider-kubernetes/lib/manifest";
import { SecurityGroup } from "@cdktf/provider-aws/lib/security-group";
import {
  type App,
  DataResource,
  DataTerraformRemoteStateS3,
  Fn,
  S3Backend,
  TerraformOutput,
  TerraformStack,
  TerraformVariable,
} from "cdktf";
import { Planner } from "../../planning/planner";
import { summarise } from "../../planning/plan/summary";
import { readStacks } from "../../planning/stack/synthesized-stacks";
import {
  ToyAwsStack,
  ToyGoogleStack,
  planAll,
  removeDirectories,
  synthesise,
  testDirectory,
} from "./toy-app";

jest.setTimeout(60_000);
afterAll(removeDirectories);

/** Applies an app's stacks against the double and hands their states to `use` while they exist. */
async function withApplied<T>(out: string, use: (states: Map<string, string>) => Promise<T>): Promise<T> {
  const stacks = readStacks(out);
  const planner = await Planner.start({ stacks, resolveFrom: [__dirname] });
  try {
    const states = new Map<string, string>();
    for (const applied of await Promise.all(stacks.map((stack) => planner.apply(stack)))) {
      if (!applied.succeeded) throw new Error(applied.text);
      states.set(applied.stack, applied.state);
    }
    return await use(states);
  } finally {
    planner.close();
  }
}

async function planChange(before: (app: App) => void, after: (app: App) => void): Promise<string> {
  const plans = await withApplied(synthesise(before), (states) => planAll(synthesise(after), { states }));
  const [plan] = Object.values(plans);
  if (plan?.succeeded !== true) throw new Error(plan?.text);
  return plan.text;
}

describe("a plan of what is not deployed", () => {
  test("adds everything, and leaves to the provider what only it knows", async () => {
    // WHEN a stack is planned
    const { toy } = await planAll(synthesise((app) => new ToyAwsStack(app)));

    // THEN it is Terraform's own plan
    expect(toy?.text).toContain("Plan: 3 to add, 0 to change, 0 to destroy.");
    expect(toy?.text).toMatch(/\+ arn += \(known after apply\)/);
    expect(toy?.text).toMatch(/\+ cidr_block += "10\.0\.0\.0\/16"/);
    expect(summarise(toy?.plan ?? {}).total).toEqual({ add: 3, change: 0, replace: 0, destroy: 0 });
  });

  test("lets other providers be configured from a cluster that does not exist yet", async () => {
    // GIVEN a cluster, and what runs in it with a manifest of any shape
    const { toy } = await planAll(
      synthesise((app) => {
        const stack = new ToyGoogleStack(app);
        const { cluster } = stack;
        const connection = {
          host: `https://${cluster.endpoint}`,
          clusterCaCertificate: Fn.base64decode(cluster.masterAuth.clusterCaCertificate),
        };
        new KubernetesProvider(stack, "kubernetes", connection);
        new HelmProvider(stack, "helm", { kubernetes: connection });
        new ConfigMapV1(stack, "map", { metadata: { name: "map" }, data: { endpoint: cluster.endpoint } });
        new Manifest(stack, "manifest", {
          manifest: {
            apiVersion: "v1",
            kind: "Thing",
            metadata: { name: "thing" },
            spec: { ports: [1, "two"] },
          },
        });
        new Release(stack, "release", { name: "consul", chart: "consul", set: [{ name: "a", value: "b" }] });
      }),
    );

    // THEN the plan holds them all
    expect(toy?.text).toContain("Plan: 4 to add, 0 to change, 0 to destroy.");
  });

  test("answers data sources", async () => {
    // GIVEN a stack that takes its zones from the cloud
    const { toy } = await planAll(
      synthesise((app) => {
        const stack = new ToyAwsStack(app);
        const zones = new DataAwsAvailabilityZones(stack, "zones", { state: "available" });
        new TerraformOutput(stack, "third", { value: Fn.element(zones.names, 2) });
      }),
    );

    // THEN there are zones
    expect(toy?.text).toContain('third = "planned-c"');
  });

  test("makes up variables without a default, and takes given ones", async () => {
    // GIVEN variables with and without a default
    const out = synthesise((app) => {
      const stack = new ToyAwsStack(app);
      const names = ["made_up", "given", "defaulted"].map((name) => {
        const variable = new TerraformVariable(stack, name, {
          type: "string",
          default: name === "defaulted" ? "default" : undefined,
        });
        return new TerraformOutput(stack, `${name}_out`, { value: variable.value });
      });
      const list = new TerraformVariable(stack, "list", { type: "list(object({ port = number }))" });
      names.push(new TerraformOutput(stack, "port", { value: "${var.list[0].port + 1}" }));
      expect(list.type).toContain("list");
    });

    // WHEN it is planned
    const { toy } = await planAll(out, { variables: new Map([["given", "mine"]]) });

    // THEN each has a value of its type
    expect(toy?.text).toMatch(/made_up_out += "planned-made_up"/);
    expect(toy?.text).toMatch(/given_out += "mine"/);
    expect(toy?.text).toMatch(/defaulted_out += "default"/);
    expect(toy?.text).toMatch(/port += 2/);
  });

  test("hides what hints call sensitive", async () => {
    const { toy } = await planAll(
      synthesise((app) => {
        new ToyAwsStack(app).addOverride("resource.aws_ssm_parameter.password", {
          name: "password",
          type: "SecureString",
          value: "hunter2",
        });
      }),
    );
    expect(toy?.text).toMatch(/\+ value += \(sensitive value\)/);
    expect(toy?.text).not.toContain("hunter2");
  });
});

describe("stacks that read each other's outputs", () => {
  test("get them as if the other had been deployed", async () => {
    // GIVEN a stack that uses another's resource, and reads its state by its address too
    const plans = await planAll(
      synthesise((app) => {
        const us = new ToyAwsStack(app, "us");
        new S3Backend(us, { bucket: "states", key: "us", region: "us-east-1" });
        new TerraformOutput(us, "cidr", { value: us.vpc.cidrBlock });
        const uk = new TerraformStack(app, "uk");
        new KubernetesProvider(uk, "kubernetes");
        const state = new DataTerraformRemoteStateS3(uk, "state", {
          bucket: "states",
          key: "us",
          region: "us-east-1",
          workspace: "default",
        });
        const data = { id: us.vpc.id, cidr: state.getString("cidr") };
        new ConfigMapV1(uk, "map", { metadata: { name: "us" }, data });
      }),
    );

    // THEN both plan, and the reader sees the other's values
    expect(plans["us"]?.succeeded).toBe(true);
    expect(plans["uk"]?.text).toMatch(/"id" += \(sensitive value\)|"id" += "vpc-/);
    expect(plans["uk"]?.text).toMatch(/"cidr" += "10\.0\.0\.0\/16"|data +=.*sensitive/);
    expect(plans["uk"]?.text).toContain("Plan: 1 to add");
  });

  test("say which of them fails", async () => {
    // GIVEN a stack that needs a broken one
    const plans = await planAll(
      synthesise((app) => {
        const us = new ToyAwsStack(app, "us");
        us.vpc.addOverride("cidr_block", "everywhere");
        const uk = new ToyAwsStack(app, "uk");
        uk.subnet.vpcId = us.vpc.id;
      }),
    );

    // THEN the reader fails with the reason
    expect(plans["uk"]?.succeeded).toBe(false);
    expect(plans["uk"]?.text).toContain('reads the state of stack "us", which fails');
    expect(plans["uk"]?.text).toContain('got "everywhere"');
  });

  test("take given outputs of other apps", async () => {
    // GIVEN a stack that reads a map from a state nobody here has
    const out = synthesise((app) => {
      const stack = new ToyAwsStack(app);
      const key = { bucket: "states", key: "tokyo", region: "us-east-1" };
      const remote = new DataTerraformRemoteStateS3(stack, "tokyo", key);
      new TerraformOutput(stack, "zone", { value: Fn.lookup(remote.get("zones"), "first", "none") });
    });

    // WHEN its outputs are given
    const zones = { value: { first: "z1" }, type: ["map", "string"] };
    const { toy } = await planAll(out, { remoteOutputs: new Map([["tokyo", { zones }]]) });

    // THEN they are used
    expect(toy?.text).toMatch(/zone += "z1"/);
  });

  test("may read each other in a circle, and states of other apps", async () => {
    // GIVEN two stacks that read each other, and one that reads a state nobody here has
    const peer = (app: App, name: string, other: string): void => {
      const stack = new ToyAwsStack(app, name);
      new S3Backend(stack, { bucket: "states", key: name, region: "us-east-1" });
      const remote = new DataTerraformRemoteStateS3(stack, "peer", {
        bucket: "states",
        key: other,
        region: "us-east-1",
      });
      new TerraformOutput(stack, "address", { value: `${remote.getString("address")}!` });
      new TerraformOutput(stack, "first", { value: Fn.element(remote.getList("addresses"), 0) });
      new TerraformOutput(stack, "indexed", {
        value: "${data.terraform_remote_state.peer.outputs.servers[0]}",
      });
    };
    const plans = await planAll(
      synthesise((app) => {
        peer(app, "us", "uk");
        peer(app, "uk", "us");
      }),
    );

    // THEN outputs are stood in for by their names
    expect([plans["us"]?.succeeded, plans["uk"]?.succeeded]).toEqual([true, true]);
    expect(plans["us"]?.text).toMatch(/address += "planned-peer-address!"/);
    expect(plans["us"]?.text).toMatch(/first += "planned-peer-addresses"/);
    expect(plans["us"]?.text).toMatch(/indexed += "planned-peer-servers"/);
    expect(plans["uk"]?.text).toMatch(/address += "planned-peer-address!"/);
  });
});

describe("a plan of what is deployed already", () => {
  const toy = (cidr?: string, tag?: string) => (app: App) => void new ToyAwsStack(app, "toy", cidr, tag);

  test("is empty when nothing changes", async () => {
    const everything = (app: App): void => {
      const stack = new ToyAwsStack(app);
      stack.template.putMetadataOptions({ httpTokens: "required" });
      new SecurityGroup(stack, "group", {
        ingress: [{ fromPort: 80, toPort: 80, protocol: "tcp", cidrBlocks: ["10.0.0.0/8"] }],
      });
      new KubernetesProvider(stack, "kubernetes");
      new ServiceV1(stack, "service", {
        metadata: { name: "service", labels: { app: "a" } },
        spec: { port: [{ port: 80 }, { port: 443 }] },
      });
      new Manifest(stack, "manifest", {
        manifest: { apiVersion: "v1", kind: "Thing", spec: { ports: [1, "two"] } },
      });
      new ToyGoogleStack(app, "google").cluster.putReleaseChannel({ channel: "STABLE" });
    };
    const out = synthesise(everything);
    const plans = await withApplied(out, (states) => planAll(out, { states }));
    expect(plans["toy"]?.text).toContain("No changes. Your infrastructure matches the configuration.");
    expect(plans["google"]?.text).toContain("No changes. Your infrastructure matches the configuration.");
  });

  test("changes in place what can be changed", async () => {
    const text = await planChange(toy(), toy("10.0.0.0/16", "other"));
    expect(text).toContain("aws_vpc.vpc will be updated in-place");
    expect(text).toContain('~ "Name" = "toy" -> "other"');
    expect(text).toContain("Plan: 0 to add, 1 to change, 0 to destroy.");
  });

  test("replaces what cannot, and what hangs on it", async () => {
    const text = await planChange(toy(), toy("10.1.0.0/16"));
    expect(text).toMatch(/cidr_block += "10\.0\.0\.0\/16" -> "10\.1\.0\.0\/16" # forces replacement/);
    expect(text).toMatch(
      /vpc_id += "vpc-planned-\w+" # forces replacement -> \(known after apply\)|vpc_id += "vpc-planned-\w+" -> \(known after apply\) # forces replacement/,
    );
    expect(text).toContain("Plan: 2 to add, 0 to change, 2 to destroy.");
  });

  test("destroys what the stack no longer names, whatever its type", async () => {
    // GIVEN a deployed stack whose provider the new one does not use at all
    const text = await planChange(toy(), (app) => {
      const stack = new TerraformStack(app, "toy");
      new KubernetesProvider(stack, "kubernetes");
    });
    expect(text).toContain("Plan: 0 to add, 0 to change, 3 to destroy.");
  });

  test("never runs provisioners", async () => {
    // GIVEN a resource whose provisioner would leave a trace
    const trace = join(testDirectory(), "trace");
    const out = synthesise((app) => {
      const stack = new TerraformStack(app, "toy");
      new AwsProvider(stack, "aws");
      new DataResource(stack, "host", {
        provisioners: [{ type: "local-exec", command: `touch ${trace}` }],
      });
    });

    // WHEN it is applied against the double
    await withApplied(out, async (states) => {
      // THEN the state is there and the trace is not
      expect(states.get("toy")).toBeDefined();
      expect(() => writeFileSync(trace, "", { flag: "wx" })).not.toThrow();
    });
  });
});
