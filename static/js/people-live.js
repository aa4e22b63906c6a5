// What is shown of people wherever they are shown: names that change, and dots that tell who is there.
import { askFor } from '#js/get.js';
import { make } from '#js/make.js';

// Over how long questions for names are spread, in milliseconds.
const SPREAD = 2_000;

// What the server told of people, which nothing on the page needs to say; and whom it is being asked about.
const told = new Map();
const asked = new Map();

// A name that is nobody else's: with the username where somebody else's looks the same.
export function shown({ username, name, alike }) { return alike ? `${name} @${username}` : name; }

// What somebody is called, as far as this page knows: by their messages, by a list, or by the emoji that they chose.
export function nameOf(username) {
  if (told.has(username)) return told.get(username);
  const user = CSS.escape(username);
  const byline = document.querySelector(`.message[data-author="${user}"] .byline`);
  if (byline) return [...byline.querySelectorAll('.by, .at')].map((part) => part.textContent).join(' ');
  const listed = document.querySelector(`[data-name-of="${user}"]`) ?? document.querySelector(`a > [data-person="${user}"] ~ .name`);
  if (listed) return listed.textContent;
  const { users = '', names = '' } = document.querySelector(`.chip[data-users~="${user}"]`)?.dataset ?? {};
  const chosen = names.split('\n')[users.split(' ').indexOf(username)];
  // A username among the names says that nothing else was known.
  return chosen !== username ? chosen : undefined;
}

// Tells `say` what somebody is called: at once as far as the page knows it, and else again when the server has told it.
export async function named(username, say) {
  const known = nameOf(username);
  say(known ?? username);
  if (known) return;
  if (!asked.has(username)) asked.set(username, ask(username).finally(() => asked.delete(username)));
  await asked.get(username);
  if (told.has(username)) say(told.get(username));
}

async function ask(username) {
  // Everybody in a room hears of a pin in the same moment; they do not all ask in it.
  await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD));
  const name = nameOf(username) ?? (await askFor(`/people/${encodeURIComponent(username)}`))?.person.name;
  // Whoever took another name meanwhile has that one.
  if (name && !told.has(username)) told.set(username, name);
}

// Puts the username beside a name where it takes that.
export function at(by, { username, alike }) {
  const beside = by.nextElementSibling?.matches('.at') ? by.nextElementSibling : null;
  if (!alike) beside?.remove();
  else if (!beside) by.after(' ', make('span', 'at', `@${username}`));
}

// `person {username, name, status, alike}`: everywhere on the page, their name is another one.
export function renamed({ username, name, status, alike }) {
  told.set(username, shown({ username, name, alike }));
  const user = CSS.escape(username);
  const named = [`[data-name-of="${user}"]`, `.message[data-author="${user}"] .by`];
  for (const node of document.querySelectorAll(named.join(','))) (node.querySelector('a') ?? node).textContent = name;
  for (const by of document.querySelectorAll(`.message[data-author="${user}"] .by`)) at(by, { username, alike });
  for (const node of document.querySelectorAll(`.message[data-author="${user}"] > .avatar, [data-person="${user}"] > .avatar`)) node.textContent = initials(name);
  for (const node of document.querySelectorAll(`[data-status-of="${user}"]`)) node.textContent = status;
  // A conversation of two is called by the other's name.
  for (const face of document.querySelectorAll(`a > [data-person="${user}"]`)) {
    const title = face.parentElement.querySelector('.name');
    if (title) title.textContent = shown({ username, name, alike });
  }
  for (const mark of document.querySelectorAll(`.pinned[data-by="${user}"]`)) mark.lastChild.textContent = `Pinned by ${shown({ username, name, alike })}`;
  dispatchEvent(new CustomEvent('renamed', { detail: username }));
}

// `online {user, online}`: somebody whom one talks to came or went.
export function cameOrWent({ user, online }) {
  for (const dot of document.querySelectorAll(`[data-person="${CSS.escape(user)}"] > .dot`)) dot.classList.toggle('dot--on', online);
  for (const line of document.querySelectorAll(`[data-presence-of="${CSS.escape(user)}"]`)) line.textContent = online ? 'Online' : 'Last seen just now';
}

// The first letters of the first two words, as the server writes them.
export function initials(name) {
  const words = name.split(/[\s._-]+/u).filter(Boolean);
  return words.slice(0, 2).map((word) => [...word][0]).join('').toUpperCase();
}

// The face of somebody in a list: their letters on their colour, and whether they are there.
export function face({ id, username, name }, online = false) {
  const portrait = document.createElement('span');
  portrait.className = 'portrait';
  portrait.dataset.person = username;
  const avatar = document.createElement('span');
  avatar.className = `avatar avatar--s hue-${id % 12}`;
  avatar.ariaHidden = 'true';
  avatar.textContent = initials(name);
  const dot = document.createElement('span');
  dot.className = online ? 'dot dot--on' : 'dot';
  portrait.append(avatar, dot);
  return portrait;
}

// The face of a conversation: the other's, or how many people it has.
export function company({ direct }) {
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
    // A place for notes: it is called "Notes to self", whatever one is called.
    shown.querySelector('.dot').remove();
    delete shown.dataset.person;
  }
  return shown;
}
