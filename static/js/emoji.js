// The emoji: the list from the server, loaded when it is first wanted, and the finding of one by its name.

let loading;

// All of them, in their groups: [{ name, emoji: [{ emoji, name, codes }] }].
export function groups() {
  loading ??= fetch('/emoji.json').then((answer) => {
    if (!answer.ok) throw new Error(`emoji.json: ${answer.status}`);
    return answer.json();
  }).then(({ groups }) => groups.map((group) => ({
    name: group.name,
    emoji: group.emoji.map(([emoji, name, codes]) => ({ emoji, name, codes, words: [...codes, ...name.toLowerCase().split(/[^\p{L}\p{N}]+/u)] })),
  }))).catch((error) => { loading = undefined; throw error; });
  return loading;
}

// Those that fit what is typed, the best first: by shortcode from its beginning, then by any word of the name, then by any part.
export async function search(typed, limit = 8) {
  const query = typed.toLowerCase();
  const all = (await groups()).flatMap((group) => group.emoji);
  const rank = ({ codes, words }) => {
    if (codes.includes(query)) return 0;
    const begun = codes.filter((code) => code.startsWith(query)).map((code) => code.length);
    // Of those that begin with it, the one that is nearest to being typed.
    if (begun.length) return 1 + Math.min(...begun) / 100;
    if (words.some((word) => word.startsWith(query))) return 2;
    return codes.some((code) => code.includes(query)) ? 3 : 4;
  };
  const ranked = all.map((emoji) => ({ emoji, rank: rank(emoji) })).filter(({ rank }) => rank < 4);
  // The sort is stable: within a rank they keep Unicode's order, which begins with the faces.
  return ranked.sort((a, b) => a.rank - b.rank).slice(0, limit).map(({ emoji }) => emoji);
}
