import { Testbed } from "../testbed";

const obstacle = Testbed.obstacle();

/** `describe`, or a skipped suite whose title says what is missing here. */
export const describeOnVirtualHosts = (title: string, suite: () => void): void =>
  obstacle === undefined ? describe(title, suite) : describe.skip(`${title} (skipped: ${obstacle})`, suite);
