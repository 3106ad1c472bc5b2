import { isPublicAddress } from "../../../constructs/grammar/public-address";

describe("isPublicAddress", () => {
  it.each(["8.8.8.8", "133.242.0.3", "203.0.113.7", "172.32.0.1"])("takes %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each([
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "240.0.0.1",
    "224.0.0.1",
    "8.8.8",
    "www.example.com",
    "",
  ])("refuses %j", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
