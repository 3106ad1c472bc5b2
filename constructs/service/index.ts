export type { RegistryAccess } from "./container-runtime";
export * from "./container-service";
export type { ServiceTask, ServiceTasks } from "./service-task";
