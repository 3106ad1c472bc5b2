/** Content types of JSON, `application/problem+json` and the like included. */
export const JSON_TYPE = /^application\/(?:[\w.!#$&^+-]+\+)?json\s*(?:;|$)/i;
