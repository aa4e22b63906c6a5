// Choosing an emoji: the quick ones, which a page has, and the picker of all of them, which is loaded when it is first opened.
import { recent, used } from '#js/emoji.js';

// How many quick ones there are.
const QUICK = 6;

let picker;

// Opens the picker beside `at`; the focus goes to `back`, or to where it was, when it closes.
export async function pick(at, choose, back = at) {
  const { Picker } = await import('#js/emoji-picker.js');
  const node = document.querySelector('#picker');
  // Each page brings its own.
  if (picker?.node !== node) picker = new Picker(node);
  picker.open(at, (emoji) => { used(emoji); choose(emoji); }, back);
}

// The quick emoji: [{ emoji, name }], those used last before the usual ones, which the page lists.
export function usual() {
  const faces = [...document.querySelectorAll('#picker .usual .face:not([data-recent])')].map(({ dataset, ariaLabel }) => ({ emoji: dataset.emoji, name: ariaLabel }));
  const nameOf = (emoji) => faces.find((face) => face.emoji === emoji)?.name ?? emoji;
  const last = recent().slice(0, QUICK).map((emoji) => ({ emoji, name: nameOf(emoji) }));
  return [...last, ...faces.filter(({ emoji }) => !last.some((one) => one.emoji === emoji))].slice(0, QUICK);
}
