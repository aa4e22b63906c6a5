// One's rooms from the server, a page at a time.

// How many pages are asked for: as many rooms as anybody can look through.
const MOST = 50;

// Asks to hear of all of one's rooms; gives each page of them to `take` as it comes, the first with how the sidebar is arranged. Says whether those are all.
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
