export * from "./dedicated-server";
export * from "./retired-server";
