import { type GroupReport, type MemberReport } from "../../../proxy/observation/group-report";
import { mergeReports, upstreamsPage } from "../../../proxy/observation/upstreams";

const member = (state: MemberReport["state"], why = "", more: Partial<MemberReport> = {}): MemberReport => ({
  origin: "https://a.example.com:443",
  ...{
    state,
    why,
    since: "2026-01-01T00:00:00.000Z",
    active: 1,
    asked: 2,
    movedHere: 3,
    movedOn: 4,
    ...more,
  },
});
const group = (...origins: readonly MemberReport[]): GroupReport => ({
  ...{
    group: "search.example.com",
    unaffordable: 1,
    hedges: 2,
    hedgesWon: 1,
    substitutes: 3,
    stale: 4,
    origins,
  },
});
const report = (configuration: string, ...groups: readonly GroupReport[]) => ({ configuration, groups });

test("adds up what workers count, and tells the worst state with its own reason", () => {
  // GIVEN two workers of which one has found out that an origin fails
  const merged = mergeReports([
    report("c1", group(member("serving"))),
    report("c1", group(member("circuit open", "status 503"))),
    report("c1", group(member("returning"))),
  ]);

  // THEN
  expect(merged).toEqual({
    configuration: "c1",
    groups: [
      {
        ...{
          group: "search.example.com",
          unaffordable: 3,
          hedges: 6,
          hedgesWon: 3,
          substitutes: 9,
          stale: 12,
        },
        origins: [member("circuit open", "status 503", { active: 3, asked: 6, movedHere: 9, movedOn: 12 })],
      },
    ],
  });
});

test("names the configurations of workers that differ, and takes a group that one alone has as it is", () => {
  expect(mergeReports([report("c2", group(member("serving"))), report("c1")])).toEqual(
    report("c2 c1", group(member("serving"))),
  );
});

test("shows people what origins say without letting them write the page", () => {
  const page = upstreamsPage(report("c1", group(member("circuit open", '<script>"a" & b'))));
  expect(page).toContain("&#60;script&#62;&#34;a&#34; &#38; b");
  expect(page).not.toContain("<script");
  expect(upstreamsPage(report("c1"))).toContain("There are no groups.");
});
