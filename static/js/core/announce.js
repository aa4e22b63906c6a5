// Announcements for screen readers: short confirmations and new messages.
import { names } from '#js/files/describe.js';
import { shown } from '#js/people/names.js';

// How long a confirmation is visible, in milliseconds.
const SHOWN = 2_500;

// Messages within this many milliseconds are announced together, and this many of them one by one.
const TOGETHER = 200;
const FEW = 3;

let hiding;
const untold = [];

// Announces a text in the live region; `isShown` also shows it at the bottom of the page.
export function announce(text, { isShown = false } = {}) {
  const region = document.querySelector('#said');
  if (!region) return;
  clearTimeout(hiding);
  region.classList.toggle('said--shown', isShown);
  // A repeated text must be announced again.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
  hiding = setTimeout(() => { region.textContent = ''; region.classList.remove('said--shown'); }, SHOWN);
}

// Announces a new message: author and text. Messages that come together are announced together; of many, only their number.
export function announceMessage(message) {
  untold.push(message);
  if (untold.length > 1) return;
  setTimeout(() => {
    const all = untold.splice(0);
    const { author } = all.at(-1);
    if (all.length > FEW) announce(`${all.length} new messages, the last from ${shown(author)}`);
    else announce(all.map((one) => `${shown(one.author)}: ${words(one)}`).join('. '));
  }, TOGETHER);
}

function words({ html, attachments }) {
  const text = new DOMParser().parseFromString(html, 'text/html').body.textContent.trim().replace(/\s+/g, ' ').slice(0, 200);
  return text || names(attachments);
}
