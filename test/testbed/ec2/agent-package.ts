import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../command";
import { architecture } from "../debian-root";
import { AGENT_BUCKET, type Aws } from "./aws";

/**
 * Puts a package where AWS publishes the agent of Session Manager. What it installs does the one thing that a machine
 * shows the agent by: it registers with its role's credentials, once they are to be had.
 *
 * @param directory for the package's parts
 */
export async function publishAgent(aws: Aws, directory: string): Promise<void> {
  const arch = await architecture();
  const tree = join(directory, "amazon-ssm-agent");
  const write = (path: string, text: string, mode = 0o644) => {
    mkdirSync(join(tree, dirname(path)), { recursive: true });
    writeFileSync(join(tree, path), text);
    chmodSync(join(tree, path), mode);
  };
  write(
    "DEBIAN/control",
    `Package: amazon-ssm-agent\nVersion: 3.3.0.0\nArchitecture: ${arch}\nMaintainer: testbed\n` +
      "Description: registers as the agent of Session Manager does\n",
  );
  write("DEBIAN/postinst", "#!/bin/sh\nsystemctl enable --now amazon-ssm-agent\n", 0o755);
  write(
    "lib/systemd/system/amazon-ssm-agent.service",
    "[Service]\nExecStart=/usr/bin/amazon-ssm-agent\nRestart=on-failure\nRestartSec=1\nStartLimitIntervalSec=0\n\n" +
      "[Install]\nWantedBy=multi-user.target\n",
  );
  write("usr/bin/amazon-ssm-agent", AGENT, 0o755);
  const file = join(directory, "amazon-ssm-agent.deb");
  await run("dpkg-deb", ["--build", "--root-owner-group", tree, file]);
  await aws.createBucket(AGENT_BUCKET);
  const key = `latest/debian_${arch}/amazon-ssm-agent.deb`;
  await aws.putObject(AGENT_BUCKET, key, readFileSync(file), { acl: "public-read" });
}

const AGENT = `#!/bin/bash
set -euo pipefail
metadata=http://169.254.169.254/latest
token=$(curl -fsS -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' $metadata/api/token)
get() { curl -fsS -H "x-aws-ec2-metadata-token: $token" "$metadata/$1"; }
id=$(get meta-data/instance-id)
region=$(get meta-data/placement/region)
roles=meta-data/iam/security-credentials/
credentials=$(get "$roles$(get $roles)")
field() { sed -n "s/.*\\"$1\\": *\\"\\([^\\"]*\\)\\".*/\\1/p" <<<"$credentials"; }
exec curl -fsS --aws-sigv4 "aws:amz:$region:ssm" --user "$(field AccessKeyId):$(field SecretAccessKey)" \\
  -H "x-amz-security-token: $(field Token)" -H 'x-amz-target: AmazonSSM.UpdateInstanceInformation' \\
  -H 'content-type: application/x-amz-json-1.1' \\
  -d "{\\"InstanceId\\":\\"$id\\",\\"AgentVersion\\":\\"3.3.0.0\\"}" "https://ssm.$region.amazonaws.com/"
`;
