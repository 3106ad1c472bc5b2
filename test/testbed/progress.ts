import { stripVTControlCharacters } from "node:util";
import pc from "picocolors";

const terminal = process.stdout.isTTY === true && process.env.TERM !== "dumb";
export const colours = pc.createColors(terminal && pc.isColorSupported);

const seconds = (since: number): string => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs one step of a longer job and says what it is and how long it took; on a terminal, also what it is at.
 *
 * @param work is given a function to call with each thing it starts on
 */
export async function step<T>(title: string, work: (note: (text: string) => void) => Promise<T>): Promise<T> {
  const start = Date.now();
  let current = "";
  const draw = () => {
    const line = `  … ${title} ${colours.dim(`${seconds(start)} ${current}`)}`;
    process.stdout.write(
      `\r\u001b[K${line.slice(0, (process.stdout.columns ?? 80) - 1)}${colours.reset("")}`,
    );
  };
  const ticker = terminal ? setInterval(draw, 200) : undefined;
  if (!terminal) console.log(`... ${title}`);
  const end = (mark: string) => {
    clearInterval(ticker);
    console.log(`${terminal ? "\r\u001b[K" : ""}  ${mark} ${title} ${colours.dim(seconds(start))}`);
  };
  try {
    const result = await work((text) => {
      current = stripVTControlCharacters(text).trim();
    });
    end(colours.green("done"));
    return result;
  } catch (error) {
    end(colours.red("failed"));
    throw error;
  }
}

/** Lines of a table: the first column and the last are text, those between are numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const isNumber = column > 0 && column < row.length - 1;
          return isNumber ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
        })
        .join("   ")
        .trimEnd(),
    )
    .join("\n");
}
