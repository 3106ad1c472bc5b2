import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { AssetBucket, Network, SecretStore, ServerGroup } from "../../constructs/aws";
import { ConsulCluster, LocalResolver } from "../../constructs/dns";
import { AggregationProxy, proxyBundle } from "../../constructs/proxy";
import { type Synthesised, synthesised, userDataText } from "../constructs/aws/synthesised";
import { run, Testbed, until, type VirtualHost } from "../testbed";
import { exclusively } from "../testbed/exclusive";
import { TESTBED_DIRECTORY } from "../testbed/testbed";
import { describeOnVirtualHosts } from "./virtual-hosts";

const ORIGIN = "api.example.test";
const INSTANCE = "i-0123456789abcdef0";
const BUCKET = "tricloud-us-0123456789";
const SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:tricloud/us/consul-gossip-AbCdEf";
/** Of the proxy in the bucket. */
const OBJECT_VERSION = "3HL4kqtJlcpXroDTDmJrmSpXd3dIbrHY";
const VERSION = "0a1b2c3d-0000-4000-8000-000000000001";
/** 32 bytes, of no use anywhere else. */
const GOSSIP = JSON.stringify({ encrypt: Buffer.alloc(32, "us").toString("base64") });
const SERVICES = ["unbound.service", "consul.service", "tricloud-proxy.service"];
const AWS_REGION = "us-east-1";
const PORTS = { s3: 4568, secretsManager: 4569, autoScaling: 4570, metadata: 4571 };
/** What the machine's role is given; of use nowhere else. */
const CREDENTIALS = {
  accessKeyId: "ASIAEXAMPLEEXAMPLE00",
  secretAccessKey: "example/secret+key/of/the/machines/role",
  sessionToken: "example-session-token//of+the+machines+role==",
};
/** S3, and what tells whether a request is signed as S3 wants it. */
const MODULES = ["s3rver@3.7.1", "aws4@1.13.2"];

describeOnVirtualHosts("a machine of the US that boots with its user data", () => {
  let testbed: Testbed;
  let machine: VirtualHost;
  let endpoints: Endpoints;
  let userData: string;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: ["us-machine"], far: { names: [ORIGIN] } });
    machine = testbed.host("us-machine");
    endpoints = await Endpoints.start(testbed);
    userData = userDataFor(testbed);
    // GIVEN Debian as its image for EC2 has it, with the user data where cloud-init finds it
    await becomeCloudImage(machine, endpoints);
    giveUserData(machine, userData);
    // WHEN it boots
    await reboot(machine);
  });

  afterAll(async () => {
    endpoints?.stop();
    await testbed?.stop();
  });

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
    expect(endpoints.calls("GetSecretValue")).toEqual([
      { call: "GetSecretValue", SecretId: SECRET, VersionId: VERSION },
    ]);
    expect(await machine.run("cat /etc/tricloud/consul/gossip.json")).toBe(GOSSIP);
    expect(await machine.run("stat -c '%a %U %G' /etc/tricloud/consul/gossip.json")).toBe(
      "640 root consul\n",
    );
    expect(userData).not.toContain(JSON.parse(GOSSIP).encrypt);
    expect((await machine.attempt("ls /var/lib/tricloud/staged")).code).not.toBe(0);
  });

  it("has told its group that it may take work", () => {
    expect(endpoints.calls("CompleteLifecycleAction")).toEqual([
      expect.objectContaining({
        LifecycleActionResult: "CONTINUE",
        LifecycleHookName: "boot",
        AutoScalingGroupName: "us-machine",
        InstanceId: INSTANCE,
      }),
    ]);
  });

  it("calls another cloud through the proxy, found by name", async () => {
    expect(await machine.run(`curl -fsS -m 10 http://${ORIGIN}.ccnproxy-https/hc`)).toBe(
      `ok from ${ORIGIN}\n`,
    );
  });

  it("comes back with everything running after a reboot, without fetching again", async () => {
    // GIVEN the booted machine WHEN it is switched off and on
    await reboot(machine);
    // THEN
    await until("the call through the proxy", 30_000, async () => {
      const { code } = await machine.attempt(`curl -fsS -m 5 http://${ORIGIN}.ccnproxy-https/hc`);
      return code === 0 || undefined;
    });
    expect(endpoints.calls("CompleteLifecycleAction")).toHaveLength(1);
  });

  it("has signed every request with its role's credentials", () => {
    expect(endpoints.calls("refused")).toEqual([]);
  });

  describe("and asks S3 for the proxy", () => {
    const { accessKeyId, secretAccessKey, sessionToken } = CREDENTIALS;
    const asked = async (changes: Partial<SignedRequest> = {}) => {
      const { secret, region, headers }: SignedRequest = {
        secret: secretAccessKey,
        region: AWS_REGION,
        ...changes,
        headers: { "x-amz-security-token": sessionToken, ...changes.headers },
      };
      const given = Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`);
      const { stdout } = await machine.attempt(
        `curl -sS -o /tmp/answer -w '%{http_code}' --aws-sigv4 aws:amz:${region}:s3 ` +
          `--user ${quote(`${accessKeyId}:${secret}`)} ${given.join(" ")} ${endpoints.proxyUrl}`,
      );
      const code = (await machine.attempt("grep -ao '<Code>[^<]*' /tmp/answer")).stdout;
      return `${stdout} ${code.trim().replace("<Code>", "")}`.trim();
    };

    it("is given it when another program than the AWS CLI has signed the request", async () => {
      expect(await asked()).toBe("200");
      const { sha256 } = proxyBundle();
      expect(await machine.run("sha256sum </tmp/answer")).toContain(sha256);
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
    ])("is refused with %s", async (_what, changes, answer) => {
      expect(await asked(changes)).toBe(answer);
    });

    it("is refused without a signature", async () => {
      const { stdout } = await machine.attempt(`curl -sS -w '%{http_code}' ${endpoints.proxyUrl}`);
      expect(stdout).toMatch(/<Code>AccessDenied<.*403$/);
    });
  });

  describe("and a step fails", () => {
    /** Boots as another instance with other user data; retries are quick. @returns what was said of it in the log */
    const bootAs = async (instance: string, text: string): Promise<string> => {
      giveUserData(machine, text.replaceAll("sleep 3", "sleep 0.1"), instance);
      await machine.run("cloud-init clean --logs");
      await reboot(machine);
      const { stdout } = await machine.attempt("cloud-init status --format json --wait");
      expect(JSON.parse(stdout)).toMatchObject({ status: "error" });
      return machine.run("cat /var/log/cloud-init-output.log");
    };

    it("reports that it cannot be used, and is none the worse for it", async () => {
      // GIVEN user data whose proxy is not what its hash says
      const { sha256 } = proxyBundle();
      const changed = userData.replaceAll(` ${sha256} command `, ` ${"0".repeat(64)} command `);
      // WHEN a new instance boots with it
      const log = await bootAs("i-0fffffffffffffff0", changed);
      // THEN
      expect(log).toContain("tricloud: failed at fetching /usr/local/lib/tricloud/tricloud-proxy.js");
      expect(endpoints.calls("CompleteLifecycleAction").slice(1)).toEqual([
        expect.objectContaining({ LifecycleActionResult: "ABANDON", InstanceId: "i-0fffffffffffffff0" }),
      ]);
    });

    it("says so when its credentials are refused, and cannot report it", async () => {
      // GIVEN an instance whose credentials have another secret than AWS knows
      const before = endpoints.calls("CompleteLifecycleAction").length;
      giveEnvironment(machine, {
        ...endpoints.environment,
        AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: "another",
        AWS_SESSION_TOKEN: CREDENTIALS.sessionToken,
      });
      // WHEN it boots
      const log = await bootAs("i-0fffffffffffffff1", userData);
      // THEN the log has AWS's word for it, the step, and that nobody was told
      const refused = (code: string, operation: string) =>
        `An error occurred (${code}) when calling the ${operation} operation`;
      expect(log).toContain(refused("InvalidSignatureException", "GetSecretValue"));
      expect(log).toContain("tricloud: failed at fetching /etc/tricloud/consul/gossip.json");
      expect(log).toContain(refused("SignatureDoesNotMatch", "CompleteLifecycleAction"));
      expect(log).toContain("tricloud: the failure could not be reported");
      expect(log).not.toContain("Traceback");
      expect(endpoints.calls("CompleteLifecycleAction")).toHaveLength(before);
    });
  });
});

/** `value` as one word of the shell. */
const quote = (value: string): string => `'${value.replaceAll("'", "'\\''")}'`;

/** What is given to curl, which signs it. */
interface SignedRequest {
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
function userDataFor(testbed: Testbed): string {
  const stack = synthesised((scope) => {
    const network = new Network(scope, "network", {
      name: "us",
      cidr: "10.20.0.0/16",
      awsRegion: AWS_REGION,
      availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
    });
    const group = new ServerGroup(scope, "machine", {
      name: "us-machine",
      network,
      count: 1,
      assets: new AssetBucket(scope, "assets", { namePrefix: "tricloud-us-" }),
      secrets: new SecretStore(scope, "secrets", { namePrefix: "tricloud/us" }),
      imageId: "ami-0123456789abcdef0",
    });
    const consul = new ConsulCluster(scope, "consul", {
      servers: [group],
      agents: [group],
      datacenter: "us",
      singleServer: true,
      aptSource: {
        name: "consul",
        uri: testbed.consulArchive,
        suite: "./",
        components: [],
        trusted: true,
        onlyPackages: ["consul"],
      },
    });
    const proxy = new AggregationProxy(scope, "proxy", {
      hosts: [group],
      allow: ["*.example.test"],
      caCertificate: readFileSync(testbed.far.authority, "utf8"),
    });
    proxy.registerWith(consul);
    new LocalResolver(scope, "resolver", {
      hosts: [group],
      consul,
      proxy,
      forwarders: [testbed.network.gateway],
      records: { [ORIGIN]: testbed.far.address },
    });
  });
  return resolved(stack);
}

/** The user data with what Terraform would have put for its expressions. */
function resolved(stack: Synthesised): string {
  const values: [RegExp, string][] = [
    [/\$\{aws_s3_bucket\.[^}]*\.id\}/g, BUCKET],
    [/\$\{aws_s3_object\.[^}]*\.version_id\}/g, OBJECT_VERSION],
    [/\$\{aws_secretsmanager_secret\.[^}]*\.arn\}/g, SECRET],
    [/\$\{aws_secretsmanager_secret_version\.[^}]*\.version_id\}/g, VERSION],
  ];
  return values.reduce(
    (text, [expression, value]) => text.replaceAll(expression, value),
    userDataText(stack, stack.one("launch_template")),
  );
}

const SEED = "var/lib/cloud/seed/nocloud";

/** Puts the user data, compressed as it is on EC2, where cloud-init's NoCloud source looks. */
function giveUserData(machine: VirtualHost, userData: string, instance = INSTANCE): void {
  const seed = join(machine.root, SEED);
  mkdirSync(seed, { recursive: true });
  writeFileSync(join(seed, "meta-data"), `instance-id: ${instance}\n`);
  writeFileSync(join(seed, "user-data"), gzipSync(userData));
}

/** Makes the testbed's Debian what Debian's image for EC2 is, as far as booting goes. */
async function becomeCloudImage(machine: VirtualHost, endpoints: Endpoints): Promise<void> {
  await machine.run("apt-get -q update && apt-get -qy --no-install-recommends install cloud-init");
  const write = (path: string, text: string) => {
    mkdirSync(join(machine.root, path, ".."), { recursive: true });
    writeFileSync(join(machine.root, path), text);
  };
  // The testbed has given the machine its address, its name and its keys already.
  write(
    "etc/cloud/cloud.cfg.d/99-testbed.cfg",
    [
      "datasource_list: [NoCloud, None]",
      "network: { config: disabled }",
      "ssh_deletekeys: false",
      "disable_root: false",
      "preserve_hostname: true",
      "apt: { preserve_sources_list: true }",
      "",
    ].join("\n"),
  );
  giveEnvironment(machine, endpoints.environment);
  // An image may come with Session Manager's agent; here is no AWS that one could talk to.
  await machine.run("ln -s /bin/true /usr/bin/amazon-ssm-agent");
}

/** Tells the AWS CLI of a boot what it would find by itself on EC2. */
function giveEnvironment(machine: VirtualHost, environment: Readonly<Record<string, string>>): void {
  const folder = join(machine.root, "etc/systemd/system/cloud-init-main.service.d");
  mkdirSync(folder, { recursive: true });
  const lines = Object.entries(environment).map(([name, value]) => `Environment=${name}=${value}\n`);
  writeFileSync(join(folder, "testbed.conf"), `[Service]\n${lines.join("")}`);
}

/** What a machine may call of AWS, on the switch of the testbed. */
class Endpoints {
  static async start(testbed: Testbed): Promise<Endpoints> {
    const modules = await fetchModules();
    const directory = join(testbed.directory, "s3");
    mkdirSync(directory);
    const address = testbed.network.gateway;
    const { source } = proxyBundle();
    const proxyKey = "tricloud-proxy.js";
    const options = {
      ...{ address, ports: PORTS, region: AWS_REGION, credentials: CREDENTIALS, modules },
      ...{ directory, bucket: BUCKET, objects: { [proxyKey]: source } },
      secrets: { [`${SECRET} ${VERSION}`]: GOSSIP },
    };
    const program = join(__dirname, "aws-endpoints.cjs");
    const child = spawn("ip", [
      ...["netns", "exec", testbed.network.rack],
      ...[process.execPath, program, JSON.stringify(options)],
    ]);
    const endpoints = new Endpoints(child, address, proxyKey);
    await until("AWS endpoints", 20_000, async () => {
      if (child.exitCode !== null) throw new Error(`the AWS endpoints ended:\n${endpoints.errors}`);
      return endpoints.calls("ready").length > 0 || undefined;
    });
    return endpoints;
  }

  /** What tells the AWS CLI about them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly proxyUrl: string;
  private output = "";
  private errors = "";

  private constructor(
    private readonly child: ChildProcess,
    address: string,
    proxyKey: string,
  ) {
    this.proxyUrl = `http://${address}:${PORTS.s3}/${BUCKET}/${proxyKey}`;
    this.environment = {
      AWS_ENDPOINT_URL: `http://${address}:${PORTS.s3}`,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://${address}:${PORTS.secretsManager}`,
      AWS_ENDPOINT_URL_AUTO_SCALING: `http://${address}:${PORTS.autoScaling}`,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${address}:${PORTS.metadata}/`,
    };
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (this.output += chunk));
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (this.errors += chunk));
  }

  calls(name: string): Record<string, unknown>[] {
    const lines = this.output.split("\n").filter((line) => line !== "");
    return lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ call }) => call === name);
  }

  stop(): void {
    this.child.stdin?.end();
  }
}

/** A directory with what the endpoints are made of, fetched once for this machine. */
async function fetchModules(): Promise<string> {
  const modules = join(TESTBED_DIRECTORY, "cache", "aws", MODULES.join("+"));
  mkdirSync(join(modules, ".."), { recursive: true });
  await exclusively(`${modules}.lock`, async () => {
    if (existsSync(modules)) return;
    const unfinished = `${modules}.new`;
    rmSync(unfinished, { recursive: true, force: true });
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefix", unfinished, ...MODULES]);
    renameSync(unfinished, modules);
  });
  return modules;
}
