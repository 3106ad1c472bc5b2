export * from "./calculus/block";
export * from "./calculus/cheapest-change";
export * from "./calculus/common-cause";
export * from "./calculus/composition-text";
export type { CutSetLimits } from "./calculus/cut-sets";
export * from "./calculus/downtime";
export * from "./calculus/evaluate";
export * from "./calculus/evaluation";
export * from "./calculus/failover";
export type { Interval } from "./calculus/frechet";
export * from "./calculus/held";
export type { Importance } from "./calculus/importance";
export * from "./calculus/percent";
export * from "./calculus/markov-chain";
export type { OutageFrequency } from "./calculus/outage-frequency";
export type { RollingMaintenance } from "./calculus/planned-work";
export type { Figures, Probabilities } from "./calculus/probability";
export * from "./calculus/placement";
export * from "./calculus/sensitivity";
export * from "./calculus/service";
export * from "./calculus/site";
export type { Estimate } from "./calculus/simulation";
export * from "./catalogue/dedicated-server";
export * from "./catalogue/entries";
export * from "./catalogue/failure-domain";
export * from "./catalogue/sla";
export * from "./collect/availability-run";
export * from "./collect/availability-target";
export { collectAvailability } from "./collect/collector";
export type { DeclaredTarget, Waiver } from "./collect/declared-targets";
export {
  type OffersSites,
  type PlacedService,
  restoredGround,
  type StoredGround,
} from "./collect/placed-services";
export * from "./collect/service-of-run";
export type { StoredBlock } from "./collect/stored-block";
export { type DeclaresServices, declaresServices } from "./collect/declared-services";
