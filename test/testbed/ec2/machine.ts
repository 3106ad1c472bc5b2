import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { type Testbed } from "../testbed";
import { type VirtualHost } from "../virtual-host";
import { VPC_RESOLVER } from "./vpc-resolver";

const SEED = "var/lib/cloud/seed/nocloud";

/** What Debian's image for EC2 has beyond a minimal system. */
const IMAGE_PACKAGES = ["cloud-init"];

/**
 * A machine with the disk of Debian's image for EC2, not switched on: cloud-init, the VPC's resolver, no key of
 * anybody's but the testbed's. It trusts one authority more than the image does, and is named as machines on EC2 are.
 *
 * @param authority PEM certificate
 * @param containers whether it can run containers, as any machine can
 */
export async function machineFromImage(
  testbed: Testbed,
  authority: string,
  containers = false,
): Promise<VirtualHost> {
  const layer = await testbed.layer("ec2-image", IMAGE_PACKAGES);
  const name = `ip-${testbed.network.nextAddress.replaceAll(".", "-")}`;
  const machine = await testbed.addHost(name, [layer], undefined, containers);
  const write = (path: string, text: string) => {
    mkdirSync(join(machine.root, dirname(path)), { recursive: true });
    writeFileSync(join(machine.root, path), text);
  };
  write("etc/resolv.conf", `nameserver ${VPC_RESOLVER}\n`);
  write("usr/local/share/ca-certificates/testbed.crt", authority);
  appendFileSync(join(machine.root, "etc/ssl/certs/ca-certificates.crt"), authority);
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
  return machine;
}

/** Puts the user data, compressed as it is on EC2, where cloud-init's NoCloud source looks. */
export function giveUserData(machine: VirtualHost, instance: string, userData: string): void {
  const seed = join(machine.root, SEED);
  rmSync(seed, { recursive: true, force: true });
  mkdirSync(seed, { recursive: true });
  writeFileSync(join(seed, "meta-data"), `instance-id: ${instance}\n`);
  writeFileSync(join(seed, "user-data"), gzipSync(userData));
}
