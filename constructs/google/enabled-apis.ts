import { type ITerraformDependable } from "cdktf";
import { ProjectService } from "@cdktf/provider-google/lib/project-service";
import { Construct } from "constructs";

export interface EnabledApisProps {
  /** Project id. */
  readonly project: string;
  /** Service names without their domain, for example `container` for container.googleapis.com. */
  readonly apis: readonly string[];
}

/** Google APIs that must be on before anything of theirs can be made. They stay on when the stack is destroyed. */
export class EnabledApis extends Construct {
  private readonly services = new Map<string, ProjectService>();

  constructor(scope: Construct, id: string, props: EnabledApisProps) {
    super(scope, id);
    for (const api of props.apis) {
      this.services.set(
        api,
        new ProjectService(this, api, {
          project: props.project,
          service: `${api}.googleapis.com`,
          disableOnDestroy: false,
        }),
      );
    }
  }

  /**
   * What a resource of `api` depends on.
   *
   * @throws Error when the API is not among those enabled here
   */
  of(api: string): ITerraformDependable {
    const service = this.services.get(api);
    if (service === undefined) {
      throw new Error(`api ${api} is not enabled, expected one of ${[...this.services.keys()].join(", ")}`);
    }
    return service;
  }
}
