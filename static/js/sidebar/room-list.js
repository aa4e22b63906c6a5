// The person's rooms from the server, a page at a time.

// How many pages are fetched at most.
const MOST = 50;

// Subscribes to all of the person's rooms, and passes each page of them to `take`; the first comes with the sidebar's
// arrangement. Returns whether those are all.
export async function watch(connection, take) {
  let after;
  for (let page = 0; page < MOST; page++) {
    const answer = await connection.read('watch', after ? { after } : {});
    if (!answer.ok) return false;
    take(answer.rooms, answer.sidebar);
    if (!answer.more) return true;
    after = answer.next;
  }
  return false;
}
