import { TerraformResource } from "cdktf";
import { Construct, type IConstruct } from "constructs";

/**
 * The resources of one type that a construct has made, itself and all parts of it, in the order of the tree:
 * to read what it does not tell, and to set (`addOverride`) what it does not take. Which there are is on the construct's
 * page; ids of the parts between may change with any release, so they are found by type.
 *
 * @param type the provider's class, for example `Vpc` of `@cdktf/provider-aws/lib/vpc`
 * @throws Error when it has made none; the message names the types that it has made
 */
export function resourcesOf<T extends TerraformResource>(
  construct: IConstruct,
  type: (abstract new (...args: never[]) => T) & { readonly tfResourceType: string },
): readonly T[] {
  if (!Construct.isConstruct(construct))
    throw new Error(`resourcesOf needs a construct, got: ${String(construct)}`);
  const resources = construct.node.findAll().filter((part) => TerraformResource.isTerraformResource(part));
  // By name and not by class: an app may hold another copy of the provider than the library.
  const found = resources.filter((one) => one.terraformResourceType === type.tfResourceType);
  if (found.length === 0) {
    const made = [...new Set(resources.map((one) => one.terraformResourceType))].sort();
    throw new Error(
      `${construct.node.path} has no ${type.tfResourceType}; it has ${made.join(", ") || "no resources"}`,
    );
  }
  return found as T[];
}
