/** What people see while nobody answers behind a front, where the region has no page of its own. */
export const DEFAULT_ERROR_PAGE = `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <meta name="viewport" content="width=device-width" />
  <title>Not available</title>
  <style>
    body { font: 1.1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 20vh auto; padding: 0 1rem; }
  </style>
  <h1>Not available right now</h1>
  <p>Please try again in a moment.</p>
</html>
`;
