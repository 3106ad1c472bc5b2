import { spawnSync } from "node:child_process";
import { type StackHost } from "../matters/stack-hosts";
import { type SynthesizedStack } from "../stack/synthesized-stacks";
import { terraformProgram } from "../terraform";

/**
 * Delivers to hosts anew and activates what was delivered, as a deploy does: by Terraform, in its order, one batch after
 * another, each service's gate asked. What it has changed is in the state as after any deploy. Says what it does on
 * standard error.
 *
 * @returns whether it succeeded
 */
export function repair(stack: SynthesizedStack, hosts: readonly StackHost[]): boolean {
  const terraform = (...args: readonly string[]): boolean => {
    const { error, status } = spawnSync(terraformProgram(), args, {
      cwd: stack.directory,
      stdio: ["ignore", process.stderr.fd, "inherit"],
    });
    if (error !== undefined) throw error;
    return status === 0;
  };
  return (
    terraform("init", "-input=false") &&
    terraform(
      "apply",
      "-input=false",
      "-auto-approve",
      ...hosts.map(({ delivery }) => `-replace=${delivery}`),
      ...hosts.map(({ activation }) => `-target=${activation}`),
    )
  );
}
