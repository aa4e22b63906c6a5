// The emoji under a message: each with its count and its people, pressed where one is among them.
import { make } from '#js/make.js';
import { named, nameOf } from '#js/people-live.js';

// Brings the chips to a message's present state. A chip that stays keeps its node, and the focus with it.
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

// Presses a chip or lets it go before the server has said so; gives what takes it back.
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

// The same form that the server writes, so that a chip works either way.
function blank(emoji, { room, seq }) {
  const form = make('form', 'chip');
  form.method = 'post';
  form.action = `/rooms/${room}/${seq}/react`;
  form.dataset.emoji = emoji;
  const on = make('input');
  Object.assign(on, { type: 'hidden', name: 'on' });
  const press = make('button', 'reaction');
  Object.assign(press, { name: 'emoji', value: emoji });
  form.append(on, press);
  return form;
}

// Whom nothing on the page names, the server knows: it is asked when somebody wants to know, or all who see a new chip would ask at once.
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

// Who chose it: "Ada, Grace and 3 others reacted with 🎉 5"; oneself first. The server says the same in `web/views/entry.rs`. It ends as
// what one sees, by which the button is asked for aloud.
function say(form, users, me) {
  const called = users.map((user) => (user === me.username ? me.name : nameOf(user)) ?? user);
  form.dataset.names = called.join('\n');
  const all = [...(users.includes(me.username) ? ['You'] : []), ...called.filter((_, at) => users[at] !== me.username)];
  const who = all.length > 3 ? `${all[0]}, ${all[1]} and ${all.length - 2} others` : [all.slice(0, -1).join(', '), all.at(-1)].filter(Boolean).join(' and ');
  form.querySelector('.reaction').ariaLabel = `${who} reacted with ${form.dataset.emoji} ${users.length}`;
}
