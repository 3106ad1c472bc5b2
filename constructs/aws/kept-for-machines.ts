import { partitionOf, type PolicyStatement } from "./policy";

/**
 * What is kept for machines of a group that are yet to come: parameters of Systems Manager, one for each thing, so that two
 * operators never undo each other's. No deploy knows of them.
 */
export interface KeptForMachines {
  /** Name of the auto-scaling group. */
  readonly groupName: string;
  /** What is kept, for example `drained`. */
  readonly name: string;
}

/** The path in front of the parameters' names. */
export const keptPath = ({ groupName, name }: KeptForMachines): string => `/tricloud/${groupName}/${name}`;

/** Where a machine finds them, a file each. */
export const keptDirectory = ({ name }: KeptForMachines): string => `/etc/tricloud-${name}`;

/** Lines of a new machine's program by which it finds them. */
export function fetchKept(kept: KeptForMachines): string[] {
  const directory = keptDirectory(kept);
  return [
    `step 'what is kept: ${kept.name}'`,
    `kept=$(retry aws ssm get-parameters-by-path --path ${keptPath(kept)} --query 'Parameters[].[Name, Value]' --output text)`,
    `install -d -m 0755 ${directory}`,
    // A page without any is None.
    `while IFS=$'\\t' read -r name value; do`,
    `  [[ -z \${value-} ]] || install -m 0644 /dev/stdin "${directory}/\${name##*/}" <<<"$value"`,
    `done <<<"$kept"`,
  ];
}

/** What that takes. */
export const keptPermissions = (awsRegion: string, kept: readonly KeptForMachines[]): PolicyStatement[] =>
  kept.length === 0
    ? []
    : [
        {
          sid: "FindKept",
          actions: ["ssm:GetParametersByPath"],
          // The path itself is what IAM is asked for, or what is under it where somebody has named that.
          resources: kept.flatMap((each) => {
            const path = `arn:${partitionOf(awsRegion)}:ssm:${awsRegion}:*:parameter${keptPath(each)}`;
            return [path, `${path}/*`];
          }),
        },
      ];
