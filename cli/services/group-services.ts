import { imagesInUnits } from "../../constructs/service/container-unit";
import { groupsOf, type StackGroup } from "../../planning/matters/stack-groups";
import { decodeUserData, readUserData } from "../../planning/matters/user-data";
import type { SynthesizedStack } from "../../planning/stack/synthesized-stacks";
import { tellOfAws } from "../aws-cli";
import { described, type DescribedMachine, nameOfMachine } from "../machines/group-machines";
import { digestOf, type InstanceState, type RunningService, type ServiceInstance } from "./running-service";

/** What the AWS CLI says, as far as it is looked into. */
interface TemplateVersion {
  readonly VersionNumber: number;
  readonly LaunchTemplateData: { readonly UserData?: string };
}

interface Launched {
  readonly InstanceId: string;
  readonly LaunchTime: string;
}

/** Groups of a stack whose machines hold services. */
export const groupsWithServices = ({ configuration }: SynthesizedStack): readonly StackGroup[] =>
  groupsOf(configuration).filter(({ contents }) => imagesInUnits(contents.files).size > 0);

/**
 * What runs of the services on groups of machines, by what AWS says of these. It needs the AWS CLI, and rights to
 * describe groups, instances and versions of launch templates: no machine is asked.
 *
 * @throws Error with what the AWS CLI says
 */
export async function servicesOfGroups(groups: readonly StackGroup[]): Promise<RunningService[]> {
  const { awsRegion } = groups[0]!;
  const found = await described(groups);
  const ids = found.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId));
  const { Reservations: reservations } =
    ids.length === 0
      ? { Reservations: [] }
      : await tellOfAws<{ Reservations: readonly { Instances: readonly Launched[] }[] }>(awsRegion, [
          ...["ec2", "describe-instances", "--instance-ids", ...ids],
        ]);
  const launched = new Map(
    reservations.flatMap(({ Instances }) => Instances.map((each) => [each.InstanceId, each.LaunchTime])),
  );
  const all = await Promise.all(
    groups.map(async (group) => {
      const there = found.find(({ AutoScalingGroupName: name }) => name === group.name);
      const versions = await imagesOfVersions(group, there?.Instances ?? []);
      return [...imagesInUnits(group.contents.files)].map(([service, image]): RunningService => {
        const instances = (there?.Instances ?? []).map((machine) =>
          instanceOf(machine, versions.get(versionOf(machine))?.get(service), launched),
        );
        return {
          ...{ service, version: digestOf(image), instances },
          healthy: instances.filter(({ state }) => state === "healthy").length,
          wanted: there?.DesiredCapacity ?? 0,
        };
      });
    }),
  );
  return all.flat().sort((one, other) => (one.service < other.service ? -1 : 1));
}

const versionOf = ({ LaunchTemplate }: DescribedMachine): string => LaunchTemplate?.Version ?? "";

/** Images of the services that machines of each version hold, by version. */
async function imagesOfVersions(
  { name, awsRegion, texts }: StackGroup,
  machines: readonly DescribedMachine[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
  const versions = [...new Set(machines.map(versionOf))].filter((version) => version !== "");
  if (versions.length === 0) return new Map();
  const { LaunchTemplateVersions: found } = await tellOfAws<{
    LaunchTemplateVersions: readonly TemplateVersion[];
  }>(awsRegion, [
    ...["ec2", "describe-launch-template-versions", "--launch-template-name", name],
    ...["--versions", ...versions],
  ]);
  return new Map(
    found.map(({ VersionNumber, LaunchTemplateData: { UserData = "" } }) => {
      const { files } = readUserData(decodeUserData(UserData), texts);
      return [String(VersionNumber), imagesInUnits(files)];
    }),
  );
}

/** @param image of the service in the machine's version; undefined where that has none, or only its bucket knows */
function instanceOf(
  { InstanceId: id, AvailabilityZone: zone, LifecycleState: at, HealthStatus: health }: DescribedMachine,
  image: string | undefined,
  launched: ReadonlyMap<string, string>,
): ServiceInstance {
  const state: InstanceState =
    at === "InService" ? (health === "Healthy" ? "healthy" : "not healthy") : (STATES[at] ?? "starting");
  const since = launched.get(id);
  return {
    host: nameOfMachine({ id, zone }),
    version: image === undefined ? null : digestOf(image),
    state: image === undefined && state === "healthy" ? "not running" : state,
    since: since === undefined ? null : new Date(since).toISOString(),
  };
}

/** Of a machine's places in its group those that are no way into it. */
const STATES: Readonly<Record<string, InstanceState>> = {
  Terminating: "stopping",
  "Terminating:Wait": "stopping",
  "Terminating:Proceed": "stopping",
  Terminated: "not running",
  Detaching: "stopping",
  Detached: "not running",
  EnteringStandby: "stopping",
  Standby: "not running",
};
