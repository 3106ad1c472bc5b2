import type { ValueProblem } from "../regions/region-errors";

/** One thing wrong with a gateway, or with what services say to gateways. */
export interface GatewayProblem extends ValueProblem {
  /** Whose value it is: `gateway api`, `service search`. */
  readonly whose: string;
}

/** A value that cannot be taken, and what would be. */
export const refused = (
  whose: string,
  path: string,
  value: unknown,
  expectation: string,
): GatewayProblem => ({ whose, path, value: JSON.stringify(value) ?? "nothing", expectation });

export const ofGateway = ({ name }: { readonly name: string }): string => `gateway ${name}`;
export const ofService = ({ name }: { readonly name: string }): string => `service ${name}`;
