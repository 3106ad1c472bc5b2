import { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket";
import { S3BucketPublicAccessBlock } from "@cdktf/provider-aws/lib/s3-bucket-public-access-block";
import { S3BucketServerSideEncryptionConfigurationA } from "@cdktf/provider-aws/lib/s3-bucket-server-side-encryption-configuration";
import { S3BucketVersioningA } from "@cdktf/provider-aws/lib/s3-bucket-versioning";
import { S3Object } from "@cdktf/provider-aws/lib/s3-object";
import { AssetType, TerraformAsset } from "cdktf";
import { Construct } from "constructs";
import { basename } from "node:path";
import type { AssetContent } from "../host";

export interface AssetBucketProps {
  /** Start of the bucket's name, lower-case letters, digits and hyphens; the rest makes it unique. At most 37. */
  readonly namePrefix: string;
}

/** A file in the bucket. */
export interface StoredAsset {
  /** For example `s3://tricloud-us-.../0a1b.../tricloud-proxy.js`. */
  readonly uri: string;
  /** Amazon resource name of the object, for a policy that allows to read it. */
  readonly arn: string;
}

/**
 * Where machines fetch what is too large for user data: a private, versioned, encrypted bucket. An object's key is
 * its content's hash, so a machine gets the very file it was told of, and an old file stays for a roll-back.
 */
export class AssetBucket extends Construct {
  private readonly bucket: S3Bucket;
  private readonly stored = new Map<string, StoredAsset>();
  private readonly ready: Construct[];

  constructor(scope: Construct, id: string, props: AssetBucketProps) {
    super(scope, id);
    if (!/^[a-z0-9][a-z0-9-]{0,36}$/.test(props.namePrefix)) {
      throw new Error(
        `namePrefix of an asset bucket must be at most 37 lower-case letters, digits and hyphens, got: ${JSON.stringify(props.namePrefix)}`,
      );
    }
    this.bucket = new S3Bucket(this, "bucket", {
      bucketPrefix: props.namePrefix,
      // Everything in it can be made again from the sources.
      forceDestroy: true,
    });
    const bucket = this.bucket.id;
    this.ready = [
      new S3BucketPublicAccessBlock(this, "no-public-access", {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      }),
      new S3BucketServerSideEncryptionConfigurationA(this, "encryption", {
        bucket,
        rule: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
      }),
      new S3BucketVersioningA(this, "versions", { bucket, versioningConfiguration: { status: "Enabled" } }),
    ];
  }

  /** Puts the file into the bucket; the same content counts once. */
  store({ source, sha256 }: AssetContent): StoredAsset {
    const present = this.stored.get(sha256);
    if (present !== undefined) return present;
    const id = sha256.slice(0, 12);
    const asset = new TerraformAsset(this, `file-${id}`, {
      path: source,
      type: AssetType.FILE,
      assetHash: sha256,
    });
    const key = `${sha256}/${basename(source)}`;
    new S3Object(this, `object-${id}`, {
      bucket: this.bucket.id,
      key,
      source: asset.path,
      sourceHash: sha256,
      dependsOn: this.ready.map((each) => each as S3BucketVersioningA),
    });
    const stored = { uri: `s3://${this.bucket.id}/${key}`, arn: `${this.bucket.arn}/${key}` };
    this.stored.set(sha256, stored);
    return stored;
  }
}
