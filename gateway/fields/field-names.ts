/**
 * A field's name as servers behind may take it: CGI and all that follow it make the same variable of `X-User`,
 * `X_User` and `x.user`.
 */
export function plainFieldName(name: string): string {
  const lower = name.toLowerCase();
  return /[^a-z0-9-]/.test(lower) ? lower.replace(/[^a-z0-9]/g, "-") : lower;
}

/** Fields, by plain name, that frame, route or mark a message, or say who asks: nobody else's to fill. */
export const RESERVED_FIELDS =
  /^(?:host|connection|keep-alive|te|trailers?|upgrade|expect|via|date|cookie|forwarded|authorization|traceparent|tracestate|transfer-encoding|content-.*|proxy-.*|x-forwarded-.*|x-chocon-.*|x-tricloud-.*|http2-settings)$/;
