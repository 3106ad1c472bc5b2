import { recurringWindow } from "../../../constructs/google/maintenance-window";

describe("recurringWindow", () => {
  it("gives the first span and the rule by which it recurs", () => {
    expect(recurringWindow({ days: ["TU", "WE", "TH"], startUtc: "22:30", hours: 4 })).toEqual({
      startTime: "2024-01-01T22:30:00Z",
      endTime: "2024-01-02T02:30:00Z",
      recurrence: "FREQ=WEEKLY;BYDAY=TU,WE,TH",
    });
  });

  it.each([
    [{ days: ["SU"], startUtc: "02:00", hours: 4 }, /48 hours in any 32 days, got: 4 hours on 1 days/],
    [{ days: ["SU", "SU", "SU"], startUtc: "02:00", hours: 4 }, /got: 4 hours on 1 days/],
    [{ days: ["MO", "TU", "WE", "TH", "FR"], startUtc: "02:00", hours: 3 }, /must last 4 to 24 hours/],
    [{ days: ["SU"], startUtc: "25:00", hours: 12 }, /must start at a time such as 02:00, got: "25:00"/],
  ] as const)("refuses %j", (window, message) => {
    expect(() => recurringWindow(window)).toThrow(message);
  });
});
