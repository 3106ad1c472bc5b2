export * from "./block";
