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
  private readonly namePrefix: string;
  private readonly stored = new Map<string, { meaning: string; secret: StoredSecret }>();

  constructor(scope: Construct, id: string, props: SecretStoreProps) {
    super(scope, id);
    this.namePrefix = props.namePrefix;
    this.kmsKeyArn = props.kmsKeyArn;
  }

  /**
   * Puts the secret into Secrets Manager; the same name and value count once.
   *
   * @throws Error when another value has the same name
   */
  store({ name, value }: SecretContent): StoredSecret {
    const present = this.stored.get(name);
    // Two expressions are the same when Terraform reads the same in them, whatever they are called in here.
    const meaning = this.meaningOf(value);
    if (present !== undefined) {
      if (present.meaning !== meaning)
        throw new Error(`secret ${name} is asked for twice with different values`);
      return present.secret;
    }
    // A deleted secret keeps its name for days: a unique ending lets the stack be made again meanwhile.
    const container = new SecretsmanagerSecret(this, name, {
      namePrefix: `${this.namePrefix}/${name}-`,
      description: `Fetched by machines of ${this.namePrefix} when they boot`,
      kmsKeyId: this.kmsKeyArn,
    });
    const version = new SecretsmanagerSecretVersion(this, `${name}-value`, {
      secretId: container.id,
      secretString: value,
    });
    const secret = { arn: container.arn, versionId: version.versionId };
    this.stored.set(name, { meaning, secret });
    return secret;
  }

  private meaningOf(value: string): string {
    const resolver = new DefaultTokenResolver(new StringConcat());
    return String(Tokenization.resolve(value, { scope: this, resolver, preparing: false }));
  }
}
