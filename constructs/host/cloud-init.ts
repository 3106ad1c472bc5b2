import { sha256 } from "./apply-document";
import { applyProgram } from "./apply-program";
import { profileAptFiles } from "./apt-files";
import { bootDocument, type BootOptions } from "./boot-document";
import { BOOT_DOCUMENT, BOOT_PROGRAM, STAGED_FILES } from "./boot-paths";
import type { HostProfile } from "./host-profile";

export type CloudInitOptions = BootOptions;

/**
 * User data that makes a machine what `profile` says, as a cloud-config document. cloud-init writes the profile's
 * texts but those that are fetched, which only root may read until they are in place, and a document that says what the machine must hold; the
 * program that also serves dedicated servers then installs the packages, fetches assets and secrets, lets the services
 * verify the new files, puts those in place, starts the services and waits until each is healthy. When a step fails
 * the program ends with an error and says which.
 *
 * Texts may hold Terraform expressions that resolve to a part of a line. Secrets and assets are never part of it.
 */
export function cloudInit(profile: HostProfile, options: CloudInitOptions): string {
  const files = [...profileAptFiles(profile), ...profile.files];
  const written = [
    ...files.flatMap(({ path, content }) =>
      content.kind === "text" &&
      options.fetchNewest?.(path) === undefined &&
      options.fetchText?.(sha256(content.text)) === undefined
        ? [{ path: STAGED_FILES + path, mode: "0600", text: content.text }]
        : [],
    ),
    { path: BOOT_DOCUMENT, mode: "0600", text: bootDocument(profile, options) },
    { path: BOOT_PROGRAM, mode: "0700", text: withoutComments(applyProgram("first-boot")) },
  ];
  return [
    "#cloud-config",
    "write_files:",
    ...written.flatMap(({ path, mode, text }) => [
      `  - path: ${JSON.stringify(path)}`,
      `    permissions: ${JSON.stringify(mode)}`,
      `    content: ${yamlText(text, " ".repeat(6))}`,
    ]),
    "runcmd:",
    `  - ${JSON.stringify([BOOT_PROGRAM, "boot", BOOT_DOCUMENT])}`,
    "",
  ].join("\n");
}

/** Room in user data is scarce: what is said of the program can be read where it comes from. */
const withoutComments = (program: string): string => program.replaceAll(/^ *#(?!!).*\n/gm, "");

/** Whatever a YAML block cannot hold literally: control characters other than line feed and tab, and odd breaks. */
// eslint-disable-next-line no-control-regex
const NOT_FOR_A_BLOCK = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]/;

/** `text` as a YAML scalar: a block that reads as the text does, or a quoted string where a block will not do. */
function yamlText(text: string, indent: string): string {
  // A block's last line cannot be one of spaces only.
  if (/(^|\n) *$/.test(text.replace(/\n$/, "")) || NOT_FOR_A_BLOCK.test(text)) return JSON.stringify(text);
  const lines = text.split("\n").map((line) => (line === "" ? "" : indent + line));
  return `|2${text.endsWith("\n") ? "+" : "-"}\n${lines.join("\n").replace(/\n$/, "")}`;
}
