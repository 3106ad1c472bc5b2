import { type ProviderHints, type TypeHints } from "../hints/hints";
import { type Block, type ProviderSchema, blockType } from "../schema/schema";
import { encodeSchema } from "./encode-schema";
import { protocolPath } from "./paths";
import { type Deployed, answerDataSource, completeState } from "./placeholder";
import { planChange, replacingPaths, withRenewed } from "./plan";
import { type Diagnostic, type DynamicValue } from "./protocol";
import { readStoredState } from "./stored-state";
import { validateConfig } from "./validate";
import { type Value, decodeValue, encodeValue } from "./value";

interface ResourceRequest {
  readonly type_name: string;
  readonly config: DynamicValue;
}

/** What answers Terraform: the methods of the protocol's Provider service, by their names. */
export interface Provider {
  readonly methods: Readonly<Record<string, (request: never) => object | Promise<object>>>;
}

/**
 * Answers Terraform in a provider's place. It knows the shapes of things and the rules in the hints; it
 * talks to no cloud.
 */
export class ProviderDouble implements Provider {
  private encodedSchema: object | undefined;

  public constructor(
    private readonly name: string,
    private readonly schema: ProviderSchema,
    private readonly hints: ProviderHints,
    private readonly deployed: Deployed = new Map(),
  ) {}

  public readonly methods: Readonly<Record<string, (request: never) => object>> = {
    GetProviderSchema: () => this.getProviderSchema(),
    ValidateProviderConfig: ({ config }: { config: DynamicValue }) => ({
      diagnostics: validateConfig(valueOf(config), this.schema.provider, this.hints["provider"]),
    }),
    ConfigureProvider: () => ({ diagnostics: [] }),
    ValidateResourceConfig: ({ type_name, config }: ResourceRequest) => ({
      diagnostics: validateConfig(valueOf(config), this.resource(type_name), this.hints[type_name]),
    }),
    ValidateDataResourceConfig: ({ type_name, config }: ResourceRequest) => ({
      diagnostics: validateConfig(
        valueOf(config),
        this.dataSource(type_name),
        this.hints[`data.${type_name}`],
      ),
    }),
    UpgradeResourceState: ({
      type_name,
      raw_state,
    }: {
      type_name: string;
      raw_state: { json: Uint8Array };
    }) => ({
      upgraded_state: wireValue(
        readStoredState(
          JSON.parse(Buffer.from(raw_state.json).toString()),
          blockType(this.resource(type_name)),
        ),
      ),
    }),
    // Nothing but Terraform changes what the double holds, so nothing has drifted.
    ReadResource: ({ current_state }: { current_state: DynamicValue }) => ({ new_state: current_state }),
    PlanResourceChange: (request: PlanRequest) => this.planResourceChange(request),
    ApplyResourceChange: (request: ApplyRequest) => this.applyResourceChange(request),
    ReadDataSource: ({ type_name, config }: ResourceRequest) => ({
      state: wireValue(
        answerDataSource(
          valueOf(config),
          this.dataSource(type_name),
          `data_${type_name}`,
          this.hints[`data.${type_name}`],
          this.deployed,
        ),
      ),
    }),
    StopProvider: () => ({}),
  };

  private getProviderSchema(): object {
    return (this.encodedSchema ??= {
      provider: encodeSchema(this.schema.provider),
      resource_schemas: encodeAll(this.schema.resources),
      data_source_schemas: encodeAll(this.schema.dataSources),
      server_capabilities: { plan_destroy: false },
    });
  }

  private planResourceChange({ type_name, prior_state, proposed_new_state, config }: PlanRequest): object {
    const block = this.resource(type_name);
    const prior = valueOf(prior_state);
    const hints = this.hintsOf(type_name);
    const planned = withRenewed(
      prior,
      planChange(prior, valueOf(proposed_new_state), valueOf(config), block),
      hints,
    );
    return {
      planned_state: wireValue(planned),
      requires_replace: replacingPaths(prior, planned, block, hints).map(protocolPath),
      // Providers of the older kind may leave whole blocks unknown; Terraform allows it under this flag.
      legacy_type_system: true,
    };
  }

  private applyResourceChange({ type_name, planned_state }: ApplyRequest): object {
    const planned = valueOf(planned_state);
    const state =
      planned === null
        ? null
        : completeState(planned, this.resource(type_name), type_name, this.hintsOf(type_name));
    return { new_state: wireValue(state), legacy_type_system: true };
  }

  private hintsOf(type: string): TypeHints | undefined {
    return this.hints[type];
  }

  private resource(type: string): Block {
    return known(this.schema.resources[type], this.name, type);
  }

  private dataSource(type: string): Block {
    return known(this.schema.dataSources[type], this.name, type);
  }
}

interface PlanRequest extends ResourceRequest {
  readonly prior_state: DynamicValue;
  readonly proposed_new_state: DynamicValue;
}

interface ApplyRequest {
  readonly type_name: string;
  readonly planned_state: DynamicValue;
}

function known(block: Block | undefined, provider: string, type: string): Block {
  if (block === undefined)
    throw new Error(`provider "${provider}" was asked for "${type}", which no stack uses`);
  return block;
}

function encodeAll(blocks: Record<string, Block>): Record<string, object> {
  return Object.fromEntries(Object.entries(blocks).map(([type, block]) => [type, encodeSchema(block)]));
}

function valueOf({ msgpack }: DynamicValue): Value {
  return decodeValue(msgpack);
}

function wireValue(value: Value): DynamicValue {
  return { msgpack: encodeValue(value) };
}

/** What a method answers when it fails: the error as Terraform's own diagnostic. */
export function failure(error: unknown): { diagnostics: Diagnostic[] } {
  return {
    diagnostics: [
      {
        severity: "ERROR",
        summary: "The provider's double failed",
        detail: error instanceof Error ? (error.stack ?? error.message) : String(error),
      },
    ],
  };
}
