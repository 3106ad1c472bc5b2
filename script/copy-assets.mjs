// Files that the compiled program reads beside itself and that the compiler leaves behind.
import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";

for (const folder of ["constructs", "planning"]) {
  for (const name of readdirSync(folder, { recursive: true })) {
    if (/\.(sh|proto)$/.test(name)) cpSync(join(folder, name), join("dist", folder, name));
  }
}
