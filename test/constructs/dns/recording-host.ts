import { Construct } from "constructs";
import { type Block, component } from "../../../constructs/availability";
import {
  type HostProfile,
  HostProfileBuilder,
  type HostProfilePart,
  type IHost,
} from "../../../constructs/host";

export interface RecordingHostProps {
  /** @default - a fixed address made from the name's number */
  readonly bindAddress?: string;
  readonly joinAddress?: string;
  /** Machines behind this name. @default 1 */
  readonly count?: number;
}

/** A host that only remembers what it was asked for. */
export class RecordingHost extends Construct implements IHost {
  readonly machines: readonly Block[];
  readonly bindAddress: string;
  readonly joinAddress: string;
  readonly after: string[] = [];
  private readonly builder: HostProfileBuilder;

  constructor(
    scope: Construct,
    readonly hostName: string,
    props: RecordingHostProps = {},
  ) {
    super(scope, hostName);
    this.builder = new HostProfileBuilder(hostName);
    this.bindAddress = props.bindAddress ?? `10.10.0.${Number(hostName.replace(/\D/g, "")) + 10}`;
    this.joinAddress = props.joinAddress ?? this.bindAddress;
    this.machines = Array.from({ length: props.count ?? 1 }, (_, i) =>
      component(`${hostName}/${i}`, { availability: 0.99 }),
    );
  }

  addToProfile(part: HostProfilePart): void {
    this.builder.add(part);
  }

  activateAfter(other: IHost): void {
    this.after.push(other.hostName);
  }

  get profile(): HostProfile {
    return this.builder.build();
  }

  /** The text of the file at `path`, or the expression of a secret one. */
  file(path: string): string {
    const found = this.profile.files.find((file) => file.path === path);
    if (found === undefined) throw new Error(`${this.hostName} has no file ${path}`);
    if (found.content.kind === "asset") throw new Error(`${path} is an asset`);
    return found.content.kind === "text" ? found.content.text : found.content.value;
  }
}
