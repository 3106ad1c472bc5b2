import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { GatewayInput } from "../../stacks/values/gateways";
import type { ServiceInput } from "../../stacks/values/services";
import { newGossip } from "../../cli/secrets/consul-secrets";
import { makeSecrets } from "./region-secrets";
import { attempt, type CommandOptions, type CommandResult } from "./command";

const PROJECT = resolve(__dirname, "../..");

/** What Terraform said, with what is in it pulled out. */
export interface Outcome extends CommandResult {
  /** Everything printed, without colours. */
  readonly output: string;
}

/**
 * A working directory from which the project's own app is deployed as a user would do it: `cdktf deploy jp`, with
 * region values from the directory's `regions` folder and Terraform's state beside it.
 */
export class Deployment {
  private readonly regions: string;
  private readonly services: string;
  private readonly gateways: string;
  private readonly environment: Record<string, string | undefined>;
  /** Given to Terraform by the environment; what else is secret lies in files. */
  readonly gossipKey: string;
  private readonly secrets: string;

  /**
   * @param directory need not exist yet
   * @param like the one whose secrets it has too. Has some of its own without
   */
  constructor(
    readonly directory: string,
    like?: Deployment,
  ) {
    this.gossipKey = like?.gossipKey ?? newGossip()["consul_gossip_key"]!;
    this.secrets = like?.secrets ?? join(directory, "secrets");
    const app = join(PROJECT, "dist/main.js");
    if (!existsSync(app)) throw new Error(`${app} is missing: run npm run build`);
    this.regions = join(directory, "regions");
    this.services = join(directory, "services");
    this.gateways = join(directory, "gateways");
    for (const values of [this.regions, this.services, this.gateways]) mkdirSync(values, { recursive: true });
    const settings = JSON.parse(readFileSync(join(PROJECT, "cdktf.json"), "utf8")) as Record<string, unknown>;
    writeFileSync(join(directory, "cdktf.json"), JSON.stringify({ ...settings, app: `node ${app}` }));
    const configFile = process.env.TF_CLI_CONFIG_FILE;
    this.environment = {
      TRICLOUD_REGIONS: this.regions,
      TRICLOUD_SECRETS: this.secrets,
      TF_VAR_consul_gossip_key: this.gossipKey,
      // A named file that is not there makes every Terraform command print a warning.
      TF_CLI_CONFIG_FILE: configFile !== undefined && existsSync(configFile) ? configFile : undefined,
      CHECKPOINT_DISABLE: "1",
      CI: "1",
      NO_COLOR: "1",
    };
  }

  /** Puts a region value in place of the one of that name. What it is to keep secret is made with the first one. */
  write<R extends { readonly name: string }>(region: R): void {
    writeFileSync(join(this.regions, `${region.name}.json`), JSON.stringify(region, undefined, 2));
    makeSecrets(this.secrets, region.name);
  }

  /** Puts a service in place of the one of that name. */
  writeService(service: ServiceInput): void {
    writeFileSync(join(this.services, `${service.name}.json`), JSON.stringify(service, undefined, 2));
  }

  /** Puts a gateway in place of the one of that name. */
  writeGateway(gateway: GatewayInput): void {
    writeFileSync(join(this.gateways, `${gateway.name}.json`), JSON.stringify(gateway, undefined, 2));
  }

  /** Takes a service away, if it is there. */
  removeService(name: string): void {
    rmSync(join(this.services, `${name}.json`), { force: true });
  }

  /** Takes the values of other regions over from the project's own. */
  adopt(...names: readonly string[]): void {
    for (const name of names) {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- compiled by the build, not a source file
      const { default: region } = require(join(PROJECT, "dist/regions", `${name}.js`)) as {
        default: { readonly name: string };
      };
      this.write(region);
    }
  }

  deploy(stack: string, options: CommandOptions = {}): Promise<Outcome> {
    return this.cdktf(["deploy", stack, "--auto-approve"], options);
  }

  destroy(stack: string, options: CommandOptions = {}): Promise<Outcome> {
    return this.cdktf(["destroy", stack, "--auto-approve"], options);
  }

  /** Runs the app alone, which writes `cdktf.out` in the working directory. */
  synth(options: CommandOptions = {}): Promise<Outcome> {
    return this.run(process.execPath, [join(PROJECT, "dist/main.js")], options);
  }

  /** Runs a command of the project's own. */
  tricloud(args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
    return this.run(process.execPath, [join(PROJECT, "dist/cli/main.js"), ...args], options);
  }

  private cdktf(args: readonly string[], options: CommandOptions): Promise<Outcome> {
    return this.run(
      process.execPath,
      [join(PROJECT, "node_modules/cdktf-cli/bundle/bin/cdktf"), ...args],
      options,
    );
  }

  private async run(file: string, args: readonly string[], options: CommandOptions): Promise<Outcome> {
    const result = await attempt(file, args, {
      ...options,
      cwd: this.directory,
      env: { ...this.environment, ...options.env },
    });
    return { ...result, output: stripVTControlCharacters(result.stdout + result.stderr) };
  }
}
