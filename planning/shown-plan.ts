import { type PlanJson } from "./plan/plan-json";
import { type Terraform } from "./terraform";

export type ShownPlan =
  | { readonly succeeded: true; readonly text: string; readonly plan: PlanJson }
  | { readonly succeeded: false; readonly text: string };

/**
 * Plans to a file and reads it back.
 *
 * @param options arguments of `terraform plan`
 * @param file where the plan goes, from the configuration's directory
 */
export async function shownPlan(
  terraform: Terraform,
  options: readonly string[],
  file: string,
): Promise<ShownPlan> {
  const planned = await terraform.run(["plan", ...options, `-out=${file}`]);
  if (!planned.succeeded) return { succeeded: false, text: planned.text };
  const shown = await terraform.run(["show", "-json", file]);
  if (!shown.succeeded) return { succeeded: false, text: shown.text };
  // What to do with the plan file, which Terraform says last, is for whoever asked for it to know.
  const [text] = planned.stdout.split(/^─{20,}$/m);
  return { succeeded: true, text: text ?? planned.stdout, plan: JSON.parse(shown.stdout) as PlanJson };
}
