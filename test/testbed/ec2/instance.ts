import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type CommandResult, until } from "../command";
import { type Testbed } from "../testbed";
import { type VirtualHost } from "../virtual-host";
import { type Aws, AWS_REGION, temporaryCredentials } from "./aws";
import { type GroupPlan } from "./cloud";
import { giveUserData, machineFromImage } from "./machine";

/** How long EC2 waits for an operating system to shut down. It has minutes; none here needs as many seconds. */
const SHUTDOWN_MS = 60_000;

/** A machine of a group: a virtual host that AWS knows. */
export class Instance {
  /** Makes a machine with the plan's user data and switches it on. */
  static async launch(testbed: Testbed, aws: Aws, plan: GroupPlan, zone: string): Promise<Instance> {
    const host = await machineFromImage(testbed, aws.authority, plan.userData.includes("podman"));
    const { name, tags, statements, userData } = plan;
    const id = await aws.runInstance(host.address, tags);
    aws.admit({
      id,
      address: host.address,
      zone,
      role: name,
      statements,
      credentials: temporaryCredentials(),
    });
    giveUserData(host, id, userData);
    await host.powerOn();
    return new Instance(id, zone, host, aws);
  }

  private constructor(
    readonly id: string,
    readonly zone: string,
    readonly host: VirtualHost,
    private readonly aws: Aws,
  ) {}

  /** Runs a script as the agent of Systems Manager does: a file of root's, with next to no environment. */
  async runScript(script: string): Promise<CommandResult> {
    const file = `/var/lib/amazon-${randomUUID()}.sh`;
    writeFileSync(join(this.host.root, file), script, { mode: 0o700 });
    return this.host.attempt(
      `env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -c ${file}; code=$?; rm ${file}; exit $code`,
    );
  }

  /** Shuts the machine down as EC2 does: its operating system first, its power when that takes too long. */
  async terminate(): Promise<void> {
    const { host, aws, id } = this;
    await aws.terminateInstance(id);
    if (host.isOn) {
      await host.shutDown();
      await until(`${id} is off`, SHUTDOWN_MS, async () => !host.isOn || undefined).catch(() =>
        host.cutPower(),
      );
    }
    aws.forget(host.address);
    await host.destroy();
  }
}

/** Zones that groups spread their machines over, in turn. */
export const ZONES = ["a", "b", "c"].map((letter) => `${AWS_REGION}${letter}`);
