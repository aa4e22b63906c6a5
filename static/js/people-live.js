// What is shown of people wherever they are shown: names that change, and dots that tell who is there.
import { make } from '#js/make.js';

// A name that is nobody else's: with the username where somebody else's looks the same.
export function shown({ username, name, alike }) { return alike ? `${name} @${username}` : name; }

// Puts the username beside a name where it takes that.
export function at(by, { username, alike }) {
  const beside = by.nextElementSibling?.matches('.at') ? by.nextElementSibling : null;
  if (!alike) beside?.remove();
  else if (!beside) by.after(make('span', 'at', `@${username}`));
}

// `person {username, name, status, alike}`: everywhere on the page, their name is another one.
export function renamed({ username, name, status, alike }) {
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
}

// `online {user, online}`: somebody whom one talks to came or went.
export function cameOrWent({ user, online }) {
  for (const dot of document.querySelectorAll(`[data-person="${CSS.escape(user)}"] > .dot`)) dot.classList.toggle('dot--on', online);
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
    // A place for notes: it is called "You", whatever one is called.
    shown.querySelector('.dot').remove();
    delete shown.dataset.person;
  }
  return shown;
}
