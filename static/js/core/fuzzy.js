// How well a name matches a typed text: beginning of the name, beginning of a word, middle, scattered letters.

// Without case and accents, as people type names.
export const fold = (text) => text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();

// Higher is better; 0 is no match.
export function fits(typed, name) {
  const [wanted, text] = [fold(typed).trim(), fold(name)];
  if (!wanted) return 1;
  const at = text.indexOf(wanted);
  // Of equal matches, the shorter name is closer.
  const near = 1 / (text.length + 1);
  if (at === 0) return 4 + near;
  if (at > 0) return (/[\p{L}\p{N}]/u.test(text[at - 1]) ? 2 : 3) + near;
  let from = 0;
  for (const letter of wanted) {
    if (letter === ' ') continue;
    from = text.indexOf(letter, from) + 1;
    if (!from) return 0;
  }
  return 1 + near;
}

// The matching entries, best first; equal ones keep their order.
export function best(typed, entries, count) {
  const scored = entries.map((entry) => [Math.max(...entry.names.map((name) => fits(typed, name))) * (entry.weight ?? 1), entry]);
  return scored.filter(([score]) => score > 0).sort(([a], [b]) => b - a).slice(0, count).map(([, entry]) => entry);
}
