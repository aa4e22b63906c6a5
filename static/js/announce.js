// The page's one quiet voice: short confirmations and new messages, for those who listen instead of look.
import { shown } from '#js/people-live.js';

// How long a confirmation stays to be seen, in milliseconds.
const SHOWN = 2_500;

// What comes within so many milliseconds is told together, and how many messages are told one by one.
const TOGETHER = 200;
const FEW = 3;

let hiding;
const untold = [];

// Says something in the live region; what is shown as well stands for a moment at the foot of the page.
export function announce(text, { isShown = false } = {}) {
  const region = document.querySelector('#said');
  if (!region) return;
  clearTimeout(hiding);
  region.classList.toggle('said--shown', isShown);
  // The same words twice are news twice.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
  hiding = setTimeout(() => { region.textContent = ''; region.classList.remove('said--shown'); }, SHOWN);
}

// Tells a new message: who wrote it, and what. Those that come together are told together, and of many only how many.
export function tell(message) {
  untold.push(message);
  if (untold.length > 1) return;
  setTimeout(() => {
    const all = untold.splice(0);
    const { author } = all.at(-1);
    if (all.length > FEW) announce(`${all.length} new messages, the last from ${shown(author)}`);
    else announce(all.map((one) => `${shown(one.author)}: ${words(one)}`).join('. '));
  }, TOGETHER);
}

const words = ({ html }) => new DOMParser().parseFromString(html, 'text/html').body.textContent.trim().replace(/\s+/g, ' ').slice(0, 200);
