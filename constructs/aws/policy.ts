/** A statement of an IAM policy. `actions` are spelled out; a wildcard among them is refused. */
export interface PolicyStatement {
  /** Says what the statement is for: letters and digits. */
  readonly sid: string;
  /** What may be done, for example `s3:GetObject`. */
  readonly actions: readonly string[];
  /** Amazon resource names of what it may be done to. */
  readonly resources: readonly string[];
  /** Values that a request's properties must have, one of several where they are a list, by operator and property. @default - whatever they are */
  readonly condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** @throws Error when a statement allows an action by wildcard */
export function policyDocument(statements: readonly PolicyStatement[]): string {
  for (const { sid, actions } of statements) {
    const wide = actions.find((action) => action.includes("*"));
    if (wide !== undefined) throw new Error(`statement ${sid} must name its actions, got: ${wide}`);
  }
  return JSON.stringify({
    Version: "2012-10-17",
    Statement: statements.map(({ sid, actions, resources, condition }) => ({
      Sid: sid,
      Effect: "Allow",
      Action: actions,
      Resource: resources,
      ...(condition === undefined ? {} : { Condition: condition }),
    })),
  });
}

/** The policy that lets an AWS service take a role. */
export const trustPolicy = (service: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" }],
  });

/** The part of all resource names that tells the world's AWS from China's and the US government's. */
export function partitionOf(awsRegion: string): string {
  if (awsRegion.startsWith("cn-")) return "aws-cn";
  return awsRegion.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/** What the names of AWS's services there end with. */
export const domainOf = (awsRegion: string): string =>
  partitionOf(awsRegion) === "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com";
