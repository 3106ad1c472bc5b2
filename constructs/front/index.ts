export type {
  AcmeCertificate,
  AcmeDns,
  DynamicUpdates,
  Route53Access,
  TsigAlgorithm,
} from "./acme-certificate";
export type { FrontedService, FrontLimits } from "./front-config";
export * from "./public-front";
