/** `buffer.toString("latin1", from, to)` without its checks; Node has it on every Buffer. */
interface Latin1Buffer {
  latin1Slice(from: number, to: number): string;
}

export function latin1(bytes: Buffer, from: number, to: number): string {
  return (bytes as unknown as Latin1Buffer).latin1Slice(from, to);
}
