import { parseArgs, type ParseArgsConfig } from "node:util";

/**
 * The arguments of a command of `tricloud`, by Node's own parser.
 *
 * @throws Error naming the argument that is wrong, and where the right ones are listed
 */
export function readOptions<Config extends ParseArgsConfig>(
  command: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    // Node's message goes on about its own conventions after the first sentence.
    const [message] = (error as Error).message.split(/\. |\n/);
    throw new Error(`${message}; "tricloud ${command} --help" lists the options`, { cause: error });
  }
}
