import { SecretsmanagerSecret } from "@cdktf/provider-aws/lib/secretsmanager-secret";
import { SecretsmanagerSecretVersion } from "@cdktf/provider-aws/lib/secretsmanager-secret-version";
import { DefaultTokenResolver, StringConcat, Tokenization } from "cdktf";
import { Construct } from "constructs";
import type { SecretContent } from "../host";

export interface SecretStoreProps {
  /** Path that the secrets' names start with, for example `us`. */
  readonly namePrefix: string;
  /** KMS key that encrypts them. @default - the account's own key for Secrets Manager */
  readonly kmsKeyArn?: string;
}

/** A secret that machines fetch with their role. */
export interface StoredSecret {
  /** Amazon resource name of the secret. */
  readonly arn: string;
  /** Which value: changes when the secret does, and with it whatever names it. */
  readonly versionId: string;
}

/** Secrets of a stack in Secrets Manager. Their values come from Terraform expressions and never stand in user data. */
export class SecretStore extends Construct {
  /** KMS key of the secrets, when one was given. */
  readonly kmsKeyArn: string | undefined;
  /** Names in Secrets Manager of all that is stored by now, by what hosts call each. */
  readonly names: Record<string, string> = {};
  private readonly namePrefix: string;
  private readonly stored = new Map<string, { meaning: string; secret: StoredSecret }[]>();

  constructor(scope: Construct, id: string, props: SecretStoreProps) {
    super(scope, id);
    this.namePrefix = props.namePrefix;
    this.kmsKeyArn = props.kmsKeyArn;
  }

  /**
   * Puts the secret into Secrets Manager; the same name and value count once. Hosts that share the store may call
   * different values by one name, as Consul's servers and its other agents do.
   */
  store({ name, value }: SecretContent): StoredSecret {
    const meaning = this.meaningOf(value);
    const namesakes = this.stored.get(name) ?? [];
    const present = namesakes.find((namesake) => namesake.meaning === meaning);
    if (present !== undefined) return present.secret;
    // Numbered as they come: named for its value, a secret would be another one after each change of it.
    const id = namesakes.length === 0 ? name : `${name}-${namesakes.length + 1}`;
    // A deleted secret keeps its name for days: a unique ending lets the stack be made again meanwhile.
    const container = new SecretsmanagerSecret(this, id, {
      namePrefix: `${this.namePrefix}/${name}-`,
      description: `Fetched by machines of ${this.namePrefix} when they boot`,
      kmsKeyId: this.kmsKeyArn,
    });
    const version = new SecretsmanagerSecretVersion(this, `${id}-value`, {
      secretId: container.id,
      secretString: value,
    });
    this.names[id] = container.name;
    const secret = { arn: container.arn, versionId: version.versionId };
    this.stored.set(name, [...namesakes, { meaning, secret }]);
    return secret;
  }

  /** Two expressions are the same when Terraform reads the same in them, whatever they are called in here. */
  private meaningOf(value: string): string {
    const resolver = new DefaultTokenResolver(new StringConcat());
    return String(Tokenization.resolve(value, { scope: this, resolver, preparing: false }));
  }
}
