// The page's one quiet voice: short confirmations and new messages, for those who listen instead of look.
import { shown } from '#js/people-live.js';

// How long a confirmation stays to be seen, in milliseconds.
const SHOWN = 2_500;

let hiding;

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

// Tells a new message in one line.
export function tell(message) {
  const words = new DOMParser().parseFromString(message.html, 'text/html').body.textContent.trim();
  announce(`${shown(message.author)}: ${words.slice(0, 200)}`);
}
