// The reactions below a message: each with its count and its people, pressed if the reader is among them.
import { createElement } from '#js/core/dom.js';
import { named, nameOf } from '#js/people/names.js';

// Updates the chips to a message's present state. Remaining chips keep their nodes, and with them the focus.
export function reactions(line, message, me) {
  const wanted = new Map((message.reactions ?? []).map((reaction) => [reaction.emoji, reaction.users]));
  for (const chip of [...line.children]) if (!wanted.has(chip.dataset.emoji)) chip.remove();
  let last = null;
  for (const [emoji, users] of wanted) {
    const chip = [...line.children].find((other) => other.dataset.emoji === emoji) ?? blank(emoji, message);
    fill(chip, users, me);
    if (last ? last.nextElementSibling !== chip : line.firstElementChild !== chip) { if (last) last.after(chip); else line.prepend(chip); }
    last = chip;
  }
}

// Toggles a chip before the server answers, and returns an undo function.
export function flip(line, emoji, on, message, me) {
  const before = state(line);
  const users = new Map(before.map((reaction) => [reaction.emoji, reaction.users]));
  const others = (users.get(emoji) ?? []).filter((user) => user !== me.username);
  users.set(emoji, on ? [...others, me.username] : others);
  const after = [...users].filter(([, who]) => who.length).map(([key, who]) => ({ emoji: key, users: who }));
  reactions(line, { ...message, reactions: after }, me);
  return () => reactions(line, { ...message, reactions: before }, me);
}

function state(line) {
  return [...line.children].map((chip) => ({ emoji: chip.dataset.emoji, users: chip.dataset.users.split(' ').filter(Boolean) }));
}

// The server's form, so that a chip works without a connection too.
function blank(emoji, { room, seq }) {
  const form = createElement('form', 'chip');
  form.method = 'post';
  form.action = `/rooms/${room}/${seq}/react`;
  form.dataset.emoji = emoji;
  const on = createElement('input');
  Object.assign(on, { type: 'hidden', name: 'on' });
  const press = createElement('button', 'reaction');
  Object.assign(press, { name: 'emoji', value: emoji });
  form.append(on, press);
  return form;
}

// Names unknown to the page are fetched on demand: otherwise all who see a new chip would request them at once.
function ask({ target }) {
  const chip = target.closest?.('.chip');
  for (const user of chip?.dataset.users.split(' ') ?? []) if (user !== oneself().username && !nameOf(user)) named(user, () => retell(user));
}
for (const wanted of ['pointerover', 'focusin']) document.addEventListener(wanted, ask);
addEventListener('renamed', ({ detail }) => retell(detail));

function retell(user) {
  for (const chip of document.querySelectorAll(`.chip[data-users~="${CSS.escape(user)}"]`)) say(chip, chip.dataset.users.split(' '), oneself());
}

function oneself() {
  const { me: username, myName: name } = document.querySelector('.app').dataset;
  return { username, name };
}

function fill(form, users, me) {
  const isMine = users.includes(me.username);
  const press = form.querySelector('.reaction');
  form.dataset.users = users.join(' ');
  form.querySelector('input').value = String(!isMine);
  press.textContent = `${form.dataset.emoji} ${users.length}`;
  press.ariaPressed = String(isMine);
  press.classList.toggle('reaction--mine', isMine);
  say(form, users, me);
}

// "Ada, Grace and 3 others reacted with 🎉 5", the reader first, as in `web/views/entry.rs`. It ends with the visible label, for voice
// control.
function say(form, users, me) {
  const called = users.map((user) => (user === me.username ? me.name : nameOf(user)) ?? user);
  form.dataset.names = called.join('\n');
  const all = [...(users.includes(me.username) ? ['You'] : []), ...called.filter((_, at) => users[at] !== me.username)];
  const who = all.length > 3 ? `${all[0]}, ${all[1]} and ${all.length - 2} others` : [all.slice(0, -1).join(', '), all.at(-1)].filter(Boolean).join(' and ');
  form.querySelector('.reaction').ariaLabel = `${who} reacted with ${form.dataset.emoji} ${users.length}`;
}
