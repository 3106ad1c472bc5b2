/** Port that takes requests, where nobody says another. */
export const DEFAULT_GATEWAY_PORT = 8090;

/** Port of a gateway's health and metrics, where nobody says another: the next one after the fronts'. */
export const DEFAULT_GATEWAY_ADMIN_PORT = 9302;
