#!/usr/bin/env node
// Stands in for the AWS CLI, which takes seconds for each call: the same words, the same calls, at AWS_ENDPOINT_URL.
const words = process.argv.slice(2);
const from = words.findIndex((word, index) => !word.startsWith("--") && !words[index - 1]?.startsWith("--"));
const [service, operation, ...options] = words.slice(from);
const pascal = (name) => name.replace(/(^|-)(.)/g, (_, __, letter) => letter.toUpperCase());
const action = pascal(operation);

const given = {};
for (let at = 0; at < options.length;) {
  const name = options[at++];
  const values = [];
  while (at < options.length && !options[at].startsWith("--")) values.push(options[at++]);
  if (name === "--cli-input-json") Object.assign(given, JSON.parse(values[0]));
  else if (name === "--parameters") given.Parameters = JSON.parse(values[0]);
  else if (name === "--timeout-seconds") given.TimeoutSeconds = Number(values[0]);
  else if (values.length === 0) given[pascal(name.slice(2))] = true;
  else given[pascal(name.slice(2))] = name.endsWith("s") ? values : values[0];
}

async function call() {
  if (service === "ec2") return { Reservations: [], LaunchTemplateVersions: [] };
  if (service === "ssm") {
    const headers = { "x-amz-target": `AmazonSSM.${action}` };
    return (
      await fetch(process.env.AWS_ENDPOINT_URL, { method: "POST", headers, body: JSON.stringify(given) })
    ).json();
  }
  const names = given.AutoScalingGroupNames.map((name, index) => [
    `AutoScalingGroupNames.member.${index + 1}`,
    name,
  ]);
  const body = new URLSearchParams([["Action", action], ...names]);
  const text = await (await fetch(process.env.AWS_ENDPOINT_URL, { method: "POST", body })).text();
  const field = (of, name) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(of)?.[1];
  if (text.startsWith("<ErrorResponse>"))
    return { __type: field(text, "Code"), message: field(text, "Message") };
  const Instances = [...text.matchAll(/<member>(<InstanceId>.*?)<\/member>/g)].map(([, of]) =>
    Object.fromEntries(
      ["InstanceId", "AvailabilityZone", "LifecycleState", "HealthStatus"].map((name) => [
        name,
        field(of, name),
      ]),
    ),
  );
  const AutoScalingGroupName = field(text, "AutoScalingGroupName");
  return {
    AutoScalingGroups:
      AutoScalingGroupName === undefined
        ? []
        : [{ AutoScalingGroupName, DesiredCapacity: Instances.length, Instances }],
  };
}

for (let attempt = 1; ; attempt++) {
  const answer = await call();
  if (answer.__type === "ThrottlingException" && attempt < 10) continue;
  if (answer.__type !== undefined) {
    console.error(
      `\nAn error occurred (${answer.__type}) when calling the ${action} operation: ${answer.message}`,
    );
    process.exit(254);
  }
  if (operation !== "delete-parameter") console.log(JSON.stringify(answer));
  break;
}
