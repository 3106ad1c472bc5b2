export type { RegistryAccess } from "./container-runtime";
export * from "./container-service";
export type { DatabaseAccess, DatabaseEngine } from "./database-access";
export * from "./existing-database";
export type { ServiceTask, ServiceTasks } from "./service-task";
