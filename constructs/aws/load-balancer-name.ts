/** @throws Error when a load balancer cannot have that name: AWS's rules, told before a deploy has begun. */
export function checkLoadBalancerName(name: string): void {
  if (/^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$/.test(name) && !name.startsWith("internal-")) return;
  throw new Error(
    "name of a load balancer must be at most 32 letters, digits and hyphens, neither starting nor ending with a " +
      `hyphen and not starting with internal-, got: ${JSON.stringify(name)}`,
  );
}
