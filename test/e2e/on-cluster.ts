import { ClusterLab } from "./cluster-lab";

const obstacle = ClusterLab.obstacle();

/** `describe`, or a skipped suite whose title says what is missing here. */
export const describeOnCluster = (title: string, suite: () => void): void =>
  obstacle === undefined ? describe(title, suite) : describe.skip(`${title} (skipped: ${obstacle})`, suite);
