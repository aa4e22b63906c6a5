// Folds consecutive notices with the same text into one: "Grace, Linus and 6 others joined". The server does the same
// (`web/views/fold.rs`). The first notice shows the text for all of them; the others are hidden and keep their place in the log.
import { createElement } from '#js/core/dom.js';

// How many names are shown before "and … others".
const NAMED = 2;

// Keeps the notices of a list folded while the list changes.
export function folding(list) {
  const seen = new MutationObserver((records) => {
    const near = new Set();
    for (const { addedNodes, removedNodes, previousSibling, nextSibling } of records) {
      if (![...addedNodes, ...removedNodes].some((node) => node.nodeType === Node.ELEMENT_NODE)) continue;
      for (const node of [...addedNodes, previousSibling, nextSibling]) if (node?.parentNode === list) near.add(node);
      for (const node of addedNodes) for (const beside of [node.previousElementSibling, node.nextElementSibling]) if (beside) near.add(beside);
    }
    const done = new Set();
    for (const node of near) if (deed(node) && !done.has(node)) for (const one of fold(node)) done.add(one);
  });
  seen.observe(list, { childList: true });
  return seen;
}

// Folds the run of notices around one, and returns the run.
function fold(node) {
  let first = node;
  while (isLike(first.previousElementSibling, node)) first = first.previousElementSibling;
  const row = [first];
  while (isLike(row.at(-1).nextElementSibling, node)) row.push(row.at(-1).nextElementSibling);
  const names = row.map(({ dataset }) => dataset.who);
  if (first.dataset.told === names.join()) return row;
  for (const one of row) {
    one.hidden = one !== first;
    one.querySelector('.fold')?.remove();
    delete one.dataset.told;
  }
  if (row.length < 2) return row;
  first.dataset.told = names.join();
  first.querySelector('.text').after(told(names, deed(first)));
  return row;
}

function told(names, what) {
  if (names.length <= NAMED + 1) return createElement('span', 'fold', `${names.slice(0, -1).join(', ')} and ${names.at(-1)} ${what}`);
  const all = createElement('details', 'fold');
  all.append(createElement('summary', '', `${names.slice(0, NAMED).join(', ')} and ${names.length - NAMED} others ${what}`), names.slice(NAMED).join(', '));
  return all;
}

const deed = (node) => (node.matches?.('.notice:not(.notice--target, :target)') ? node.dataset.deed : undefined);
const isLike = (node, other) => !!node && deed(node) === deed(other);
