import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash, randomBytes } from "node:crypto";
import { TerraformVariable } from "cdktf";
import type { Construct } from "constructs";
import {
  AssetBucket,
  debianImage,
  InternalLoadBalancer,
  Network,
  SecretStore,
  ServerGroup,
  type ServerGroupProps,
} from "../../../constructs/aws";
import { fetchKept, keptDirectory } from "../../../constructs/aws/kept-for-machines";
import { type AssetContent, secretContent, textContent } from "../../../constructs/host";
import { RecordingHost } from "../dns/recording-host";
import { word } from "../../../constructs/host/apply-document";
import { statements, synthesised, userDataText } from "./synthesised";

let directory: string;
let asset: AssetContent;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tricloud-server-group-"));
  const source = join(directory, "proxy.js");
  writeFileSync(source, "// the proxy\n");
  asset = { kind: "asset", source, sha256: createHash("sha256").update("// the proxy\n").digest("hex") };
});
afterAll(() => rmSync(directory, { recursive: true }));

interface Place {
  readonly network: Network;
  readonly assets: AssetBucket;
  readonly secrets: SecretStore;
  readonly imageId: string;
}

function placeIn(stack: Construct): Place {
  return {
    network: new Network(stack, "network", {
      name: "us",
      cidr: "10.20.0.0/16",
      awsRegion: "us-east-1",
      availabilityZones: ["us-east-1a", "us-east-1b", "us-east-1c"],
    }),
    assets: new AssetBucket(stack, "assets", { namePrefix: "tricloud-us-" }),
    secrets: new SecretStore(stack, "secrets", { namePrefix: "tricloud/us" }),
    imageId: "ami-0123456789abcdef0",
  };
}

/** A stack with one group that `use` fills. */
const withGroup = (
  use: (group: ServerGroup, place: Place) => void,
  changes: Partial<ServerGroupProps> = {},
) =>
  synthesised((stack) => {
    const place = placeIn(stack);
    use(new ServerGroup(stack, "proxy", { name: "us-proxy", ...place, ...changes }), place);
  });

describe("ServerGroup", () => {
  it("launches machines that answer only authenticated metadata requests, from encrypted gp3 disks", () => {
    // GIVEN a group WHEN synthesised
    const template = withGroup(() => undefined).one("launch_template");

    // THEN
    expect(template["metadata_options"]).toMatchObject({
      http_endpoint: "enabled",
      http_tokens: "required",
      http_put_response_hop_limit: 1,
    });
    expect(template["block_device_mappings"]).toEqual([
      {
        device_name: "/dev/xvda",
        ebs: { volume_type: "gp3", volume_size: 16, encrypted: "true", delete_on_termination: "true" },
      },
    ]);
    expect(template["key_name"]).toBeUndefined();
  });

  it("starts the very image of Debian 13 that is named, whatever newer ones there are", () => {
    // GIVEN a group of ARM machines WHEN synthesised
    const stack = synthesised((scope) => {
      const imageId = debianImage(scope, "image", "debian-13-arm64-20251117-2299");
      new ServerGroup(scope, "arm", { name: "arm", ...placeIn(scope), architecture: "arm64", imageId });
    });

    // THEN
    const [image] = Object.values(stack.data["aws_ami"] ?? {});
    expect(image).toMatchObject({ owners: ["136693071363"], include_deprecated: true });
    expect(image).not.toHaveProperty("most_recent");
    expect(image?.["filter"]).toEqual([{ name: "name", values: ["debian-13-arm64-20251117-2299"] }]);
    expect(stack.one("launch_template")).toMatchObject({
      instance_type: "t4g.small",
      image_id: expect.stringMatching(/^\$\{data\.aws_ami\.image/) as unknown,
    });
  });

  it("refuses an image's name that could be any of several", () => {
    synthesised((scope) => {
      expect(() => debianImage(scope, "image", "debian-13-amd64-*")).toThrow('got: "debian-13-amd64-*"');
    });
  });

  it("spreads over the private subnets of all zones and launches a machine before another goes", () => {
    // GIVEN three machines WHEN synthesised
    const group = withGroup(() => undefined).one("autoscaling_group");

    // THEN
    expect(group["vpc_zone_identifier"]).toHaveLength(3);
    expect(String(group["vpc_zone_identifier"])).toMatch(/private-a.*private-b.*private-c/);
    expect(group).toMatchObject({ min_size: 3, max_size: 4, desired_capacity: 3, health_check_type: "EC2" });
    expect(group["instance_maintenance_policy"]).toEqual({
      min_healthy_percentage: 100,
      max_healthy_percentage: 134,
    });
  });

  it.each([
    ["one machine", { count: 1 }, 200, 2],
    ["nine machines", { count: 9 }, 134, 12],
    ["nine machines, one at a time", { count: 9, oneAtATime: true }, 112, 10],
  ])("never has fewer machines than it should, of %s", (_what, props, percentage, most) => {
    // GIVEN a group WHEN synthesised THEN there is room for a whole machine more, or several
    expect(withGroup(() => undefined, props).one("autoscaling_group")).toMatchObject({
      instance_maintenance_policy: { min_healthy_percentage: 100, max_healthy_percentage: percentage },
      max_size: most,
    });
  });

  it("leaves the version to the roll-out, which the provider would save before it has a refresh to go back from", () => {
    // GIVEN a group WHEN synthesised
    const stack = withGroup(() => undefined);
    const group = stack.one("autoscaling_group");
    const version = (group["launch_template"] as { version: string }).version;

    // THEN the provider neither changes the version later nor starts a refresh by itself
    expect(group).not.toHaveProperty("instance_refresh");
    expect(group["lifecycle"]).toEqual({ ignore_changes: ["launch_template[0].version"] });
    const [step] = Object.values(stack.resource["terraform_data"] ?? {});
    expect(step).toMatchObject({
      triggers_replace: { version },
      provisioner: [{ "local-exec": { environment: { GROUP: "us-proxy", VERSION: version } } }],
      depends_on: [expect.stringMatching(/^aws_autoscaling_group\./)],
    });
  });

  describe("with a file that its service takes by a reload", () => {
    const [CONFIG, UNIT] = ["/etc/tricloud/example.json", "/etc/systemd/system/example.service"];
    const withConfig = (text: string, readAtStart: string, unit = "[Service]\n") =>
      withGroup((group) => {
        group.addToProfile({
          files: [
            { path: CONFIG, content: { kind: "text", text, readAtStart } },
            { path: UNIT, content: textContent(unit) },
          ],
          services: [
            {
              name: "example.service",
              reads: [CONFIG, UNIT],
              verify: `example --check "$STAGED${CONFIG}"`,
              reload: "exec example reload",
              reloadsFor: [CONFIG],
            },
          ],
        });
      });
    const template = (stack: ReturnType<typeof withConfig>) =>
      userDataText(stack, stack.one("launch_template"));
    /** What machines boot with, and what the file says that it is for. */
    const made = (stack: ReturnType<typeof withConfig>) =>
      [template(stack), stack.one("s3_object")["metadata"]] as const;

    it("launches no other machines for another text, but for what only a start reads, and for the service's other files", () => {
      // GIVEN a configuration
      const [machines, mark] = made(withConfig("a", "start"));
      // WHEN its text is another THEN machines stay, and the file is for them
      expect(made(withConfig("b", "start"))).toEqual([machines, mark]);
      // WHEN what is read at start is another too, or the unit, THEN others are launched, and the file is for these
      for (const other of [
        withConfig("b", "other start"),
        withConfig("a", "start", "[Service]\nUser=nobody\n"),
      ]) {
        const [others, theirMark] = made(other);
        expect(others).not.toBe(machines);
        expect(theirMark).not.toEqual(mark);
        expect(others).toContain((theirMark as { start: string }).start);
      }
    });

    it("writes the text in place, marked with what it is made for, before any machine boots", () => {
      // GIVEN a configuration WHEN synthesised
      const stack = withConfig("${not an expression}", "start");
      const object = stack.one("s3_object");
      // THEN machines ask for the newest one with their mark
      expect(object).toMatchObject({
        key: `us-proxy${CONFIG}`,
        content: "$${not an expression}",
        metadata: { start: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown },
      });
      const { start } = object["metadata"] as { start: string };
      expect(template(stack)).toContain(word(`[[ $made != ${start} ]]`));
      expect(template(stack)).not.toContain("version_id");
      expect(stack.one("autoscaling_group")["depends_on"]).toContainEqual(
        expect.stringMatching(/^aws_s3_object\./),
      );
      // AND may list the versions of this object alone
      const allowed = statements(stack.one("iam_role_policy")["policy"]);
      expect(allowed.find(({ Sid }) => Sid === "FindNewestFiles")).toMatchObject({
        Action: ["s3:ListBucketVersions"],
        Condition: { StringEquals: { "s3:prefix": [`us-proxy${CONFIG}`] } },
      });
    });

    it("has running machines take each version once the roll-out has ended", () => {
      // GIVEN a configuration WHEN synthesised
      const steps = withConfig("a", "start").resource["terraform_data"] ?? {};
      const [reload] = Object.values(steps).filter((step) =>
        JSON.stringify(step).includes("TRICLOUD_RELOAD"),
      );
      const [rollout] = Object.keys(steps).filter((name) => JSON.stringify(steps[name]).includes("TEMPLATE"));
      // THEN
      expect(reload).toMatchObject({
        triggers_replace: {
          version: expect.stringMatching(/^\$\{aws_s3_object\..*\.version_id\}$/) as unknown,
        },
        depends_on: [`terraform_data.${rollout}`],
      });
      expect(JSON.stringify(reload)).toContain("exec example reload");
    });

    it("refuses one that a service would have to be restarted for", () => {
      expect(() =>
        withGroup((group) =>
          group.addToProfile({
            files: [{ path: CONFIG, content: { kind: "text", text: "a", readAtStart: "" } }],
            services: [{ name: "example.service", reads: [CONFIG] }],
          }),
        ),
      ).toThrow(
        `${CONFIG}: expected services that take it by a reload, got: example.service, which does not`,
      );
    });
  });

  it("reads the secrets that are named, whatever keys they are encrypted with, and no others", () => {
    // GIVEN a group that is let read two secrets which are there already, one of them named twice
    const stack = withGroup((group) => {
      group.allowSecrets("shop/mail-password", "shop/partner");
      group.allowSecrets("shop/partner");
    });

    // WHEN synthesised
    const found = Object.entries(stack.data["aws_secretsmanager_secret"] ?? {});
    const granted = statements(stack.one("iam_role_policy")["policy"]).filter(({ Sid }) =>
      /Named/.test(String(Sid)),
    );

    // THEN they are looked up, so that one that is not there fails the plan
    expect(found.map(([, { name }]) => name)).toEqual(["shop/mail-password", "shop/partner"]);
    const arns = found.map(([id]) => `\${data.aws_secretsmanager_secret.${id}.arn}`);
    // AND their values are let read, and any key used for nothing but that
    expect(granted).toEqual([
      {
        Sid: "ReadNamedSecrets",
        Effect: "Allow",
        Action: ["secretsmanager:GetSecretValue"],
        Resource: arns,
      },
      {
        Sid: "DecryptNamedSecrets",
        Effect: "Allow",
        Action: ["kms:Decrypt"],
        Resource: ["arn:aws:kms:us-east-1:*:key/*"],
        Condition: {
          StringEquals: {
            "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
            "kms:EncryptionContext:SecretARN": arns,
          },
        },
      },
    ]);
    // AND no value of them stands anywhere
    expect(stack.resource).not.toHaveProperty("aws_secretsmanager_secret");
  });

  it.each(["", "shop/*", "arn:aws:secretsmanager:us-east-1:1:secret:shop", "shop mail"])(
    "refuses to let read secret %j",
    (name) => {
      expect(() => withGroup((group) => group.allowSecrets(name))).toThrow(
        `server group us-proxy: name of a secret must be at most 512 letters, digits and /_+=.@-, got: ${JSON.stringify(name)}`,
      );
    },
  );

  it("boots no machine before it has a way out, its rights and open doors", () => {
    // GIVEN a group that is let in to and that may do more
    const stack = withGroup(
      (group) => group.firewall.allowFrom("10.20.0.0/16", { protocol: "tcp", port: 80 }, "Clients"),
      { policyArns: { logs: "arn:aws:iam::aws:policy/CloudWatchLogsFullAccess" } },
    );

    // WHEN synthesised
    const after = stack.one("autoscaling_group")["depends_on"] as string[];

    // THEN everything of these kinds that the stack has comes first
    const kinds = [
      "nat_gateway",
      "route",
      "route_table_association",
      "vpc_endpoint",
      "vpc_security_group_ingress_rule",
      "vpc_security_group_egress_rule",
      "iam_role_policy",
      "iam_role_policy_attachment",
    ];
    for (const kind of kinds) {
      const all = Object.keys(stack.resource[`aws_${kind}`] ?? {}).map((id) => `aws_${kind}.${id}`);
      expect(all.length).toBeGreaterThan(0);
      expect(after).toEqual(expect.arrayContaining(all));
    }
    expect(stack.all("vpc_security_group_ingress_rule")).toHaveLength(1);
  });

  it("takes a machine into service only once it has said that it is healthy", () => {
    // GIVEN a group WHEN synthesised
    const stack = withGroup(() => undefined);
    const [hook] = stack.one("autoscaling_group")["initial_lifecycle_hook"] as Record<string, unknown>[];
    const userData = userDataText(stack, stack.one("launch_template"));

    // THEN the machine names the very hook that waits, and silence counts as failure
    expect(hook).toMatchObject({
      default_result: "ABANDON",
      lifecycle_transition: "autoscaling:EC2_INSTANCE_LAUNCHING",
    });
    expect(userData).toContain(
      word(
        `--lifecycle-action-result CONTINUE --lifecycle-hook-name ${String(hook?.["name"])} --auto-scaling-group-name us-proxy`,
      ),
    );
  });

  it("lets nothing in by itself", () => {
    // GIVEN a group WHEN synthesised THEN
    expect(withGroup(() => undefined).all("vpc_security_group_ingress_rule")).toEqual([]);
  });

  it("fetches the very version of a large file from S3, and may read old ones to go back to", () => {
    // GIVEN a group with a large file
    const stack = withGroup((group) =>
      group.addToProfile({ files: [{ path: "/usr/local/lib/proxy.js", content: asset }] }),
    );

    // WHEN synthesised
    const object = stack.one("s3_object");
    const userData = userDataText(stack, stack.one("launch_template"));
    const allowed = statements(stack.one("iam_role_policy")["policy"]);

    // THEN
    expect(object).toMatchObject({ key: "proxy.js", source_hash: asset.sha256 });
    expect(userData).toMatch(
      /--bucket%20\$\{aws_s3_bucket[^}]*\}%20--key%20proxy\.js%20--version-id%20\$\{aws_s3_object[^}]*\.version_id\}/,
    );
    expect(allowed.filter(({ Action }) => Action.some((action) => action.startsWith("s3:")))).toEqual([
      expect.objectContaining({
        Action: ["s3:GetObjectVersion"],
        Resource: [expect.stringMatching(/^\$\{.*\.arn\}\/proxy\.js$/)],
      }),
    ]);
  });

  it("fetches a large text from S3, whose digest user data holds, and keeps Terraform's hands off it", () => {
    // GIVEN a group with a program as long as that of a guard
    const program = `#!/bin/bash\n${'echo "${HOME:-/}" %{http_code}\n'.repeat(100)}`;
    const digest = createHash("sha256").update(program).digest("hex");
    const stack = withGroup((group) =>
      group.addToProfile({
        files: [{ path: "/usr/local/lib/guard", content: textContent(program), mode: "0755" }],
      }),
    );

    // WHEN synthesised
    const object = stack.one("s3_object");
    const userData = userDataText(stack, stack.one("launch_template"));

    // THEN
    expect(object["key"]).toBe("guard");
    expect(object["content"]).toContain('echo "$${HOME:-/}" %%{http_code}\n');
    expect(userData).toContain(
      `file 0755 root root /usr/local/lib/guard ${digest} command aws%20s3api%20get-object`,
    );
    expect(userData).not.toContain("HOME:-/");
  });

  it("keeps its bucket private, versioned, encrypted, and closed to all that is not TLS", () => {
    // GIVEN a bucket WHEN synthesised
    const stack = withGroup(() => undefined);

    // THEN
    expect(stack.one("s3_bucket_public_access_block")).toMatchObject({
      block_public_acls: true,
      block_public_policy: true,
      ignore_public_acls: true,
      restrict_public_buckets: true,
    });
    expect(stack.one("s3_bucket_versioning")).toMatchObject({
      versioning_configuration: { status: "Enabled" },
    });
    expect(JSON.parse(String(stack.one("s3_bucket_policy")["policy"]))).toMatchObject({
      Statement: [
        { Effect: "Deny", Principal: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
      ],
    });
    expect(stack.one("s3_bucket_server_side_encryption_configuration")["rule"]).toEqual([
      { apply_server_side_encryption_by_default: { sse_algorithm: "AES256" } },
    ]);
  });

  it("keeps what it has replaced for some months, to go back to, and not for ever", () => {
    const [rule] = withGroup(() => undefined).one("s3_bucket_lifecycle_configuration")["rule"] as object[];
    expect(rule).toMatchObject({
      status: "Enabled",
      noncurrent_version_expiration: [{ noncurrent_days: 90 }],
      expiration: [{ expired_object_delete_marker: true }],
    });
  });

  it("stores a file that two groups hold once", () => {
    // GIVEN two groups with the same file
    const stack = synthesised((scope) => {
      const place = placeIn(scope);
      for (const name of ["one", "two"]) {
        new ServerGroup(scope, name, { name, ...place }).addToProfile({
          files: [{ path: "/x", content: asset }],
        });
      }
    });
    // WHEN synthesised THEN
    expect(stack.all("s3_object")).toHaveLength(1);
  });

  it("gives machines a secret through Secrets Manager, by version, and never in user data", () => {
    // GIVEN a group with a secret
    const stack = withGroup((group, { network }) => {
      const key = new TerraformVariable(network, "gossip-key", { type: "string", sensitive: true });
      group.addToProfile({
        files: [{ path: "/etc/consul.d/gossip.json", content: secretContent("gossip", key.stringValue) }],
      });
    });

    // WHEN synthesised
    const userData = userDataText(stack, stack.one("launch_template"));
    const value = String(stack.one("secretsmanager_secret_version")["secret_string"]);

    // THEN
    expect(value).toMatch(/^\$\{var\..*gossip-key.*\}$/);
    expect(userData).not.toContain("var.");
    expect(userData).toMatch(
      /--secret-id%20\$\{aws_secretsmanager_secret\.[^}]*\.arn\}%20--version-id%20\$\{[^}]*\.version_id\}/,
    );
    expect(statements(stack.one("iam_role_policy")["policy"])).toContainEqual(
      expect.objectContaining({
        Action: ["secretsmanager:GetSecretValue"],
        Resource: [expect.stringMatching(/^\$\{aws_secretsmanager_secret\..*\.arn\}$/)],
      }),
    );
  });

  it("has machines find what is kept for them, of their group alone, before anything starts", () => {
    // GIVEN a group that asks twice WHEN synthesised
    let found: string[] = [];
    const stack = withGroup((group) => {
      found = [group.findKept("drained"), group.findKept("drained")];
    });
    // THEN
    expect(found).toEqual(["/etc/tricloud-drained", "/etc/tricloud-drained"]);
    const parameters = "arn:aws:ssm:us-east-1:*:parameter/tricloud/us-proxy/drained";
    expect(statements(stack.one("iam_role_policy")["policy"])).toContainEqual(
      expect.objectContaining({
        Action: ["ssm:GetParametersByPath"],
        Resource: [parameters, `${parameters}/*`],
      }),
    );
    const path = word("--path /tricloud/us-proxy/drained --query");
    expect(userDataText(stack, stack.one("launch_template")).split(path)).toHaveLength(2);
    expect(() => withGroup((group) => void group.findKept("../x"))).toThrow(
      'server group us-proxy: name of what is kept must be at most 50 lower-case letters, got: "../x"',
    );
  });

  it.each([
    [
      "/tricloud/g/drained/0f\thttps://a:443\n/tricloud/g/drained/1e\thttp://b:80\n",
      { "0f": "https://a:443\n", "1e": "http://b:80\n" },
    ],
    ["", {}],
    ["None\n", {}],
  ])("has a file for each thing that is kept: %j", (told, files) => {
    // GIVEN what the AWS CLI tells, in its second try
    const kept = { groupName: "g", name: "drained" };
    const place = join(mkdtempSync(join(directory, "kept-")), "drained");
    const program = `set -euo pipefail
      step() { :; }; retry() { "$@" || "$@"; }
      aws() { [[ -e ${place}.tried ]] || { touch ${place}.tried; return 1; }; printf '${told.replaceAll("\n", "\\n").replaceAll("\t", "\\t")}'; }
      umask 077
      ${fetchKept(kept).join("\n").replaceAll(keptDirectory(kept), place)}`;
    // WHEN
    const { status, stderr } = spawnSync("bash", ["-c", program], { encoding: "utf8" });
    // THEN
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const names = readdirSync(place);
    expect(Object.fromEntries(names.map((name) => [name, readFileSync(join(place, name), "utf8")]))).toEqual(
      files,
    );
    for (const name of names) expect(statSync(join(place, name)).mode & 0o777).toBe(0o644);
    expect(statSync(place).mode & 0o777).toBe(0o755);
  });

  it("allows no action by wildcard, and all resources only where AWS knows no narrower", () => {
    // GIVEN a group with all that a group can have
    const stack = withGroup((group, { network }) => {
      group.findKept("drained");
      const key = new TerraformVariable(network, "key", { type: "string", sensitive: true });
      group.addToProfile({
        files: [
          { path: "/a", content: asset },
          { path: "/b", content: secretContent("b", key.stringValue) },
        ],
      });
    });

    // WHEN
    const allowed = statements(stack.one("iam_role_policy")["policy"]);

    // THEN
    expect(allowed.flatMap(({ Action }) => Action).filter((action) => action.includes("*"))).toEqual([]);
    expect(allowed.filter(({ Resource }) => Resource.includes("*")).map(({ Sid }) => Sid)).toEqual([
      "SessionManager",
      "FindConsulServers",
    ]);
    expect(stack.all("iam_role_policy_attachment")).toEqual([]);
  });

  it("keeps Terraform's hands off what only looks like an expression", () => {
    // GIVEN a file with shell expansions
    const stack = withGroup((group) =>
      group.addToProfile({
        files: [{ path: "/x.sh", content: textContent('echo "${HOME:-/}" %{http_code} $${A}\n') }],
      }),
    );

    // WHEN synthesised
    const local = Object.values(stack.locals).join("\n");

    // THEN each is doubled, which Terraform takes for the text itself
    expect(local).toContain('echo "$${HOME:-/}" %%{http_code} $$${A}');
  });

  it("refuses user data that EC2 would not take, with the group's name and the size", () => {
    // GIVEN a group with more small texts than fit, which cannot be compressed
    const files = Array.from({ length: 20 }, (_, index) => ({
      path: `/x${index}`,
      content: textContent(randomBytes(1000).toString("base64")),
    }));
    const build = () => withGroup((group) => group.addToProfile({ files }));

    // WHEN synthesised THEN
    expect(build).toThrow(
      /server group us-proxy must be at most 16384 bytes compressed, got: about 2\d{4};.*assets/,
    );
  });

  it("waits for the groups that it depends on", () => {
    // GIVEN two groups in an order
    const stack = synthesised((scope) => {
      const place = placeIn(scope);
      const first = new ServerGroup(scope, "first", { name: "first", ...place });
      new ServerGroup(scope, "second", { name: "second", ...place }).activateAfter(first);
    });

    // WHEN synthesised THEN
    const second = stack.all("autoscaling_group").find((group) => group["name"] === "second");
    const afterFirst = [
      expect.stringMatching(/^aws_autoscaling_group\.first_/),
      expect.stringMatching(/^terraform_data\.first_rollout/),
    ];
    expect(second?.["depends_on"]).toEqual(expect.arrayContaining(afterFirst));
    // At a change it is the roll-outs that take machines away.
    const steps = Object.entries(stack.resource["terraform_data"] ?? {});
    const [, rollout] = steps.find(([id]) => id.startsWith("second_rollout")) ?? [];
    expect(rollout?.["depends_on"]).toContainEqual(afterFirst[1]);
  });

  it("refuses an order that Terraform cannot keep, instead of dropping it", () => {
    synthesised((scope) => {
      // GIVEN a group and a host that is none
      const group = new ServerGroup(scope, "group", { name: "group", ...placeIn(scope) });
      const host = new RecordingHost(scope, "host-1");
      // WHEN the group is to come after it, or after itself, THEN
      expect(() => group.activateAfter(host)).toThrow(
        /^server group group: can be activated after another server group only, got: .*host-1$/,
      );
      expect(() => group.activateAfter(group)).toThrow(/after another server group only, got: .*group$/);
    });
  });

  it("is found by Consul by its tag and binds to each machine's own address", () => {
    withGroup((group) => {
      // GIVEN a group WHEN asked THEN
      expect(group.joinAddress).toBe(
        "provider=aws region=us-east-1 addr_type=private_v4 tag_key=tricloud-group tag_value=us-proxy",
      );
      expect(group.bindAddress).toBe("{{ GetPrivateIP }}");
    });
  });

  it("counts each machine with the zone it is in", () => {
    withGroup(
      (group) => {
        // GIVEN five machines in three zones WHEN their blocks are looked at
        const zones = JSON.stringify(group.machines).match(/aws\/us-east-1\/us-east-1[abc]\/us-proxy-\d/g);
        // THEN they go round the zones
        expect(zones).toEqual([
          "aws/us-east-1/us-east-1a/us-proxy-1",
          "aws/us-east-1/us-east-1b/us-proxy-2",
          "aws/us-east-1/us-east-1c/us-proxy-3",
          "aws/us-east-1/us-east-1a/us-proxy-4",
          "aws/us-east-1/us-east-1b/us-proxy-5",
        ]);
      },
      { count: 5 },
    );
  });

  it.each([
    [{ name: "Us_Proxy" }, '"Us_Proxy"'],
    [{ count: 0 }, "got: 0"],
    [{ count: 3, atMost: 2 }, "atMost must be a whole number of at least 3, got: 2"],
    [{ count: 1.5 }, "got: 1.5"],
  ])("refuses %j", (changes, shown) => {
    expect(() => withGroup(() => undefined, changes)).toThrow(shown);
  });
});

describe("InternalLoadBalancer", () => {
  const balanced = () =>
    withGroup((group, { network }) => {
      const balancer = new InternalLoadBalancer(network, "balancer", { name: "us-proxy", network });
      balancer.forward({ to: group, port: 80 });
    });

  it("is private, in every zone", () => {
    // GIVEN a load balancer WHEN synthesised THEN
    const balancer = balanced().one("lb");
    expect(balancer).toMatchObject({ internal: true, load_balancer_type: "network" });
    expect(String(balancer["subnets"])).toMatch(/private-a.*private-b.*private-c/);
  });

  it("is open to the VPC alone, and is all that the machines are open to", () => {
    // GIVEN a group behind a load balancer WHEN synthesised
    const rules = balanced().all("vpc_security_group_ingress_rule");

    // THEN
    expect(rules).toHaveLength(2);
    expect(rules.filter((rule) => rule["cidr_ipv4"] !== undefined)).toMatchObject([
      { cidr_ipv4: "10.20.0.0/16", from_port: 80, to_port: 80 },
    ]);
  });

  it.each(["internal-proxy", "proxy-", "a".repeat(33), "a_b"])("refuses the name %s", (name) => {
    expect(() =>
      withGroup((_, { network }) => void new InternalLoadBalancer(network, "balancer", { name, network })),
    ).toThrow(`got: ${JSON.stringify(name)}`);
  });

  it("has machines replaced that fail its checks", () => {
    // GIVEN a group behind a load balancer WHEN synthesised THEN
    const group = balanced().one("autoscaling_group");
    expect(group["health_check_type"]).toBe("ELB");
    expect(group["target_group_arns"]).toHaveLength(1);
  });
});
