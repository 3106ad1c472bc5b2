export * from "./dedicated-server";
