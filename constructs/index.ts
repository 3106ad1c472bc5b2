/* The library's public face. Each platform's constructs are loaded when they are used. */
export * from "./availability";
export * from "./dedicated";
export * from "./dns";
export * from "./host";
export * from "./proxy";
export * from "./region";
// Apart from the rest of region/, which reads values without loading cdktf.
export * from "./region/region-outputs";
export * from "./service";
export * from "./topology";
