import { serviceAddress } from "../../../constructs/kubernetes";

describe("serviceAddress", () => {
  it.each([
    ["10.30.16.0/20", 53, "10.30.16.53"],
    ["10.30.16.0/20", 256, "10.30.17.0"],
    ["10.255.255.0/24", 16, "10.255.255.16"],
  ])("in %s is for number %d %s", (cidr, n, address) => {
    expect(serviceAddress(cidr, n)).toBe(address);
  });

  it.each([
    ["10.30.16.0/20", 257, /must be 1 to 256 in 10\.30\.16\.0\/20, got: 257/],
    ["10.30.16.0/24", 17, /must be 1 to 16 in .*got: 17/],
    ["10.30.16.0/20", 0, /got: 0/],
    ["10.30.16.1/20", 5, /must be an IPv4 network such as 10\.30\.16\.0\/20, got: "10\.30\.16\.1\/20"/],
    ["services", 5, /got: "services"/],
  ])("in %s refuses number %d", (cidr, n, message) => {
    expect(() => serviceAddress(cidr, n)).toThrow(message);
  });
});
