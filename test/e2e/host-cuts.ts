import { Testbed, type VirtualHost } from "../testbed";
import { exampleProfile, HostDelivery, succeeded } from "./host-delivery";
import { difference, snapshot } from "./host-snapshot";
import { CountedShell } from "./host-steps";

/** How a deploy is cut short: the connection ends, or the power does and with it what the disk was not told to keep. */
export type Cut = "connection" | "power";

/** A host whose life with us (staged, activated, taken back) is cut at one step, and what came of it. */
export class CutHost {
  /** Steps of a life that nothing cuts. */
  readonly steps: number;

  private constructor(
    private readonly testbed: Testbed,
    private readonly host: VirtualHost,
    private readonly untouched: string[],
    steps: number,
  ) {
    this.steps = steps;
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
      const untouched = await asItIs(host);
      const shell = await CountedShell.open(host);
      await new HostDelivery(host).deliver(exampleProfile());
      shell.atStep(Infinity, () => undefined);
      for (const command of HostDelivery.LIFE) {
        const { code, stdout, stderr } = await shell.run(command).ended;
        if (code !== 0) throw new Error(`${command}: exit code ${code}\n${stdout}${stderr}`);
      }
      await shell.close();
      return new CutHost(testbed, host, untouched, shell.steps);
    } catch (error) {
      await testbed.stop();
      throw error;
    }
  }

  /**
   * Cuts a life at a step, deploys the same again, and takes it back.
   *
   * @returns what is not as it should be; empty when all is well
   */
  async cut(kind: Cut, step: number): Promise<string[]> {
    const { host } = this;
    // As Debian's initramfs leaves it; a container's systemd is kinder.
    await host.run("mount -o remount,noexec /run");
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
    }
    return happened
      ? this.afterwards()
      : [`a life has no step ${step} any more, it ended after ${shell.steps}`];
  }

  stop(): Promise<void> {
    return this.testbed.stop();
  }

  private async afterwards(): Promise<string[]> {
    const { host } = this;
    const wrong: string[] = [];
    const delivery = new HostDelivery(host);
    try {
      await delivery.deploy(exampleProfile());
      const state = await host.attempt(
        "cat /etc/tricloud-example/example.conf /etc/motd; systemctl is-active tricloud-example; systemctl is-enabled tricloud-example; " +
          "dpkg --audit; ls /usr/sbin/policy-rc.d /etc/.tricloud.* /var/lib/tricloud/*.new.* /var/lib/tricloud/planned 2>/dev/null; jq -n 1",
      );
      if (state.stdout !== "one\none\nactive\nenabled\n1\n")
        wrong.push(`deployed, and yet: ${state.stdout}${state.stderr}`);
      succeeded(await delivery.remove());
      wrong.push(...difference(this.untouched, await asItIs(host)));
    } catch (error) {
      wrong.push((error as Error).message);
    }
    return wrong;
  }
}

/** All of the host but where deliveries arrive. */
const asItIs = async (host: VirtualHost): Promise<string[]> =>
  (await snapshot(host)).filter((line) => !line.includes("/root/.tricloud-incoming"));
