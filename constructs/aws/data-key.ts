import { KmsAlias } from "@cdktf/provider-aws/lib/kms-alias";
import { KmsKey } from "@cdktf/provider-aws/lib/kms-key";
import { Construct } from "constructs";

export interface DataKeyProps {
  /** Name of the key's alias, for example `us`. */
  readonly name: string;
}

/** A KMS key of one's own, changed every year by KMS, for data at rest. */
export class DataKey extends Construct {
  /** Amazon resource name of the key. */
  readonly keyArn: string;

  constructor(scope: Construct, id: string, { name }: DataKeyProps) {
    super(scope, id);
    const key = new KmsKey(this, "key", {
      description: `Data at rest in ${name}`,
      enableKeyRotation: true,
      deletionWindowInDays: 30,
    });
    new KmsAlias(this, "alias", { name: `alias/tricloud-${name}`, targetKeyId: key.keyId });
    this.keyArn = key.arn;
  }
}
