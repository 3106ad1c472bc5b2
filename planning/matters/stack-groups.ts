import { type StackConfiguration } from "../stack/synthesized-stacks";
import type { Contents } from "./contents";
import { sha256Of } from "./host-document";
import { textOfTemplate } from "./template";
import { readUserData } from "./user-data";

/** A group of machines on EC2, as a stack makes it. */
export interface StackGroup {
  readonly name: string;
  readonly awsRegion: string;
  /** What each machine holds; values that Terraform alone knows stand in it as expressions. */
  readonly contents: Contents;
  /** Texts that machines fetch, by SHA-256 and by key. */
  readonly texts: ReadonlyMap<string, string>;
}

export function groupsOf(configuration: StackConfiguration): readonly StackGroup[] {
  const awsRegion = String(configuration.provider?.["aws"]?.[0]?.["region"]);
  const texts = bucketTexts(configuration);
  return Object.values(configuration.resource?.["aws_autoscaling_group"] ?? {}).map((group) => {
    const [, template = ""] = /aws_launch_template\.([\w-]+)\./.exec(JSON.stringify(group)) ?? [];
    const text = templateText(configuration, template) ?? "";
    return {
      ...{ name: String(group["name"]), awsRegion, texts },
      contents: readUserData(textOfTemplate(text), texts),
    };
  });
}

/** User data of a launch template, by its id in the configuration. */
export function templateText(
  configuration: StackConfiguration | undefined,
  template: string,
): string | undefined {
  const block = configuration?.resource?.["aws_launch_template"]?.[template];
  const [, local = ""] = /local\.([\w-]+)/.exec(String(block?.["user_data"])) ?? [];
  return configuration?.locals?.[local];
}

/** Texts in the stack's bucket, by SHA-256 and by key. */
export const bucketTexts = ({ resource = {} }: StackConfiguration): ReadonlyMap<string, string> =>
  objectTexts(Object.values(resource["aws_s3_object"] ?? {}), textOfTemplate);

/**
 * The same of objects.
 *
 * @param read what a content stands for
 */
export const objectTexts = (
  objects: ReadonlyArray<Readonly<Record<string, unknown>> | null | undefined>,
  read: (content: string) => string,
): Map<string, string> =>
  new Map(
    objects.flatMap((object) => {
      const { key, content } = object ?? {};
      if (typeof content !== "string") return [];
      const text = read(content);
      return [[sha256Of(text), text] as const, [String(key), text] as const];
    }),
  );
