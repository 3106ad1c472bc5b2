/** Port that takes requests, where nobody says another. */
export const DEFAULT_GATEWAY_PORT = 8090;

/** Path on `adminPort` that answers 200 while a gateway can take requests. */
export const GATEWAY_HEALTH_PATH = "/readyz";

/** Port of a gateway's health and metrics, where nobody says another: the next one after the fronts'. */
export const DEFAULT_GATEWAY_ADMIN_PORT = 9302;
