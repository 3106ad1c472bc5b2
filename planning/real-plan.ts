import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { inspectHost } from "./hosts/inspection";
import { type Contents } from "./matters/contents";
import { readHostDocument } from "./matters/host-document";
import { stackHosts } from "./matters/stack-hosts";
import { type StackPlan } from "./planner";
import { type PlanJson } from "./plan/plan-json";
import { shownPlan } from "./shown-plan";
import { type SynthesizedStack } from "./stack/synthesized-stacks";
import { Terraform } from "./terraform";

export interface RealPlanOptions {
  /** Directory in which the plan is kept as `STACK.tfplan`. @default - it is not kept */
  readonly save?: string;
  /** Whether Terraform may colour its output. */
  readonly colour?: boolean;
}

/**
 * Plans a stack with the real providers against its real state, where it is synthesised: what is kept can be applied from
 * there, and is exactly what was shown.
 */
export async function realPlan(stack: SynthesizedStack, options: RealPlanOptions): Promise<StackPlan> {
  const terraform = new Terraform({ directory: stack.directory });
  const standIns = { variables: [], files: [] };
  const directory =
    options.save === undefined ? mkdtempSync(join(tmpdir(), "tricloud-plan-")) : resolve(options.save);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const file = join(directory, `${stack.name}.tfplan`);
    const colour = options.colour === true ? [] : ["-no-color"];
    const initialised = await terraform.run(["init", "-input=false", ...colour]);
    if (!initialised.succeeded)
      return { stack: stack.name, succeeded: false, text: initialised.text, standIns };
    return {
      stack: stack.name,
      standIns,
      ...(await shownPlan(terraform, ["-input=false", ...colour], file)),
    };
  } finally {
    terraform.stop();
    if (options.save === undefined) rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * What those dedicated servers hold that a plan delivers to, by their own records. One that is out of reach is named, and
 * left out.
 */
export async function recordsOf(
  stack: SynthesizedStack,
  plan: PlanJson,
  note: (text: string) => void,
): Promise<Map<string, Contents>> {
  const changing = new Set(
    (plan.resource_changes ?? [])
      .filter(({ change: { actions } }) => actions.includes("create") && actions.length > 1)
      .map(({ address }) => address),
  );
  const hosts = stackHosts(stack.configuration).filter(({ delivery }) => changing.has(delivery));
  const records = await Promise.all(
    hosts.map(async (host) => {
      const inspected = await inspectHost(host, stack.directory);
      if (!inspected.reached) {
        note(`${stack.name}: ${host.name} tells nothing of what it holds: ${inspected.reason}`);
        return [];
      }
      const { document } = inspected.inspection;
      return document === undefined ? [] : [[host.name, readHostDocument(document)] as const];
    }),
  );
  return new Map(records.flat());
}
