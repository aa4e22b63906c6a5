// Asking the server for JSON; nothing where it has no answer.

// How long a wait may be that nobody is told of, in seconds.
const SOON = 30;

export async function askFor(path) {
  try {
    const answer = await fetch(path, { headers: { accept: 'application/json' } });
    // The page hears of it, and ends (`shell.js`).
    if (answer.status === 401) dispatchEvent(new Event('unauthenticated'));
    const wait = Number(answer.headers.get('retry-after'));
    if (answer.status === 429 && wait <= SOON) {
      await new Promise((resolve) => setTimeout(resolve, wait * 1_000));
      return await askFor(path);
    }
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
