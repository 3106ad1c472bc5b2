import { groupMatters } from "../../../planning/matters/group-matters";
import { type ResourceChange } from "../../../planning/plan/plan-json";
import { type StackConfiguration } from "../../../planning/stack/synthesized-stacks";

/** A stack with one group, and what a plan without anything deployed does to its launch template. */
function firstPlanOf(group: object): { configuration: StackConfiguration; changes: ResourceChange[] } {
  const configuration = {
    locals: { data: "#cloud-config\n{}\n" },
    resource: {
      aws_launch_template: { app_1: { user_data: "${base64encode(local.data)}" } },
      aws_autoscaling_group: {
        group: { name: "us-app", launch_template: { id: "${aws_launch_template.app_1.id}" }, ...group },
      },
    },
  };
  const change = {
    address: "aws_launch_template.app_1",
    type: "aws_launch_template",
    change: { actions: ["create"], before: null, after: {}, after_unknown: {} },
  };
  return {
    configuration: configuration as unknown as StackConfiguration,
    changes: [change as unknown as ResourceChange],
  };
}

test.each([
  ["3 machines", { min_size: 3, max_size: 4, desired_capacity: 3 }],
  // Left to its load: the plan cannot know how many there will be.
  ["at least 3 machines", { min_size: 3, max_size: 13 }],
])("a group that is set up has %s", (machines, size) => {
  // GIVEN, WHEN
  const { configuration, changes } = firstPlanOf(size);
  const [matter] = groupMatters(configuration, changes, undefined);

  // THEN
  expect(matter?.changes).toEqual([
    { what: expect.stringMatching(`^is set up: ${machines}, services `) as string },
  ]);
});
