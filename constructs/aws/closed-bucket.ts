import { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket";
import {
  S3BucketLifecycleConfiguration,
  type S3BucketLifecycleConfigurationRule,
} from "@cdktf/provider-aws/lib/s3-bucket-lifecycle-configuration";
import { S3BucketPolicy } from "@cdktf/provider-aws/lib/s3-bucket-policy";
import { S3BucketPublicAccessBlock } from "@cdktf/provider-aws/lib/s3-bucket-public-access-block";
import { S3BucketServerSideEncryptionConfigurationA } from "@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration";
import { S3BucketVersioningA } from "@cdktf/provider-aws/lib/s3-bucket-versioning";
import type { ITerraformDependable, TerraformResourceLifecycle } from "cdktf";
import type { Construct } from "constructs";

export interface ClosedBucketProps {
  /** Start of the bucket's name; the rest makes it unique. */
  readonly namePrefix: string;
  /** Whether it goes with all that it holds. */
  readonly forceDestroy: boolean;
  readonly lifecycle?: TerraformResourceLifecycle;
  /** When what it holds goes. */
  readonly expiry: Pick<
    S3BucketLifecycleConfigurationRule,
    "id" | "expiration" | "noncurrentVersionExpiration"
  >;
  /** Statements of its policy, given its Amazon resource name, besides the one that wants TLS of everybody. */
  readonly statements?: (bucketArn: string) => readonly object[];
}

export interface ClosedBucket {
  readonly bucket: S3Bucket;
  /** What must be there before anything is put into it. */
  readonly ready: readonly ITerraformDependable[];
}

/** A private, versioned, encrypted bucket, as a part of `scope`: nothing gets to it but over TLS. */
export function closedBucket(scope: Construct, props: ClosedBucketProps): ClosedBucket {
  const { namePrefix: bucketPrefix, forceDestroy, lifecycle, expiry, statements = () => [] } = props;
  const made = new S3Bucket(scope, "bucket", { bucketPrefix, forceDestroy, lifecycle });
  const bucket = made.id;
  const closed = new S3BucketPublicAccessBlock(scope, "no-public-access", {
    bucket,
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  });
  const versions = new S3BucketVersioningA(scope, "versions", {
    bucket,
    versioningConfiguration: { status: "Enabled" },
  });
  new S3BucketLifecycleConfiguration(scope, expiry.id, {
    bucket,
    rule: [
      {
        status: "Enabled",
        filter: [{}],
        abortIncompleteMultipartUpload: [{ daysAfterInitiation: 7 }],
        ...expiry,
      },
    ],
    dependsOn: [versions],
  });
  const encryption = new S3BucketServerSideEncryptionConfigurationA(scope, "encryption", {
    bucket,
    rule: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
  });
  const policy = new S3BucketPolicy(scope, "policy", {
    bucket,
    policy: JSON.stringify({
      Version: "2012-10-17",
      Statement: [tlsOnly(made.arn), ...statements(made.arn)],
    }),
    // Both change who may do what; at the same time one of them is refused.
    dependsOn: [closed],
  });
  return { bucket: made, ready: [closed, versions, encryption, policy] };
}

/** Refuses whatever does not come over TLS, from whomever. */
const tlsOnly = (bucketArn: string): object => ({
  Sid: "TlsOnly",
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: [bucketArn, `${bucketArn}/*`],
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});
