import { type StackConfiguration } from "../stack/synthesized-stacks";
import { type Contents } from "./contents";
import { readHostDocument } from "./host-document";

/** A dedicated server as a synthesised stack describes it. */
export interface StackHost {
  readonly name: string;
  /** Address of the resource that brings the host what it shall hold. */
  readonly delivery: string;
  /** Address of the resource that puts it in place. */
  readonly activation: string;
  /** When that happens, among the activations of the stack: lower comes first. */
  readonly turn: number;
  /** How it is reached: the environment of `ssh-step.sh`. */
  readonly connection: Readonly<Record<string, string>>;
  /** Name of the local value that holds its document. */
  readonly document: string;
  readonly contents: Contents;
}

/** A command that a resource has the deploying machine run. */
export interface Step {
  readonly command: string;
  readonly when?: "destroy";
  readonly environment: string | Readonly<Record<string, string>>;
}

/** The dedicated servers of a stack: those to which something is delivered. */
export function stackHosts(configuration: StackConfiguration): StackHost[] {
  const steps = Object.entries(configuration.resource?.["terraform_data"] ?? {}).flatMap(([name, block]) =>
    stepsOf(block["provisioner"], "ssh-step.sh").map((step) => ({ name, step })),
  );
  return steps.flatMap(({ name, step: { command, environment } }) => {
    const [, document] = / stage /.test(command) ? (/local\.([\w-]+)/.exec(String(environment)) ?? []) : [];
    if (document === undefined) return [];
    const activation = steps.find(
      (other) => other.step.command.endsWith(" activate") && nameOf(other.name) === nameOf(name),
    );
    if (activation === undefined || typeof activation.step.environment === "string") return [];
    const connection = activation.step.environment;
    return [
      {
        name: connection["TRICLOUD_HOST_NAME"] ?? nameOf(name),
        delivery: `terraform_data.${name}`,
        activation: `terraform_data.${activation.name}`,
        turn: Number(/_turn_(\d+)$/.exec(activation.name)?.[1] ?? 1),
        connection,
        document,
        contents: readHostDocument(configuration.locals?.[document] ?? ""),
      },
    ];
  });
}

/** What comes before the step's own part in a resource's name: the host's construct. */
const nameOf = (resource: string): string => resource.replace(/_(delivery|activation)_.*$/, "");

/** @param program that the command runs: the name of its file */
export function stepsOf(provisioner: unknown, program: string): Step[] {
  return ((provisioner ?? []) as ReadonlyArray<{ readonly "local-exec"?: Step }>).flatMap((one) =>
    one["local-exec"] !== undefined && `${one["local-exec"].command} `.includes(`/${program} `)
      ? [one["local-exec"]]
      : [],
  );
}
