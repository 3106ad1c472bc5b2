import { Construct } from "constructs";
import { type Block, component, type HasAvailability } from "../availability";
import type { HasTopology, TopologyElement } from "../topology";
import { DATABASE_PORTS, type DatabaseAccess, type DatabaseEngine } from "./database-access";

export interface ExistingDatabaseProps {
  /** What its services call it. */
  readonly name: string;
  /** What it speaks. */
  readonly engine: DatabaseEngine;
  /** Host name or address. */
  readonly host: string;
  /** TCP port. @default - the engine's own: 3306 or 5432 */
  readonly port?: number | undefined;
  /** Database on that server. */
  readonly databaseName: string;
  /** Who services sign in as. */
  readonly user: string;
  /** PEM certificates that its server's is checked against. @default - it is not checked */
  readonly caCertificate?: string | undefined;
  /** Share of the time that it is up, 0 to 1. */
  readonly availability: number;
  /** Where that figure is written, or "assumed". */
  readonly source: string;
  /** How long one outage lasts in the mean, in hours. @default - not known */
  readonly meanOutageHours?: number | undefined;
}

/** A database that somebody else runs, known by its address. */
export class ExistingDatabase extends Construct implements HasAvailability, HasTopology {
  readonly availability: Block;
  readonly topology: readonly TopologyElement[];

  constructor(
    scope: Construct,
    id: string,
    private readonly props: ExistingDatabaseProps,
  ) {
    super(scope, id);
    const { name, engine, host, availability, meanOutageHours, source } = props;
    this.availability = component(
      `database/${host}:${this.port}/${props.databaseName}`,
      { availability, meanOutageHours },
      { label: `database ${name}`, kind: "assumed", source },
    );
    this.topology = [{ kind: "store", role: "database", name, type: `${WORDS[engine]} at ${host}` }];
  }

  /**
   * The database as a service finds it.
   *
   * @param password an expression of a sensitive value
   */
  access(password: string): DatabaseAccess {
    const { engine, host, databaseName, user, caCertificate } = this.props;
    return { engine, host, port: this.port, databaseName, user, password, caCertificates: caCertificate };
  }

  /** TCP port. */
  get port(): number {
    return this.props.port ?? DATABASE_PORTS[this.props.engine];
  }
}

const WORDS: Readonly<Record<DatabaseEngine, string>> = { mysql: "MySQL", postgresql: "PostgreSQL" };
