import { clock } from "../../../../proxy/clock";
import { GroupCircuit } from "../../../../proxy/origins/groups/group-circuit";

const began = clock.now;
afterEach(() => (clock.now = began));

/** After two failures in a row, for five seconds. */
function opened(): GroupCircuit {
  const circuit = new GroupCircuit(2, 5);
  circuit.failed("refused");
  circuit.failed("refused");
  return circuit;
}

test("opens after failures in a row, and says why", () => {
  const circuit = opened();
  expect([circuit.state, circuit.admits(), circuit.problem]).toEqual(["open", false, "refused"]);
});

test("lets one request through after its pause, and no second one beside it", () => {
  const circuit = opened();
  clock.now += 5000;
  expect([circuit.state, circuit.admits(), circuit.admits()]).toEqual(["half-open", true, false]);
});

test("stays open for an answer to what was sent before it opened", () => {
  // GIVEN an origin that is set aside WHEN it answers at last what it was asked before THEN that proves nothing
  const circuit = opened();
  circuit.proved(false);
  circuit.succeeded();
  expect([circuit.state, circuit.closedAgainAt]).toEqual(["open", -Infinity]);
});

test("closes by the request that was let through", () => {
  const circuit = opened();
  clock.now += 5000;
  circuit.admits();
  circuit.proved(true);
  expect([circuit.state, circuit.admits(), circuit.closedAgainAt]).toEqual(["closed", true, clock.now]);
});
