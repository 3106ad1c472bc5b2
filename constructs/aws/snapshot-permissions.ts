import type { SnapshotBucket } from "../dns";
import { partitionOf, type PolicyStatement } from "./policy";

/** What Consul's servers must be allowed for their snapshots: to add, fetch and list them, and not to delete any. */
export function snapshotPermissions(
  awsRegion: string,
  { bucket, prefix }: Required<Pick<SnapshotBucket, "bucket" | "prefix">>,
): PolicyStatement[] {
  const arn = `arn:${partitionOf(awsRegion)}:s3:::${bucket}`;
  return [
    { sid: "KeepSnapshots", actions: ["s3:PutObject", "s3:GetObject"], resources: [`${arn}/${prefix}/*`] },
    { sid: "ListSnapshots", actions: ["s3:ListBucket"], resources: [arn] },
  ];
}
