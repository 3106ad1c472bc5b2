import type { Construct } from "constructs";
import type { HasAvailability } from "../constructs/availability";
import { sensitiveVariable } from "../constructs/sensitive-variable";
import type { DatabaseAccess } from "../constructs/service";
import type { Region } from "./values/regions";
import type { ServiceValue } from "./values/services";
import type { NamedNeeds } from "./service-needs";

/** The database that services of a region name. */
export interface ServiceDatabase {
  /** What they need with it. */
  readonly database: HasAvailability;
  /** How they find it. */
  readonly access: DatabaseAccess;
}

/** Services of the region that name its database. */
export const servicesWithDatabase = <Service extends Pick<ServiceValue, "in" | "database">>(
  services: readonly Service[],
  { name }: Pick<Region, "name">,
): readonly Service[] =>
  services.filter(({ database, in: places }) => database !== undefined && places[name] !== undefined);

/** Password of those who sign in to a region's database by password: a sensitive variable of the stack. */
export function databasePassword(
  scope: Construct,
  { name, user }: { readonly name: string; readonly user: string },
): string {
  const variable = `database_password_${name.replaceAll("-", "_")}`;
  return sensitiveVariable(scope, "database-password", {
    name: variable,
    description: `Password of ${user}, as whom services sign in to database ${name}`,
    condition: `!can(regex("[[:cntrl:]]", var.${variable}))`,
    expected: "be without line breaks and other control characters",
  });
}

/** What a service needs of its region's database. */
export const databaseNeeds = (
  { database }: Pick<ServiceValue, "database">,
  named: ServiceDatabase | undefined,
): NamedNeeds => (database === undefined || named === undefined ? {} : { database: named.database });
