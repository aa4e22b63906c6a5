// The participants of a new conversation: people are searched while typing, and chosen ones stay on top. Without scripts the form has a search
// button.
import { fetchJson } from '#js/core/fetch-json.js';
import { createElement } from '#js/core/dom.js';
import { face } from '#js/people/names.js';

// How many other people a conversation can have.
const MOST = 8;
// The debounce before a request, in milliseconds.
const REST = 120;

export function start(form) {
  const field = form.elements.q;
  const list = form.querySelector('.companions');
  const press = form.querySelector('.button');
  const said = createElement('div', 'unseen');
  said.role = 'status';
  form.append(said);
  form.querySelector('.finder .quiet').hidden = true;
  let turn = 0;
  let resting;

  const boxes = (which) => [...list.querySelectorAll(`input${which}`)];
  const others = () => boxes(':checked').filter(({ value }) => value !== document.querySelector('.app').dataset.me);

  function chose() {
    const isFull = others().length >= MOST;
    for (const box of boxes(':not(:checked)')) box.disabled = isFull;
  }

  async function find() {
    clearTimeout(resting);
    const asked = ++turn;
    const typed = field.value.trim().slice(0, 64);
    const found = await fetchJson(`/people${typed ? `?q=${encodeURIComponent(typed)}` : ''}`);
    if (asked !== turn || !found) return;
    const kept = boxes(':checked').map((box) => box.closest('.companion'));
    const known = new Set(boxes(':checked').map(({ value }) => value));
    const people = found.people.filter(({ username }) => !known.has(username));
    // What follows must not move up under a pointer that is about to press it.
    list.style.minBlockSize = `${list.offsetHeight}px`;
    const none = typed && !people.length ? [createElement('p', 'none', 'No one found. Try part of a name.')] : [];
    list.replaceChildren(...kept, ...people.map(companion), ...none);
    const more = form.querySelector('[name=people]');
    if (more) { more.hidden = !found.more; more.value = found.next ?? ''; }
    said.textContent = people.length === 1 ? '1 person found' : people.length ? `${found.more ? `${people.length}+` : people.length} people found` : 'No one found';
    chose();
  }

  field.addEventListener('input', () => {
    turn += 1;
    clearTimeout(resting);
    resting = setTimeout(find, REST);
  });
  list.addEventListener('change', chose);
  field.addEventListener('keydown', async (event) => {
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Backspace' && !field.value) {
      const last = boxes(':checked').at(-1);
      if (!last) return;
      last.checked = false;
      said.textContent = `${last.closest('.companion').querySelector('.companion-name').firstChild.textContent} removed`;
      chose();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      // Without a search, the chosen people are enough.
      if (!field.value.trim()) return boxes(':checked').length ? form.requestSubmit(press) : undefined;
      await find();
      const [first] = boxes(':not(:checked):not(:disabled)');
      if (!first) return;
      first.checked = true;
      field.value = '';
      await find();
      said.textContent = `${first.closest('.companion').querySelector('.companion-name').firstChild.textContent} added`;
    }
  });
  chose();
  // What was typed before this script was there.
  if (field.value !== field.defaultValue) find();
}

function companion(person) {
  const isMe = person.username === document.querySelector('.app').dataset.me;
  const label = createElement('label', 'companion');
  const box = createElement('input', '');
  Object.assign(box, { type: 'checkbox', name: 'users', value: person.username });
  const portrait = face(person, person.online);
  if (isMe) portrait.querySelector('.dot').remove();
  const name = createElement('span', 'companion-name', person.name + (isMe ? ' (you)' : ''));
  name.append(createElement('small', '', `@${person.username}`));
  label.append(box, portrait, name);
  return label;
}
