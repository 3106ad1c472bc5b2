import { applyProgram } from "../../constructs/host/apply-program";
import { deliveryDocument } from "../../constructs/host/delivery-document";
import { EMPTY_PROFILE, type HostProfile, textContent } from "../../constructs/host/host-profile";
import { type CommandOptions, type CommandResult, type VirtualHost } from "../testbed";
import { snapshot } from "./host-snapshot";

const INCOMING = "/root/.tricloud-incoming";

/** What a step did: its exit code, and all that it said. */
export interface Applied {
  readonly code: number;
  readonly output: string;
}

/** Calls the program on a host as a deployment does, step by step and without Terraform. */
export class HostDelivery {
  /** @param program the program's text. @default - as it is delivered */
  constructor(
    private readonly host: VirtualHost,
    readonly program = applyProgram("over-ssh"),
  ) {}

  /** Delivers the program and what `profile` says, and has it staged. */
  async stage(profile: HostProfile, options: CommandOptions = {}): Promise<Applied> {
    await this.deliver(profile);
    return this.stageDelivered(options);
  }

  stageDelivered(options?: CommandOptions): Promise<Applied> {
    return this.apply(`stage ${INCOMING}`, options);
  }

  async deliver(profile: HostProfile): Promise<void> {
    await this.host.run(`rm -rf ${INCOMING} && mkdir -m 0700 ${INCOMING} && cat >${INCOMING}/host-apply.sh`, {
      input: this.program,
    });
    await this.host.run(`cat >${INCOMING}/document`, { input: this.documentOf(profile) });
  }

  activate(options?: CommandOptions): Promise<Applied> {
    return this.apply("activate", options);
  }

  remove(options?: CommandOptions): Promise<Applied> {
    return this.apply("remove", options);
  }

  /** The commands of a whole life on the host: deployed, and taken back. */
  static readonly LIFE = [
    `bash ${INCOMING}/host-apply.sh stage ${INCOMING}`,
    "bash /var/lib/tricloud/host-apply.sh activate",
    "bash /var/lib/tricloud/host-apply.sh remove",
  ];

  /** Both steps of a deploy; throws unless both succeed. */
  async deploy(profile: HostProfile): Promise<string> {
    return succeeded(await this.stage(profile)) + succeeded(await this.activate());
  }

  protected documentOf(profile: HostProfile): string {
    return deliveryDocument(profile);
  }

  private async apply(step: string, options?: CommandOptions): Promise<Applied> {
    const program = step.startsWith("stage") ? INCOMING : "/var/lib/tricloud";
    return applied(await this.host.attempt(`bash ${program}/host-apply.sh ${step}`, options));
  }
}

const applied = ({ code, stdout, stderr }: CommandResult): Applied => ({ code, output: stdout + stderr });

/** What a step said; throws when it failed. */
export function succeeded({ code, output }: Applied): string {
  if (code !== 0) throw new Error(`exit code ${code}:\n${output}`);
  return output;
}

const UNIT = "/etc/systemd/system/tricloud-example.service";
const CONF = "/etc/tricloud-example/example.conf";

/** A small service of ours: packages of Debian's, a unit, a configuration in a folder that was not there. */
export function exampleProfile(changes: Partial<HostProfile> & { readonly word?: string } = {}): HostProfile {
  const { word = "one", ...more } = changes;
  return {
    ...EMPTY_PROFILE,
    packages: ["jq"],
    files: [
      {
        path: UNIT,
        content: textContent(
          `[Service]\nExecStart=/bin/sh -c 'cp ${CONF} /run/tricloud-example; exec sleep infinity'\n` +
            "ExecStopPost=/bin/rm -f /run/tricloud-example\n[Install]\nWantedBy=multi-user.target\n",
        ),
      },
      { path: CONF, content: textContent(`${word}\n`) },
      { path: "/etc/motd", content: textContent(`${word}\n`) },
    ],
    services: [
      {
        name: "tricloud-example.service",
        reads: [UNIT, CONF],
        verify: `grep -q . "$STAGED${CONF}"`,
        health: { command: "test -s /run/tricloud-example" },
      },
    ],
    ...more,
  };
}

/** All of the host but where deliveries arrive. */
export const snapshotBesideDeliveries = async (host: VirtualHost): Promise<string[]> =>
  (await snapshot(host)).filter((line) => !line.includes(INCOMING));
