// How people are shown everywhere: names that change, and dots for presence.
import { fetchJson } from '#js/core/fetch-json.js';
import { createElement } from '#js/core/dom.js';

// Over how long requests for names are spread, in milliseconds.
const SPREAD = 2_000;

// What the server said about people beyond what is on the page, and pending requests.
const told = new Map();
const asked = new Map();

// An unambiguous name: with the username if somebody's name looks the same.
export function shown({ username, name, alike }) { return alike ? `${name} @${username}` : name; }

// A person's name as far as the page knows it: from messages, lists or reactions.
export function nameOf(username) {
  if (told.has(username)) return told.get(username);
  const user = CSS.escape(username);
  const byline = document.querySelector(`.message[data-author="${user}"] .byline`);
  if (byline) return [...byline.querySelectorAll('.by, .at')].map((part) => part.textContent).join(' ');
  const listed = document.querySelector(`[data-name-of="${user}"]`) ?? document.querySelector(`a > [data-person="${user}"] ~ .name`);
  if (listed) return listed.textContent;
  const { users = '', names = '' } = document.querySelector(`.chip[data-users~="${user}"]`)?.dataset ?? {};
  const chosen = names.split('\n')[users.split(' ').indexOf(username)];
  // A username in place of a name means that the name was unknown.
  return chosen !== username ? chosen : undefined;
}

// Calls `say` with a person's name: at once as far as the page knows it, and again when the server has answered.
export async function named(username, say) {
  const known = nameOf(username);
  say(known ?? username);
  if (known) return;
  if (!asked.has(username)) asked.set(username, ask(username).finally(() => asked.delete(username)));
  await asked.get(username);
  if (told.has(username)) say(told.get(username));
}

async function ask(username) {
  // Everybody in a room hears of a pin at the same moment: the requests are spread.
  await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD));
  const name = nameOf(username) ?? (await fetchJson(`/people/${encodeURIComponent(username)}`))?.person.name;
  // A rename meanwhile is newer.
  if (name && !told.has(username)) told.set(username, name);
}

// Puts the username beside an ambiguous name.
export function at(by, { username, alike }) {
  const beside = by.nextElementSibling?.matches('.at') ? by.nextElementSibling : null;
  if (!alike) beside?.remove();
  else if (!beside) by.after(' ', createElement('span', 'at', `@${username}`));
}

// `person {username, name, status, alike, photo}`: updates a name and a photo everywhere on the page.
export function renamed({ username, name, status, alike, photo }) {
  told.set(username, shown({ username, name, alike }));
  const user = CSS.escape(username);
  const named = [`[data-name-of="${user}"]`, `.message[data-author="${user}"] .by`];
  for (const node of document.querySelectorAll(named.join(','))) (node.querySelector('a') ?? node).textContent = name;
  for (const by of document.querySelectorAll(`.message[data-author="${user}"] .by`)) at(by, { username, alike });
  for (const node of document.querySelectorAll(`.message[data-author="${user}"] > .avatar, [data-person="${user}"] > .avatar`)) fill(node, { username, name, photo });
  for (const node of document.querySelectorAll(`[data-status-of="${user}"]`)) node.textContent = status;
  // A conversation of two has the other person's name.
  for (const face of document.querySelectorAll(`a > [data-person="${user}"]`)) {
    const title = face.parentElement.querySelector('.name');
    if (title) title.textContent = shown({ username, name, alike });
  }
  for (const mark of document.querySelectorAll(`.pinned[data-by="${user}"]`)) mark.lastChild.textContent = `Pinned by ${shown({ username, name, alike })}`;
  dispatchEvent(new CustomEvent('renamed', { detail: username }));
}

// `online {user, online}`: somebody in a shared room came or went.
export function cameOrWent({ user, online }) {
  for (const dot of document.querySelectorAll(`[data-person="${CSS.escape(user)}"] > .dot`)) dot.classList.toggle('dot--on', online);
  for (const line of document.querySelectorAll(`[data-presence-of="${CSS.escape(user)}"]`)) line.textContent = online ? 'Online' : 'Last seen just now';
}

// The first letters of the first two words, as the server writes them.
function initials(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0]).join('').toUpperCase();
}

// The address of a person's photo, which never shows another one.
const photoOf = ({ username, photo }) => `/people/${encodeURIComponent(username)}/photo?v=${photo}`;

// Fills an avatar with a photo, or else with initials, as the server does.
export function fill(avatar, person) {
  if (person.photo) show(avatar, photoOf(person));
  else avatar.textContent = initials(person.name);
}

// Shows a picture inside of an element, which gives it its size. One that is shown already stays.
export function show(frame, src) {
  if (frame.querySelector('img')?.getAttribute('src') === src) return;
  const image = createElement('img', '');
  Object.assign(image, { loading: 'lazy', decoding: 'async', alt: '', width: 36, height: 36, src });
  frame.replaceChildren(image);
}

// A person's avatar in a list: their photo or initials on their color, and a dot for presence.
export function face({ id, username, name, photo }, online = false) {
  const portrait = document.createElement('span');
  portrait.className = 'portrait';
  portrait.dataset.person = username;
  const avatar = document.createElement('span');
  avatar.className = `avatar avatar--s hue-${id % 12}`;
  avatar.ariaHidden = 'true';
  fill(avatar, { username, name, photo });
  const dot = document.createElement('span');
  dot.className = online ? 'dot dot--on' : 'dot';
  portrait.append(avatar, dot);
  return portrait;
}

// A conversation's avatar: the other person's, or the number of people.
export function participants({ direct }) {
  const me = document.querySelector('.app').dataset.me;
  const [first] = direct;
  if (direct.length > 1) {
    const many = document.createElement('span');
    many.className = 'portrait portrait--many';
    many.ariaHidden = 'true';
    many.textContent = direct.length + 1;
    return many;
  }
  const shown = face(first);
  if (first.username === me) {
    // A conversation with oneself is "Notes to self", whatever the person's name.
    shown.querySelector('.dot').remove();
    delete shown.dataset.person;
  }
  return shown;
}
