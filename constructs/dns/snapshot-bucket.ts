/** A bucket of S3, or of a store that speaks as S3 does, that outlives the servers. */
export interface SnapshotBucket {
  /** The bucket's name: lower-case letters, digits, dots and hyphens. */
  readonly bucket: string;
  /** Region that requests are signed for, for example `ap-northeast-1`; stores of others say which they want. */
  readonly region: string;
  /** https URL of the store. @default - S3's in that region */
  readonly endpoint?: string;
  /** What the snapshots' names begin with. @default - `consul/DATACENTER` */
  readonly prefix?: string;
}

/** An access key as expressions of sensitive values. */
export interface BucketKey {
  /** Which key. */
  readonly keyId: string;
  /** What requests are signed with. */
  readonly secretKey: string;
}

/** How the servers sign what they ask of the bucket. */
export type BucketAccess =
  /** A file that says `user = KEY-ID:SECRET`, as curl reads it. */
  | { readonly kind: "key"; readonly file: string }
  /** The role of the EC2 instance. */
  | { readonly kind: "instance-role" };

/** What each field looks like, and what to say when it does not. */
export const SNAPSHOT_BUCKET = {
  bucket: [/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of a bucket"],
  region: [/^[a-z0-9][a-z0-9-]*$/, "a region such as ap-northeast-1"],
  endpoint: [/^https:\/\/[A-Za-z0-9.-]+(:\d+)?$/, "an https URL without a path"],
  prefix: [/^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/, "words of letters, digits, _ and - with / between them"],
} as const;

/** @throws Error naming the field, its value and what was expected */
export function refuseBadBucket(bucket: SnapshotBucket): void {
  for (const [field, value] of Object.entries(bucket) as [keyof SnapshotBucket, string | undefined][]) {
    const [shape, expected] = SNAPSHOT_BUCKET[field];
    if (value !== undefined && !shape.test(value)) {
      throw new Error(
        `consul snapshots: the bucket's ${field} must be ${expected}, got: ${JSON.stringify(value)}`,
      );
    }
  }
}

/**
 * Shell functions for the bucket: `upload FILE`, `names [DAY]` (YYYYMMDD; the oldest first) and `download NAME`, to standard
 * output. No credential stands on a command line.
 */
export function bucketFunctions(
  {
    bucket,
    region,
    endpoint = `https://s3.${region}.amazonaws.com`,
    prefix,
  }: SnapshotBucket & { prefix: string },
  access: BucketAccess,
): string {
  const folder = encodeURIComponent(`${prefix}/`);
  return `${access.kind === "key" ? `credentials() { cat ${access.file}; }` : ROLE_CREDENTIALS}
bucket() { # PATH SHA256-OF-BODY CURL-OPTION...
  path=$1 digest=$2
  shift 2
  credentials | curl -sS -f --proto =https --connect-timeout 10 -m 300 --retry 2 -K - --aws-sigv4 "aws:amz:${region}:s3" \\
    -H "x-amz-content-sha256: $digest" "$@" "${endpoint}/${bucket}$path"
}
empty=$(printf '' | sha256sum | cut -d ' ' -f 1)
upload() { bucket "/${prefix}/$1" "$(sha256sum <"$1" | cut -d ' ' -f 1)" -T "$1"; }
download() { bucket "/${prefix}/$1" "$empty"; }
names() {
  after=
  while :; do
    listing=$(bucket "?list-type=2&prefix=${folder}$1&start-after=${folder}$after" "$empty")
    page=$(printf '%s' "$listing" | tr '<' '\\n' | sed -n 's,^Key>${prefix}/,,p')
    [ -n "$page" ] || return 0
    printf '%s\\n' "$page"
    # A listing ends after a thousand.
    case $listing in *"<IsTruncated>true"*) after=$(printf '%s\\n' "$page" | tail -n 1) ;; *) return 0 ;; esac
  done
}`;
}

const ROLE_CREDENTIALS = `credentials() {
  token=$(curl -sS -f -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)
  role=$(metadata meta-data/iam/security-credentials/)
  metadata "meta-data/iam/security-credentials/$role" | tr ',' '\\n' | sed -n 's/.*"\\(AccessKeyId\\|SecretAccessKey\\|Token\\)" *: *"\\([^"]*\\)".*/\\1 \\2/p' |
    awk '{ of[$1] = $2 } END { printf "user = \\"%s:%s\\"\\nheader = \\"x-amz-security-token: %s\\"\\n", of["AccessKeyId"], of["SecretAccessKey"], of["Token"] }'
}
metadata() { printf 'header = "X-aws-ec2-metadata-token: %s"\\n' "$token" | curl -sS -f -m 5 -K - "http://169.254.169.254/latest/$1"; }`;
