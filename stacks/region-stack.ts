import { GcsBackend, S3Backend, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import type { Block, HasAvailability } from "../constructs/availability";
import type { RegionBase } from "../constructs/region";

/** What a service cannot do without, and what it does worse without. */
export interface ServiceDependencies {
  readonly requires: readonly (Block | HasAvailability)[];
  readonly degradesWithout?: readonly (Block | HasAvailability)[];
}

/** One stack of a region: the stack itself is named for the region unless it is one of several. */
export abstract class RegionStack<R extends RegionBase> extends TerraformStack {
  readonly services = new Map<string, ServiceDependencies>();

  /** @param id stack name. @default - the region's name */
  constructor(
    scope: Construct,
    readonly region: R,
    id: string = region.name,
  ) {
    super(scope, id);
    this.keepState();
  }

  /** Declares what the stack provides and what that depends on. */
  protected service(name: string, dependencies: ServiceDependencies): void {
    this.services.set(name, dependencies);
  }

  /** Terraform's state goes where the region says; without a word it stays in a local file. */
  private keepState(): void {
    const { backend } = this.region;
    switch (backend.type) {
      case "local":
        return;
      case "s3":
        new S3Backend(this, {
          bucket: backend.bucket,
          key: `${backend.prefix}/${this.node.id}.tfstate`,
          region: backend.region,
          encrypt: true,
          kmsKeyId: backend.kmsKeyId,
        });
        // S3's own conditional writes as lock, so that no DynamoDB table is needed; not yet a property of S3Backend.
        this.addOverride("terraform.backend.s3.use_lockfile", true);
        return;
      case "gcs":
        new GcsBackend(this, { bucket: backend.bucket, prefix: `${backend.prefix}/${this.node.id}` });
        return;
    }
  }
}
