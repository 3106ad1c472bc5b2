import type { S3Bucket } from "@cdktf/provider-aws/lib/s3-bucket";
import { S3Object, type S3ObjectConfig } from "@cdktf/provider-aws/lib/s3-object";
import { AssetType, type ITerraformDependable, Lazy, TerraformAsset } from "cdktf";
import { Construct } from "constructs";
import { basename } from "node:path";
import type { AssetContent } from "../host";
import { sha256 } from "../host/apply-document";
import { asTemplate } from "../grammar/terraform-text";
import { closedBucket } from "./closed-bucket";

export interface AssetBucketProps {
  /** Start of the bucket's name, lower-case letters, digits and hyphens; the rest makes it unique. At most 37. */
  readonly namePrefix: string;
}

/** A file in the bucket. */
export interface StoredAsset {
  /** Id of the bucket. */
  readonly bucket: string;
  /** For example `tricloud-proxy.js`. */
  readonly key: string;
  /** Which content: an expression. */
  readonly versionId: string;
  /** Amazon resource name of the object in all its versions, for a policy that allows to read it. */
  readonly arn: string;
}

/** A text in the bucket of which machines want the newest version. */
export interface NewestAsset extends StoredAsset {
  /** Amazon resource name of the bucket. */
  readonly bucketArn: string;
  /** It is there once this is. */
  readonly written: ITerraformDependable;
}

/**
 * Where machines fetch what is too large for user data, files and texts: a private, versioned, encrypted bucket. They ask for one
 * version of an object, so that each gets the very file it was told of. When a file changes, its old version stays:
 * machines that go back to what they were need it.
 */
export class AssetBucket extends Construct {
  /** Name of the bucket. */
  readonly bucketName: string;
  private readonly bucket: S3Bucket;
  private readonly stored = new Map<string, StoredAsset>();
  private readonly keys = new Set<string>();
  private readonly ready: ITerraformDependable[];

  /** @throws Error for a prefix that no bucket can begin with */
  constructor(scope: Construct, id: string, props: AssetBucketProps) {
    super(scope, id);
    if (!/^[a-z0-9][a-z0-9-]{0,36}$/.test(props.namePrefix)) {
      throw new Error(
        `namePrefix of an asset bucket must be at most 37 lower-case letters, digits and hyphens, got: ${JSON.stringify(props.namePrefix)}`,
      );
    }
    const { bucket, ready } = closedBucket(this, {
      namePrefix: props.namePrefix,
      // Everything in it can be made again from the sources.
      forceDestroy: true,
      expiry: {
        id: "old-versions",
        noncurrentVersionExpiration: [{ noncurrentDays: OLD_VERSION_DAYS }],
        // Of a file that is taken away its versions go in time; then what says that it is gone.
        expiration: [{ expiredObjectDeleteMarker: true }],
      },
    });
    this.bucket = bucket;
    this.bucketName = bucket.id;
    this.ready = [...ready];
  }

  /** Puts the file into the bucket; the same content counts once. */
  store({ source, sha256 }: AssetContent): StoredAsset {
    return this.storeOnce(sha256, basename(source), (key) => {
      const asset = new TerraformAsset(this, `file-${idOf(key)}`, {
        path: source,
        type: AssetType.FILE,
        assetHash: sha256,
      });
      return { source: asset.path, sourceHash: sha256 };
    });
  }

  /**
   * Puts a text into the bucket, which a plan then shows; the same content counts once.
   *
   * @param name last part of the object's key, for example `unbound.conf`
   * @param text without Terraform expressions
   */
  storeText(name: string, text: string): StoredAsset {
    return this.storeOnce(sha256(text), name, () => ({ content: asTemplate(text) }));
  }

  /**
   * Puts a text into the bucket under a key of its own, in place of the one before.
   *
   * @param key nobody else's, for example `us-proxy/etc/tricloud/proxy.json`
   * @param text asked for at synth
   * @param marks what to tell of it besides, by lower-case names; asked for at synth
   */
  storeNewest(
    key: string,
    text: () => string,
    marks: Readonly<Record<string, () => string>> = {},
  ): NewestAsset {
    const bucket = this.bucket.id;
    const object = new S3Object(this, `object-${idOf(key)}`, {
      bucket,
      key,
      content: Lazy.stringValue({ produce: () => asTemplate(text()) }),
      metadata: Object.fromEntries(
        Object.entries(marks).map(([name, produce]) => [name, Lazy.stringValue({ produce })]),
      ),
      dependsOn: this.ready,
    });
    const { arn: bucketArn } = this.bucket;
    const arn = `${bucketArn}/${key}`;
    return { bucket, key, versionId: object.versionId, arn, bucketArn, written: object };
  }

  private storeOnce(
    digest: string,
    name: string,
    contentOf: (key: string) => Pick<S3ObjectConfig, "content" | "source" | "sourceHash">,
  ): StoredAsset {
    const present = this.stored.get(digest);
    if (present !== undefined) return present;
    const key = this.keyFor(name);
    const bucket = this.bucket.id;
    const object = new S3Object(this, `object-${idOf(key)}`, {
      bucket,
      key,
      ...contentOf(key),
      dependsOn: this.ready,
    });
    const stored = { bucket, key, versionId: object.versionId, arn: `${this.bucket.arn}/${key}` };
    this.stored.set(digest, stored);
    return stored;
  }

  /** The file's own name, behind a number for the second of that name: named for its content it would not last. */
  private keyFor(name: string): string {
    const number = Array.from({ length: this.keys.size + 1 }, (_, index) => index + 1).find(
      (index) => !this.keys.has(numbered(name, index)),
    ) as number;
    const key = numbered(name, number);
    this.keys.add(key);
    return key;
  }
}

/** How long a file that was replaced can be gone back to. */
const OLD_VERSION_DAYS = 90;

const idOf = (key: string): string => key.replaceAll("/", "-");

const numbered = (name: string, number: number): string => (number === 1 ? name : `${number}/${name}`);
