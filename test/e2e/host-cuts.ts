import { Testbed, type VirtualHost } from "../testbed";
import { exampleProfile, HostDelivery, snapshotBesideDeliveries, succeeded } from "./host-delivery";
import { difference } from "./host-snapshot";
import { HostStack } from "./host-stack";
import { COUNTED_PORT, CountedShell } from "./host-steps";

/**
 * How a deploy is cut short: the connection ends, or the power does and with it what the disk was not told to keep, or
 * Terraform is asked to stop.
 */
export type Cut = "connection" | "power" | "interrupt";
export const CUTS: readonly Cut[] = ["connection", "power", "interrupt"];

/**
 * Share of a life's steps that every life has. Lives differ by a few, such as those of programs that wait: the last of
 * one may come after another's end.
 */
export const ALWAYS_THERE = 0.97;

/** A host whose life with us (staged, activated, taken back) is cut at one step, and what came of it. */
export class CutHost {
  private constructor(
    private readonly testbed: Testbed,
    private readonly host: VirtualHost,
    private readonly stack: HostStack,
    private readonly untouched: string[],
    private readonly counted: { readonly withoutTerraform: number; readonly byTerraform: number },
  ) {}

  /** Steps of a life that nothing cuts. */
  steps(kind: Cut): number {
    return kind === "interrupt" ? this.counted.byTerraform : this.counted.withoutTerraform;
  }

  static async boot(): Promise<CutHost> {
    const testbed = await Testbed.boot({ hosts: ["cut"], diskMegabytes: 2048 });
    try {
      const host = testbed.host("cut");
      // dpkg is to be as careful as it is elsewhere.
      await host.run(
        "rm /etc/dpkg/dpkg.cfg.d/testbed; apt-get -q update; echo mine >/etc/mine; useradd mine",
      );
      await host.run("rm -f /etc/subuid- /etc/subgid-; sync");
      const untouched = await snapshotBesideDeliveries(host);
      const shell = await CountedShell.open(host);
      await new HostDelivery(host).deliver(exampleProfile());
      shell.atStep(Infinity, () => undefined);
      for (const command of HostDelivery.LIFE) {
        const { code, stdout, stderr } = await shell.run(command).ended;
        if (code !== 0) throw new Error(`${command}: exit code ${code}\n${stdout}${stderr}`);
      }
      const withoutTerraform = shell.steps;
      const stack = await HostStack.synthesise(testbed, host, COUNTED_PORT);
      shell.atStep(Infinity, () => undefined);
      for (const command of LIFE_BY_TERRAFORM) succeeded(await stack.start(command).ended);
      await shell.close();
      return new CutHost(testbed, host, stack, untouched, { withoutTerraform, byTerraform: shell.steps });
    } catch (error) {
      await testbed.stop();
      throw error;
    }
  }

  /**
   * Cuts a life at a step, deploys the same again, and takes it back.
   *
   * @returns what is not as it should be; empty when all is well, undefined when the life was over before that step
   */
  cut(kind: Cut, step: number): Promise<string[] | undefined> {
    return kind === "interrupt" ? this.interrupt(step) : this.cutOff(kind, step);
  }

  private async cutOff(kind: "connection" | "power", step: number): Promise<string[] | undefined> {
    const { host } = this;
    // As Debian's initramfs leaves it; a container's systemd is kinder.
    await host.run("mount -o remount,noexec /run");
    // Half of the hosts have a program that has the disk keep at once what others only wrote, as a database does.
    const syncs = kind === "power" && step % 2 === 1;
    if (syncs) await host.run("systemd-run --unit=syncs sh -c 'while sync; do sleep 0.1; done'");
    const shell = await CountedShell.open(host);
    await new HostDelivery(host).deliver(exampleProfile());
    let happened = false;
    let off: Promise<void> | undefined;
    let lose = () => undefined as void;
    shell.atStep(step, () => {
      happened = true;
      // The host's clock stands still from here: nothing of it runs when its first process has ended.
      if (kind === "power") off = host.losePower();
      lose();
    });
    for (const command of HostDelivery.LIFE) {
      const running = shell.run(command);
      lose = running.lose;
      await running.ended;
      if (happened) break;
    }
    if (kind === "power" && happened) {
      await off;
      await host.start();
    } else {
      await shell.close();
      if (syncs) await host.run("systemctl stop syncs");
    }
    return happened ? this.afterwards() : undefined;
  }

  /** From a terminal at every other step, from elsewhere at the rest. */
  private async interrupt(step: number): Promise<string[] | undefined> {
    const { host, stack } = this;
    const shell = await CountedShell.open(host);
    try {
      let happened = false;
      let interrupt = () => undefined as void;
      shell.atStep(step, () => {
        happened = true;
        interrupt();
      });
      for (const command of LIFE_BY_TERRAFORM) {
        const running = stack.start(command);
        interrupt = () => running.interrupt(step % 2 === 0 ? "all" : "terraform");
        await running.ended;
        if (happened) break;
      }
      if (!happened) return undefined;
      return await this.after(
        async () => void succeeded(await stack.start("apply").ended),
        async () => void succeeded(await stack.start("destroy").ended),
      );
    } finally {
      await shell.close();
    }
  }

  stop(): Promise<void> {
    return this.testbed.stop();
  }

  private afterwards(): Promise<string[]> {
    const delivery = new HostDelivery(this.host);
    return this.after(
      async () => void (await delivery.deploy(exampleProfile())),
      async () => void succeeded(await delivery.remove()),
    );
  }

  private async after(deploy: () => Promise<void>, remove: () => Promise<void>): Promise<string[]> {
    const { host } = this;
    const wrong: string[] = [];
    try {
      await deploy();
      const state = await host.attempt(
        "cat /etc/tricloud-example/example.conf /etc/motd; systemctl is-active tricloud-example; systemctl is-enabled tricloud-example; " +
          "dpkg --audit; ls /usr/sbin/policy-rc.d /etc/.tricloud.* /var/lib/tricloud/*.new.* /var/lib/tricloud/planned 2>/dev/null; jq -n 1",
      );
      if (state.stdout !== "one\none\nactive\nenabled\n1\n")
        wrong.push(`deployed, and yet: ${state.stdout}${state.stderr}`);
      await remove();
      wrong.push(...difference(this.untouched, await snapshotBesideDeliveries(host)));
    } catch (error) {
      wrong.push((error as Error).message);
    }
    return wrong;
  }
}

const LIFE_BY_TERRAFORM = ["apply", "destroy"] as const;
