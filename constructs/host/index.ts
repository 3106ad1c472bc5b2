export * from "./asset-content";
export * from "./host";
export * from "./host-process";
export * from "./host-profile";
export * from "./profile-builder";
export * from "./unit-hardening";
