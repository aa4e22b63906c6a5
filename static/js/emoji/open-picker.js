// Choosing an emoji: the quick ones, which a page contains, and the picker of all, which is loaded on first use.
import { recent, used } from '#js/emoji/emoji.js';

// How many quick ones there are.
const QUICK = 6;

let picker;

// Opens the picker beside `at`; on close, the focus returns to `back`.
export async function pick(at, choose, back = at) {
  const { EmojiPicker } = await import('#js/emoji/picker.js');
  const node = document.querySelector('#picker');
  // Each page has its own.
  if (picker?.node !== node) picker = new EmojiPicker(node);
  picker.open(at, (emoji) => { used(emoji); choose(emoji); }, back);
}

// The quick emoji: [{ emoji, name }], recent ones before the page's usual ones.
export function usual() {
  const faces = [...document.querySelectorAll('#picker .usual .face:not([data-recent])')].map(({ dataset, ariaLabel }) => ({ emoji: dataset.emoji, name: ariaLabel }));
  const nameOf = (emoji) => faces.find((face) => face.emoji === emoji)?.name ?? emoji;
  const last = recent().slice(0, QUICK).map((emoji) => ({ emoji, name: nameOf(emoji) }));
  return [...last, ...faces.filter(({ emoji }) => !last.some((one) => one.emoji === emoji))].slice(0, QUICK);
}
