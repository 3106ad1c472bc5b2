export * from "./block";
export * from "./catalogue/dedicated-server";
export * from "./catalogue/entries";
export * from "./catalogue/failure-domain";
export * from "./catalogue/sla";
