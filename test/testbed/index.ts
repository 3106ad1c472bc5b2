export { attempt, run, until, type CommandOptions, type CommandResult } from "./command";
export { type FarSite, type FarSiteProps, Testbed, type TestbedProps } from "./testbed";
export { VirtualHost } from "./virtual-host";
export { Deployment, type Outcome } from "./deployment";
export { CONSUL_VERSIONS } from "./apt-repository";
export { ImageRegistry } from "./image-registry";
export { JP_ROLES, jpRegion, ORIGIN } from "./region";
