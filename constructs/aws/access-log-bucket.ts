import { Construct } from "constructs";
import type { ITerraformDependable } from "cdktf";
import { closedBucket } from "./closed-bucket";

export interface AccessLogBucketProps {
  /** Start of the bucket's name, lower-case letters, digits and hyphens; the rest makes it unique. At most 37. */
  readonly namePrefix: string;
  /** How long logs are kept. @default 90 */
  readonly days?: number;
  /** Refuse to destroy the bucket. @default true */
  readonly deletionProtection?: boolean;
}

/**
 * Where application load balancers of the region leave who asked them for what: a private bucket that loses each log
 * after a time. Encrypted with S3's own keys, since load balancers write with no others.
 */
export class AccessLogBucket extends Construct {
  /** Id of the bucket, for a load balancer's `access_logs`. */
  readonly bucketName: string;
  /** What must be there before a load balancer can write: it tries when it is told to. */
  readonly ready: readonly ITerraformDependable[];

  /** @throws Error for a prefix that no bucket can begin with, or less than a day */
  constructor(scope: Construct, id: string, props: AccessLogBucketProps) {
    super(scope, id);
    const { namePrefix, days = 90, deletionProtection = true } = props;
    if (!/^[a-z0-9][a-z0-9-]{0,36}$/.test(namePrefix)) {
      throw new Error(
        `namePrefix of an access log bucket must be at most 37 lower-case letters, digits and hyphens, got: ${JSON.stringify(namePrefix)}`,
      );
    }
    if (!Number.isInteger(days) || days < 1) {
      throw new Error(`access log bucket ${namePrefix}: days must be at least 1, got: ${days}`);
    }
    const { bucket, ready } = closedBucket(this, {
      namePrefix,
      // What the load balancer wrote until it went would else stop the destruction half-way through.
      forceDestroy: !deletionProtection,
      lifecycle: { preventDestroy: deletionProtection },
      expiry: {
        id: "old-logs",
        expiration: [{ days }],
        noncurrentVersionExpiration: [{ noncurrentDays: 1 }],
      },
      statements: (bucketArn) => [
        {
          Sid: "WriteAccessLogs",
          Effect: "Allow",
          Principal: { Service: "logdelivery.elasticloadbalancing.amazonaws.com" },
          Action: "s3:PutObject",
          Resource: `${bucketArn}/*`,
        },
      ],
    });
    this.bucketName = bucket.id;
    this.ready = ready;
  }
}
