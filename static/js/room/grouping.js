// How messages relate to their neighbors: separators between days, grouping by author, times in the reader's format.
import { brief, clock, dayKey, dayName, fullTime } from '#js/core/time.js';

// Messages of one author within this many milliseconds are grouped; the server uses the same value.
export const JOIN_WITHIN = 5 * 60 * 1000;

// `isTimed`: the times are in the reader's format already.
export function groupMessages(nodes, { isTimed = false } = {}) {
  for (const node of nodes) {
    if (!node) continue;
    const before = previous(node);
    const { at } = node.dataset;
    // The unread line stands between a day and its first message.
    const top = node.previousElementSibling?.matches('.fresh') ? node.previousElementSibling : node;
    const isNewDay = !before || dayKey(before.dataset.at) !== dayKey(at);
    const day = top.previousElementSibling?.matches('.day') ? top.previousElementSibling : null;
    if (!isNewDay) day?.remove();
    else if (day) (day.firstElementChild ?? day).textContent = dayName(at);
    else top.before(separator(at));
    if (node.matches('.message')) node.classList.toggle('message--first', isNewDay || node.matches('.message--target') || top !== node || !joins(node, before) || !!node.querySelector('.answers'));
    if (!isTimed) for (const time of node.querySelectorAll('time')) {
      time.title = fullTime(at);
      (time.querySelector('a') ?? time).textContent = time.closest('.side') ? brief(at) : clock(at);
    }
  }
}

function joins(node, before) {
  return before.matches('.message') && before.dataset.author === node.dataset.author && Date.parse(node.dataset.at) - Date.parse(before.dataset.at) < JOIN_WITHIN;
}

function separator(at) {
  const day = document.createElement('div');
  day.className = 'day';
  // It opens the date field, as in the server's markup.
  const press = document.createElement('button');
  press.type = 'button';
  press.title = 'Jump to date';
  press.setAttribute('popovertarget', 'to-date');
  press.textContent = dayName(at);
  day.append(press);
  return day;
}

// The line over the first unread message.
export function unreadLine() {
  const line = document.createElement('div');
  line.className = 'fresh';
  line.setAttribute('role', 'separator');
  line.textContent = 'New';
  return line;
}

export function previous(node) {
  let at = node.previousElementSibling;
  while (at && !at.dataset.seq) at = at.previousElementSibling;
  return at;
}

export function next(node) {
  let at = node.nextElementSibling;
  while (at && !at.dataset.seq) at = at.nextElementSibling;
  return at;
}
