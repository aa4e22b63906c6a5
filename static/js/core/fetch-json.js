// Fetches JSON from the server; null if there is none.

// The longest `retry-after` that is waited for silently, in seconds.
const SOON = 30;

export async function fetchJson(path) {
  try {
    const answer = await fetch(path, { headers: { accept: 'application/json' } });
    // `core/session.js` hears of it, and ends the page.
    if (answer.status === 401) dispatchEvent(new Event('unauthenticated'));
    const wait = Number(answer.headers.get('retry-after'));
    if (answer.status === 429 && wait <= SOON) {
      await new Promise((resolve) => setTimeout(resolve, wait * 1_000));
      return await fetchJson(path);
    }
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}
