import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type DedicatedRegionInput } from "../../stacks/values/regions";
import { Deployment, jpRegion, JP_ROLES, ORIGIN, Testbed, until } from "../testbed";
import { CONSUL_AS_SERVER } from "../testbed/consul-commands";
import { Aws, AWS_REGION } from "../testbed/ec2/aws";
import { succeeded } from "../e2e/succeeded";
import { describeOnVirtualHosts } from "../e2e/virtual-hosts";

const SERVERS = Object.keys(JP_ROLES);
const BUCKET = "jp-snapshots";
const PREFIX = "consul/jp";
const SNAPSHOT = "/usr/local/lib/tricloud/consul-snapshot";

/** A key of the bucket's owner for the region: it may add, fetch and list, and delete nothing. */
const KEY = {
  accessKeyId: `AKIA${randomBytes(8).toString("hex").toUpperCase()}`,
  secretAccessKey: randomBytes(30).toString("base64"),
};
const STATEMENTS = [
  {
    Effect: "Allow",
    Action: ["s3:PutObject", "s3:GetObject"],
    Resource: `arn:aws:s3:::${BUCKET}/${PREFIX}/*`,
  },
  { Effect: "Allow", Action: "s3:ListBucket", Resource: `arn:aws:s3:::${BUCKET}` },
];

describeOnVirtualHosts("snapshots of Consul in a bucket of S3", () => {
  let testbed: Testbed;
  let aws: Aws;
  let deployment: Deployment;
  let region: DedicatedRegionInput;

  beforeAll(async () => {
    testbed = await Testbed.boot({ hosts: SERVERS, far: { names: [ORIGIN] } });
    aws = await Aws.start(testbed, {});
    await aws.createBucket(BUCKET);
    aws.admitKey("jp", STATEMENTS, KEY);
    for (const host of testbed.hosts) {
      await host.run("cat >/usr/local/share/ca-certificates/aws.crt && update-ca-certificates", {
        input: aws.authority,
      });
      await host.run(`echo "198.51.100.10 s3.${AWS_REGION}.amazonaws.com" >>/etc/hosts`);
    }
    deployment = new Deployment(join(testbed.directory, "deployment"));
    const described = jpRegion(testbed);
    const snapshots = { bucket: { bucket: BUCKET, region: AWS_REGION } };
    region = { ...described, consul: { ...described.consul, snapshots } };
    deployment.write(region);
    succeeded(await deploy(KEY.secretAccessKey));
  });

  afterAll(() => testbed?.stop());

  const deploy = (secret: string) =>
    deployment.deploy("jp", {
      env: { TF_VAR_consul_snapshot_key_id: KEY.accessKeyId, TF_VAR_consul_snapshot_secret_key: secret },
    });

  /** Has each server take its snapshot, as its timer does. */
  const taken = () =>
    Promise.all(
      testbed.hosts.map(
        async (host) => (await host.attempt("systemctl start tricloud-consul-snapshot")).code,
      ),
    );

  /** What each server's agent says of its snapshots; the others hear of another status at once, of other words later. */
  const judged = () =>
    Promise.all(
      testbed.hosts.map(async (host) => {
        const checks = JSON.parse(await host.run("curl -sS http://127.0.0.1:8500/v1/agent/checks")) as Record<
          string,
          { readonly Status: string; readonly Output: string }
        >;
        return checks["service:consul-snapshots"]!;
      }),
    );

  async function untilLeader(): Promise<void> {
    await until("the servers have a leader", 180_000, async () => {
      const leader = await testbed
        .host("jp-1")
        .attempt("curl -sS -m 5 http://127.0.0.1:8500/v1/status/leader");
      return leader.stdout.includes(":8300") || undefined;
    });
  }

  it("are put there by the leader, signed with a key that no command line shows", async () => {
    // GIVEN something to lose
    await testbed.host("jp-2").run(`${CONSUL_AS_SERVER} kv put orders/last 4711`);
    // WHEN the timers fire
    expect(await taken()).toEqual([0, 0, 0]);
    // THEN there is one, and Consul says so
    const names = (await testbed.host("jp-1").run(`${SNAPSHOT} list`)).trim().split("\n");
    expect(names).toEqual([expect.stringMatching(/^\d{8}T\d{6}Z\.snap$/)]);
    const checks = await judged();
    expect(checks.map(({ Status }) => Status)).toEqual(["passing", "passing", "passing"]);
    expect(checks.map(({ Output }) => Output)).toContain(`${names[0]} is in the bucket`);
    expect(aws.refused).toEqual([]);
  });

  it("bring back what all servers have lost", async () => {
    // GIVEN more snapshots of that day before it than the bucket lists at once
    const [newest] = (await testbed.host("jp-1").run(`${SNAPSHOT} list`)).split("\n");
    const day = newest!.slice(0, 8);
    const earlier = Array.from(
      { length: 1001 },
      (_, index) => `${day}T000000${String(index).padStart(4, "0")}`,
    );
    for (const name of earlier) await aws.putObject(BUCKET, `${PREFIX}/${name}.snap`, Buffer.from("old"));
    // AND servers whose disks hold nothing of Consul's any more, local snapshots included
    await Promise.all(
      testbed.hosts.map((host) => host.run("systemctl stop consul && rm -rf /var/lib/consul/tricloud")),
    );
    await Promise.all(testbed.hosts.map((host) => host.run("systemctl start consul")));
    await untilLeader();
    expect((await testbed.host("jp-3").attempt(`${CONSUL_AS_SERVER} kv get orders/last`)).code).not.toBe(0);
    // WHEN the documented command runs on one of them
    const said = await testbed.host("jp-1").run(`${SNAPSHOT} restore`);
    // THEN
    expect(said).toContain("Restored snapshot");
    expect(await testbed.host("jp-3").run(`${CONSUL_AS_SERVER} kv get orders/last`)).toBe("4711\n");
  });

  it("fail where everybody can see it when the bucket does not take them", async () => {
    // GIVEN servers with a secret that is not the key's
    succeeded(await deploy(randomBytes(30).toString("base64")));
    await untilLeader();
    // WHEN
    const codes = await taken();
    // THEN the leader's unit has failed, and Consul says that it did
    expect(codes.filter((code) => code !== 0)).toHaveLength(1);
    expect(aws.refused.map(({ refused }) => refused)).toContain("SignatureDoesNotMatch");
    const checks = await judged();
    expect(checks.filter(({ Status }) => Status === "critical").map(({ Output }) => Output)).toEqual([
      "the last snapshot failed: journalctl -u tricloud-consul-snapshot",
    ]);
    await until("every agent knows", 60_000, async () =>
      (await testbed.host("jp-3").run("curl -sS http://127.0.0.1:8500/v1/health/state/critical")).includes(
        "consul-snapshots",
      )
        ? true
        : undefined,
    );
  });
});
