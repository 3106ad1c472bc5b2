import type { Construct } from "constructs";

type Leaf = string | number | boolean | bigint | symbol | null | undefined | readonly unknown[];
type FieldsOf<Props> = Props extends unknown ? keyof Props : never;
type Field<Props, Name> = Props extends unknown ? (Name extends keyof Props ? Props[Name] : never) : never;

/** `Value`, with nothing allowed in fields that `Props` does not have, however deep they lie in objects. */
export type ReadBy<Props, Value> = Value extends Leaf
  ? Value
  : {
      [Name in keyof Value]: Name extends FieldsOf<Props>
        ? ReadBy<NonNullable<Field<Props, Name>>, Value[Name]>
        : never;
    };

/**
 * A part of a region's value, handed on whole to the construct that reads it. A field that its props do not have would be
 * left unread in silence, as a spread of it leaves it: here it does not compile.
 *
 * @returns the value
 */
export const readBy = <Props, Value>(
  _reader: new (scope: Construct, id: string, props: Props) => unknown,
  value: Value & ReadBy<Props, Value>,
): Value => value;
