import { TerraformVariable, Token } from "cdktf";
import type { Construct } from "constructs";
import { type HostFile, secretContent, textContent } from "../host";
import { RUNTIME_PATHS } from "./container-runtime";
import { serviceUser } from "./container-user";

/** What services call their secrets: lower-case words with hyphens between them, at most 63 characters. */
export const SECRET_NAME = /^(?=.{1,63}$)[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** What a container finds its secrets under, on every platform. */
export const SECRETS_IN_CONTAINER = "/run/secrets";

/** Secrets by the names that the service knows: expressions of sensitive values. */
export type ServiceSecrets = Readonly<Record<string, string>>;

/**
 * The service's secrets as sensitive variables of the stack, `secret_SERVICE__NAME`: the same in each region, where each
 * may have a value of its own. One without a value is refused by Terraform before anything is planned.
 */
export const secretVariables = (
  scope: Construct,
  { service, region, names }: { service: string; region: string; names: readonly string[] },
): ServiceSecrets =>
  Object.fromEntries(
    names.map((name) => {
      const id = `secret_${service}__${name}`.replaceAll("-", "_");
      const variable = new TerraformVariable(scope, `secret-${service}--${name}`, {
        type: "string",
        sensitive: true,
        // Of a variable without one Terraform says its name alone.
        default: "",
        description: `What service ${service} finds as ${SECRETS_IN_CONTAINER}/${name}`,
      });
      variable.overrideLogicalId(id);
      variable.addValidation({
        condition: `\${var.${id} != ""}`,
        errorMessage: `service ${service} in region ${region} lacks its secret ${name}: give it as TF_VAR_${id}.`,
      });
      return [name, variable.stringValue];
    }),
  );

/**
 * Files of a host that the service's user may read and nobody else.
 *
 * @param secrets those values that are known to everybody, such as a port, may be literals
 */
export function secretFiles(service: string, secrets: ServiceSecrets): HostFile[] {
  const user = String(serviceUser(service));
  return Object.entries(secrets).map(([name, value]) => ({
    path: pathOnHost(service, name),
    content: Token.isUnresolved(value) ? secretContent(`${service}-${name}`, value) : textContent(value),
    mode: "0400",
    owner: user,
    group: user,
  }));
}

/** Mounts that show a container its secrets, as podman takes them. */
export const secretMounts = (service: string, names: readonly string[]): string[] =>
  names.map((name) => `${pathOnHost(service, name)}:${SECRETS_IN_CONTAINER}/${name}:ro,nodev,nosuid,noexec`);

/** @throws Error naming service and secret; values stay out of the message */
export function refuseWrongSecrets(service: string, secrets: ServiceSecrets): void {
  for (const [name, value] of Object.entries(secrets)) {
    if (!SECRET_NAME.test(name)) {
      throw new Error(
        `service ${service}: name of a secret must be lower-case words with hyphens between them, got: ${JSON.stringify(name)}`,
      );
    }
    if (!Token.isUnresolved(value)) {
      throw new Error(
        `service ${service}: secret ${name} must be a Terraform expression of a sensitive value, got: a literal`,
      );
    }
  }
}

const pathOnHost = (service: string, name: string): string => `${RUNTIME_PATHS.secrets}/${service}/${name}`;
