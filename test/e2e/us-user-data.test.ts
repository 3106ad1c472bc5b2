import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { AwsProvider } from "@cdktf/provider-aws/lib/provider";
import { type App, TerraformStack } from "cdktf";
import { AssetBucket, MachineLog, Network, SecretStore, ServerGroup } from "../../constructs/aws";
import { snapshotPermissions } from "../../constructs/aws/snapshot-permissions";
import { ConsulCluster, LocalResolver } from "../../constructs/dns";
import { shellWord } from "../../constructs/grammar/shell-word";
import { AggregationProxy, proxyBundle } from "../../constructs/proxy";
import { Testbed, until, type VirtualHost } from "../testbed";
import { publishAgent } from "../testbed/ec2/agent-package";
import { Aws, AWS_REGION, type Call, type Credentials, temporaryCredentials } from "../testbed/ec2/aws";
import { Cloud, type GroupPlan } from "../testbed/ec2/cloud";
import { giveUserData, machineFromImage } from "../testbed/ec2/machine";
import { Stack } from "../testbed/ec2/stack";
import { VPC_RESOLVER } from "../testbed/ec2/vpc-resolver";
import { FAR_ADDRESS } from "../testbed/network";
import { describeOnVirtualHosts } from "./virtual-hosts";

const ORIGIN = "api.example.com";
/** A name of the VPC's own side: a database, say. */
const DATABASE = `us-db.c0ffee.${AWS_REGION}.rds.amazonaws.com`;
/** 32 bytes, of no use anywhere else. */
const GOSSIP_KEY = Buffer.alloc(32, "us").toString("base64");
const SERVICES = ["unbound.service", "consul.service", "tricloud-proxy.service"];

describeOnVirtualHosts("a machine of the US that boots with its user data", () => {
  let testbed: Testbed;
  let machine: VirtualHost;
  let aws: Aws;
  let group: GroupPlan;
  let instance: string;

  beforeAll(async () => {
    // GIVEN a VPC whose machines see AWS and the world by name only
    testbed = await Testbed.boot({ hosts: [], far: { names: [ORIGIN] } });
    aws = await Aws.start(testbed, { [ORIGIN]: FAR_ADDRESS, [DATABASE]: testbed.network.gateway });
    await publishAgent(aws, testbed.directory);
    await aws.createBucket(SNAPSHOTS);
    const stack = await Stack.synthesise(testbed.directory, "us", (app) => oneMachine(app, testbed));
    [group] = (await new Cloud(aws, { consul_gossip_key: GOSSIP_KEY }).apply(stack)) as [GroupPlan];
    // and Debian as its image for EC2 has it, with the user data where cloud-init finds it
    machine = await machineFromImage(testbed, aws.authority);
    instance = await aws.runInstance(machine.address, group.tags);
    admit(instance);
    giveUserData(machine, instance, group.userData);
    // WHEN it boots
    await reboot(machine);
  });

  afterAll(() => testbed?.stop());

  /** Lets the machine have its role's credentials, as the instance that it is. */
  const admit = (id: string, credentials: Credentials = temporaryCredentials()): Credentials => {
    const { statements, name } = group;
    aws.admit({ id, address: machine.address, zone: `${AWS_REGION}a`, role: name, statements, credentials });
    return credentials;
  };

  it("is taken by cloud-init without a complaint", async () => {
    const status = await machine.run("cloud-init status --format json --wait");
    expect(JSON.parse(status)).toMatchObject({ status: "done", errors: [] });
    expect(await machine.run("cloud-init schema --system 2>&1")).toMatch(/Valid/);
  });

  it("ends with unbound, Consul and the proxy healthy", async () => {
    const states = await machine.run(`systemctl is-active ${SERVICES.join(" ")}`);
    expect(states.trim().split("\n")).toEqual(["active", "active", "active"]);
    const enabled = await machine.run(`systemctl is-enabled ${SERVICES.join(" ")}`);
    expect(enabled.trim().split("\n")).toEqual(["enabled", "enabled", "enabled"]);
    await machine.run("curl -fsS http://127.0.0.1:9300/readyz");
  });

  it("runs the very proxy that lies in S3", async () => {
    const { sha256 } = proxyBundle();
    const installed = await machine.run("sha256sum /usr/local/lib/tricloud/tricloud-proxy.js");
    expect(installed.split(" ")[0]).toBe(sha256);
  });

  it("has fetched the secret by its version, and put it where only Consul reads it", async () => {
    expect(aws.calls("secretsmanager:GetSecretValue")).toEqual([
      expect.objectContaining({ instance, VersionId: expect.any(String) as string }),
    ]);
    expect(JSON.parse(await machine.run("cat /etc/tricloud/consul/gossip.json"))).toEqual({
      encrypt: GOSSIP_KEY,
    });
    expect(await machine.run("stat -c '%a %U %G' /etc/tricloud/consul/gossip.json")).toBe(
      "640 root consul\n",
    );
    expect(group.userData).not.toContain(GOSSIP_KEY);
    expect((await machine.attempt("ls /var/lib/tricloud/staged")).code).not.toBe(0);
  });

  it("has told its group that it may take work", () => {
    expect(aws.calls(COMPLETE)).toEqual([
      expect.objectContaining({
        LifecycleActionResult: "CONTINUE",
        LifecycleHookName: "boot",
        AutoScalingGroupName: "us-machine",
        InstanceId: instance,
      }),
    ]);
  });

  it("has found the Consul servers by their tag, and registered with Session Manager", () => {
    expect(aws.calls("ec2:DescribeInstances")).not.toEqual([]);
    expect(aws.calls("ssm:UpdateInstanceInformation")).toEqual([
      expect.objectContaining({ instance, InstanceId: instance }),
    ]);
  });

  it("resolves public names behind a resolver that knows nothing of DNSSEC, and private addresses of AWS's", async () => {
    await machine.run("apt-get -qy --no-install-recommends install bind9-dnsutils");
    const answer = (question: string) => machine.run(`dig +short ${question}`);
    expect(await answer(`@127.0.0.1 ${ORIGIN}`)).toBe(`${FAR_ADDRESS}\n`);
    expect(await answer(`@127.0.0.2 ${ORIGIN}`)).toBe(`${FAR_ADDRESS}\n`);
    expect(await answer(`@127.0.0.1 ${DATABASE}`)).toBe(`${testbed.network.gateway}\n`);
    // THEN the VPC's resolver is what the documents say
    expect(await answer(`@${VPC_RESOLVER} +dnssec . DNSKEY`)).toBe("");
    expect(await answer(`@${VPC_RESOLVER} +dnssec +cd ${ORIGIN}`)).toBe(`${FAR_ADDRESS}\n`);
  });

  it("calls another cloud through the proxy, found by name", async () => {
    expect(await machine.run(`curl -fsS -m 10 http://${ORIGIN}.ccnproxy-https/hc`)).toBe(
      `ok from ${ORIGIN}\n`,
    );
  });

  it("has its journal kept in CloudWatch, each entry once, and tells how full its disk and memory are", async () => {
    // GIVEN something that is said after the boot WHEN the machine has been asked to send what it has
    await machine.run("logger -t shop 'an order of 4711 euros'");
    await machine.run(`systemctl restart ${WATCH}`);
    // THEN
    const said = await aws.logged(LOG_GROUP, instance);
    expect(said.filter((line) => line === "shop: an order of 4711 euros")).toHaveLength(1);
    expect(said.filter((line) => line.endsWith("tricloud: done"))).toHaveLength(1);
    expect(said.length).toBeGreaterThan(100);
    const told = await until("metrics", 180_000, async () => {
      const calls = aws.calls("cloudwatch:PutMetricData");
      return calls.length > 0 ? calls : undefined;
    });
    expect(told[0]).toMatchObject({
      instance,
      "MetricData.member.1.Dimensions.member.1.Value": "us-machine",
    });
    for (const [number, metric] of ["DiskUsed", "MemoryUsed"].entries()) {
      const member = `MetricData.member.${number + 1}`;
      expect(told[0]?.[`${member}.MetricName`]).toBe(metric);
      expect(Number(told[0]?.[`${member}.Value`])).toBeGreaterThan(0);
      expect(Number(told[0]?.[`${member}.Value`])).toBeLessThan(100);
    }
  });

  it("keeps snapshots in S3 with its role's credentials, and brings one back", async () => {
    // GIVEN a snapshot in the bucket, and something lost since
    await machine.run("consul kv put orders/last 4711 && systemctl start tricloud-consul-snapshot");
    await machine.run("consul kv delete orders/last");
    expect(aws.calls("s3:PutObject")).toEqual([expect.objectContaining({ instance, bucket: SNAPSHOTS })]);
    // WHEN
    await machine.run("/usr/local/lib/tricloud/consul-snapshot restore");
    // THEN
    expect(await machine.run("consul kv get orders/last")).toBe("4711\n");
  });

  it("comes back with everything running after a reboot, without fetching again", async () => {
    // GIVEN the booted machine WHEN it is switched off and on
    await reboot(machine);
    // THEN
    await until("the call through the proxy", 30_000, async () => {
      const { code } = await machine.attempt(`curl -fsS -m 5 http://${ORIGIN}.ccnproxy-https/hc`);
      return code === 0 || undefined;
    });
    expect(aws.calls(COMPLETE)).toHaveLength(1);
  });

  it("has signed every request with its role's credentials, and asked for nothing beyond its policy", () => {
    expect(aws.refused).toEqual([]);
  });

  describe("and asks S3 for the proxy", () => {
    const { source } = proxyBundle();
    let url: { readonly object: string; readonly version: string };
    let credentials: Credentials;
    beforeAll(() => {
      const fetches = aws.calls("s3:GetObjectVersion") as Call[];
      const { bucket, key, version } = fetches.find((call) => call.key === basename(source)) as Call;
      url = {
        object: `https://${bucket}.s3.${AWS_REGION}.amazonaws.com/${key}`,
        version: `?versionId=${version}`,
      };
      credentials = admit(instance);
    });
    const asked = async (changes: Partial<SignedRequest> = {}) => {
      const { accessKeyId, secretAccessKey, sessionToken } = credentials;
      const { secret, region, headers, path }: SignedRequest = {
        ...{ secret: secretAccessKey, region: AWS_REGION, path: "" },
        ...changes,
        headers: { "x-amz-security-token": sessionToken, ...changes.headers },
      };
      const given = Object.entries(headers).map(([name, value]) => `-H ${shellWord(`${name}: ${value}`)}`);
      const { stdout } = await machine.attempt(
        `curl -sS -o /tmp/answer -w '%{http_code}' --aws-sigv4 aws:amz:${region}:s3 ` +
          `--user ${shellWord(`${accessKeyId}:${secret}`)} ${given.join(" ")} ${url.object}${path}${url.version}`,
      );
      const code = (await machine.attempt("grep -ao '<Code>[^<]*' /tmp/answer")).stdout;
      return `${stdout} ${code.trim().replace("<Code>", "")}`.trim();
    };

    it("is given it when another program than the AWS CLI has signed the request", async () => {
      expect(await asked()).toBe("200");
      expect(await machine.run("sha256sum </tmp/answer")).toContain(digestOf(source));
    });

    it.each<[string, Partial<SignedRequest>, string]>([
      ["another secret", { secret: "another" }, "403 SignatureDoesNotMatch"],
      ["another region", { region: "us-west-2" }, "400 AuthorizationHeaderMalformed"],
      ["another session token", { headers: { "x-amz-security-token": "another" } }, "400 InvalidToken"],
      ["no session token", { headers: { "x-amz-security-token": "" } }, "403 InvalidAccessKeyId"],
      ["a time of an hour ago", { headers: { "x-amz-date": amzDate(-60) } }, "403 RequestTimeTooSkewed"],
      ["a time in an hour", { headers: { "x-amz-date": amzDate(60) } }, "403 RequestTimeTooSkewed"],
      [
        "another body's digest",
        { headers: { "x-amz-content-sha256": "0".repeat(64) } },
        "400 XAmzContentSHA256Mismatch",
      ],
      ["another object's name", { path: ".map" }, "403 AccessDenied"],
    ])("is refused with %s", async (_what, changes, answer) => {
      expect(await asked(changes)).toBe(answer);
    });

    it("is refused without a signature", async () => {
      const { stdout } = await machine.attempt(`curl -sS -w '%{http_code}' ${url.object}${url.version}`);
      expect(stdout).toMatch(/<Code>AccessDenied<.*403$/);
    });
  });

  describe("and a step fails", () => {
    /** Boots as another instance with other user data; retries are few. @returns what was said of it in the log */
    const bootAs = async (id: string, text: string): Promise<string> => {
      giveUserData(machine, id, text.replace("TRIES=10", "TRIES=2"));
      await machine.run("cloud-init clean --logs");
      // A new machine has none yet.
      await machine.run(`systemctl disable --now ${WATCH}`);
      await reboot(machine);
      const { stdout } = await machine.attempt("cloud-init status --format json --wait");
      expect(JSON.parse(stdout)).toMatchObject({ status: "error" });
      return machine.run("cat /var/log/cloud-init-output.log");
    };

    it("reports that it cannot be used, and is none the worse for it", async () => {
      // GIVEN user data whose proxy is not what its hash says
      const { sha256 } = proxyBundle();
      const changed = group.userData.replaceAll(` ${sha256} command `, ` ${"0".repeat(64)} command `);
      // WHEN a new instance boots with it
      admit("i-0fffffffffffffff0");
      const log = await bootAs("i-0fffffffffffffff0", changed);
      // THEN
      expect(log).toContain("tricloud: failed at fetching /usr/local/lib/tricloud/tricloud-proxy.js");
      expect(aws.calls(COMPLETE).slice(1)).toEqual([
        expect.objectContaining({ LifecycleActionResult: "ABANDON", InstanceId: "i-0fffffffffffffff0" }),
      ]);
      // and what it said is there when the machine is not any more
      const said = await aws.logged(LOG_GROUP, "i-0fffffffffffffff0");
      expect(said.filter((line) => line.includes("tricloud: failed at fetching"))).toHaveLength(1);
    });

    it("says so when its credentials are refused, and cannot report it", async () => {
      // GIVEN an instance whose metadata give it another secret than AWS knows
      const before = aws.calls(COMPLETE).length;
      const credentials = admit("i-0fffffffffffffff1");
      aws.mistake(machine.address, { ...credentials, secretAccessKey: "another" });
      // WHEN it boots
      const log = await bootAs("i-0fffffffffffffff1", group.userData);
      // THEN the log has AWS's word for it, the step, and that nobody was told
      const refused = (code: string, operation: string) =>
        `An error occurred (${code}) when calling the ${operation} operation`;
      expect(log).toContain(refused("InvalidSignatureException", "GetParametersByPath"));
      expect(log).toContain("tricloud: failed at what is kept: drained");
      expect(log).toContain(refused("InvalidSignatureException", "PutLogEvents"));
      expect(log).toContain(refused("SignatureDoesNotMatch", "CompleteLifecycleAction"));
      expect(log).toContain("tricloud: the failure could not be reported");
      expect(log).not.toContain("Traceback");
      expect(aws.calls(COMPLETE).filter(({ refused }) => refused === undefined)).toHaveLength(before);
    });
  });
});

/** What is given to curl, which signs it. */
interface SignedRequest {
  /** Added to the object's. */
  readonly path: string;
  readonly secret: string;
  readonly region: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The time that many minutes from now, as requests to AWS bear it. */
function amzDate(minutes: number): string {
  return new Date(Date.now() + minutes * 60_000).toISOString().replace(/[:-]|\.\d+/g, "");
}

/** Switches the machine off and on, and returns when cloud-init has done what it had to do, well or badly. */
async function reboot(machine: VirtualHost): Promise<void> {
  await machine.cutPower();
  await machine.start().catch((error: Error) => {
    // systemd is not done before cloud-init is, which may take a while, or it says that cloud-init failed.
    if (!/systemd: not so after|units failed:.*cloud-/s.test(error.message)) throw error;
  });
  await machine.attempt("cloud-init status --wait", { timeoutMs: 240_000 });
}

/** One machine with everything, as the launch template of a region's group describes it. */
function oneMachine(app: App, testbed: Testbed): void {
  const scope = new TerraformStack(app, "us");
  new AwsProvider(scope, "aws", { region: AWS_REGION });
  const network = new Network(scope, "network", {
    name: "us",
    cidr: testbed.network.cidr,
    awsRegion: AWS_REGION,
    availabilityZones: [`${AWS_REGION}a`, `${AWS_REGION}b`, `${AWS_REGION}c`],
  });
  const group = new ServerGroup(scope, "machine", {
    name: "us-machine",
    network,
    count: 1,
    assets: new AssetBucket(scope, "assets", { namePrefix: "tricloud-us-" }),
    secrets: new SecretStore(scope, "secrets", { namePrefix: "tricloud/us" }),
    log: new MachineLog(scope, "log", { name: "us", awsRegion: AWS_REGION }),
    imageId: "ami-0123456789abcdef0",
  });
  const consul = new ConsulCluster(scope, "consul", {
    servers: [group],
    agents: [group],
    datacenter: "us",
    singleServer: true,
    aptSource: testbed.consulSource,
    snapshots: { bucket: { bucket: SNAPSHOTS, region: AWS_REGION }, credentials: "instance-role" },
  });
  group.grant(...snapshotPermissions(AWS_REGION, { bucket: SNAPSHOTS, prefix: "consul/us" }));
  const proxy = new AggregationProxy(scope, "proxy", {
    hosts: [group],
    allow: [ORIGIN],
    caCertificate: readFileSync(testbed.far.authority, "utf8"),
  });
  proxy.registerWith(consul);
  new LocalResolver(scope, "resolver", {
    hosts: [group],
    consul,
    proxy,
    forwarders: [VPC_RESOLVER],
    zones: [{ name: "amazonaws.com", forwarders: [VPC_RESOLVER], internal: false, privateDomain: true }],
  });
}

/** Where the machine's words go. */
const LOG_GROUP = "/tricloud/us/machines";
const WATCH = "tricloud-machine-watch.service";
/** A bucket that was there before. */
const SNAPSHOTS = "us-snapshots";
const COMPLETE = "autoscaling:CompleteLifecycleAction";
const digestOf = (file: string): string => createHash("sha256").update(readFileSync(file)).digest("hex");
