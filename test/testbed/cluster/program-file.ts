import { resolve } from "node:path";

/** Path of a program of the cluster that runs as it is written. */
export const programFile = (name: string): string => resolve("test/testbed/cluster/programs", name);
