export * from "./dedicated-server";
export * from "./retired-server";
export * from "./server-roster";
