import { type OwnBody } from "../../proxy/engine";
import { type CallListener } from "./call-answer";
import { type ClientAnswer } from "../asking/client-answer";
import { type GrpcStatus } from "./grpc-status";

/** How one client's request is put as a call, and the call's answer as the client's. */
export interface Translation {
  /** `/package.Service/Method` */
  readonly path: string;
  /** Of gRPC's own framing: `+proto`, for one, or empty. */
  readonly subtype: string;
  readonly maxMessageBytes: number;
  /** Messages in the frames that they travel in. @throws BadRequest */
  request(body: Buffer): Buffer;
  /** Who answers the client. */
  listener(answer: ClientAnswer): CallListener;
  /** Tells the client of a status where no message has come. */
  refuse(answer: ClientAnswer, status: GrpcStatus, http?: number): void;
  /** What the gateway's own answer says. @param http its status */
  told(status: GrpcStatus, http: number): OwnBody;
}
