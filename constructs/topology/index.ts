export * from "./elements";
export type { Link } from "./links";
export { collectTopology, TOPOLOGY_SCHEMA, type TopologyRun } from "./topology";
