import { SecretV1 } from "@cdktf/provider-kubernetes/lib/secret-v1";
import { Fn, type TerraformResource } from "cdktf";
import { Construct } from "constructs";
import { TerraformData } from "../dedicated/terraform-data";
import type { SecretEntry } from "./consul-secrets";
import { labelsOf } from "./own-labels";

export interface ServiceSecretsProps {
  readonly service: string;
  readonly namespace: string;
  /** Values, as expressions where they are secret, or entries of Secrets that are there already, by the names that the service knows. */
  readonly secrets: Readonly<Record<string, string | SecretEntry>>;
}

/** What a service holds in secret: a Secret with the values that come from Terraform, and entries of others. */
export class ServiceSecrets extends Construct {
  /** Where each is kept, by the name that the service knows. */
  readonly entries: Readonly<Record<string, SecretEntry>>;
  /** Another one whenever a value has changed, and no hint at it; undefined when no value comes from Terraform. */
  readonly version?: string;
  /** To be made before pods mount them. */
  readonly resources: TerraformResource[];

  constructor(scope: Construct, id: string, { service, namespace, secrets }: ServiceSecretsProps) {
    super(scope, id);
    const values = Object.entries(secrets).filter((each): each is [string, string] => isValue(each[1]));
    const others = Object.entries(secrets).filter((each): each is [string, SecretEntry] => !isValue(each[1]));
    if (values.length === 0) {
      this.entries = Object.fromEntries(others);
      this.resources = [];
      return;
    }
    const secret = new SecretV1(this, "secret", {
      metadata: { name: `${service}-secrets`, namespace, labels: labelsOf(service) },
      data: Object.fromEntries(values),
    });
    const digest = Fn.sha256(Fn.jsonencode(Object.fromEntries(values)));
    this.version = new TerraformData(this, "version", { triggersReplace: () => ({ secrets: [digest] }) }).id;
    const own = values.map(([name]) => [name, { secretName: secret.metadata.name, secretKey: name }]);
    this.entries = Object.fromEntries([...own, ...others]) as Record<string, SecretEntry>;
    this.resources = [secret];
  }
}

const isValue = (secret: string | SecretEntry): secret is string => typeof secret === "string";
