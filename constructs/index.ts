/* The library's public face. Each platform's constructs are loaded when they are used. */
export * from "./availability";
export * from "./dedicated";
export * from "./dns";
export * from "./host";
export * from "./proxy";
export * from "./region";
