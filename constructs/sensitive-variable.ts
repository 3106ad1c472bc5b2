import { Lazy, TerraformOutput, TerraformStack, TerraformVariable } from "cdktf";
import type { Construct } from "constructs";

export interface SensitiveVariableProps {
  /** Terraform's name of the variable. */
  readonly name: string;
  readonly description: string;
  /** Whether a value will do, as Terraform's expression of `var.NAME`. */
  readonly condition: string;
  /** What a value must be, after "NAME must". */
  readonly expected: string;
  /** Command that makes values. @default - none: somebody has to have one */
  readonly madeBy?: string;
}

/**
 * A text of the stack that is secret, given as `TF_VAR_NAME`. Without a value it is refused by Terraform before anything
 * is planned.
 *
 * @returns the value as an expression
 */
export function sensitiveVariable(
  scope: Construct,
  id: string,
  { name, description, condition, expected, madeBy }: SensitiveVariableProps,
): string {
  // Of a variable without a default Terraform says its name alone.
  const variable = new TerraformVariable(scope, id, {
    ...{ type: "string", sensitive: true, description },
    default: "",
  });
  variable.overrideLogicalId(name);
  variable.addValidation({
    condition: `\${var.${name} != ""}`,
    errorMessage: `${name} is not given: ${madeBy === undefined ? "" : `\`${madeBy}\` makes it, or `}give it as TF_VAR_${name}.`,
  });
  CheckedVariables.of(scope).add(name, condition, `${name} must ${expected}.`);
  return variable.stringValue;
}

/**
 * Terraform prints a variable's value, a sensitive one too, when the variable's own validation fails. A precondition
 * prints none: the rules of all sensitive variables of a stack are those of one output.
 */
class CheckedVariables extends TerraformOutput {
  private static readonly ID = "sensitive_variables";
  private readonly names: string[];
  private readonly rules: { readonly condition: string; readonly error_message: string }[] = [];

  static of(scope: Construct): CheckedVariables {
    const stack = TerraformStack.of(scope);
    const existing = stack.node.tryFindChild(CheckedVariables.ID);
    return existing instanceof CheckedVariables ? existing : new CheckedVariables(stack);
  }

  private constructor(stack: TerraformStack) {
    const names: string[] = [];
    super(stack, CheckedVariables.ID, {
      description: "Sensitive variables whose values have the form that they must have",
      value: Lazy.listValue({ produce: () => names }),
      staticId: true,
    });
    this.names = names;
  }

  add(name: string, condition: string, message: string): void {
    this.names.push(name);
    this.rules.push({ condition: `\${${condition}}`, error_message: message });
    this.addOverride("precondition", [...this.rules]);
  }
}
