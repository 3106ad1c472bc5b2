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
    const first = props.apis.includes(FIRST) ? this.enable(props.project, FIRST, []) : undefined;
    for (const api of props.apis) {
      if (api !== FIRST) this.enable(props.project, api, first === undefined ? [] : [first]);
    }
  }

  /**
   * What a resource of these APIs depends on.
   *
   * @throws Error when one is not among those enabled here
   */
  of(...apis: string[]): ITerraformDependable[] {
    return apis.map((api) => {
      const service = this.services.get(api);
      if (service === undefined) {
        throw new Error(`api ${api} is not enabled, expected one of ${[...this.services.keys()].join(", ")}`);
      }
      return service;
    });
  }

  private enable(project: string, api: string, dependsOn: ITerraformDependable[]): ITerraformDependable {
    const service = new ProjectService(this, api, {
      project,
      service: `${api}.googleapis.com`,
      disableOnDestroy: false,
      dependsOn,
    });
    this.services.set(api, service);
    return service;
  }
}

/** The provider asks it for the project whenever it reads which others are on. */
const FIRST = "cloudresourcemanager";
