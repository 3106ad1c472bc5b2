export * from "./dedicated-server";
export * from "./retired-server";
export * from "./server-roster";
export type { SshAccess, SshBastion } from "./ssh-connection";
